"""A virtual social-security card with keys and a PIN: it proves itself, wants proof, counts tries and opens files by rule.

Strict where a real one may be: a challenge dies with the next command that is not part of an authentication.
"""

from __future__ import annotations

from attrs import evolve, field, frozen

from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access, CardFile
from simulators.card import keys
from simulators.card.faults import CardFaults
from simulators.card.virtual import VirtualCard
from simulators.people import CardPerson

FIRST_PIN = "123456"
PIN_TRIES = 6
KEY_TRIES = 3
MAX_CHALLENGES = 4
_OK = b"\x90\x00"
_SECURITY = b"\x69\x82"
_LOCKED = b"\x69\x83"
_LENGTH = b"\x67\x00"


@frozen(slots=True)
class KeyFaults:
    """What can be wrong with a keyed card, beside ``CardFaults``."""

    forged: bool = False  # its keys are of no issuer
    answer_prove: int = 0  # this status word to EXTERNAL AUTHENTICATE, whatever it was sent
    suffixed: bool = False  # EXTERNAL AUTHENTICATE wants seventeen bytes, the last one 01
    card: CardFaults = field(factory=CardFaults)


class SecureCard(VirtualCard):
    """One person's card with keys. Tries and PIN outlive a reset, rights do not."""

    def __init__(self, person: CardPerson, faults: KeyFaults | None = None, *, seed: int = 1, pin: str = FIRST_PIN) -> None:
        self.key_faults = faults or KeyFaults()
        super().__init__(person, evolve(self.key_faults.card, granted=True), seed=seed)
        self.sm4 = person.spec_version.startswith("3")
        self.pin = pin
        self.pin_tries = PIN_TRIES
        self.key_tries: dict[int, int] = {}
        self.commands: list[bytes] = []  # everything that was sent to it, for tests that look for a PIN elsewhere
        self._challenges: list[bytes] = []
        self._proved: set[int] = set()
        self._pin_verified = False
        self._name = b""

    def reset(self) -> None:
        """Power on or reset: rights and challenges are gone."""
        super().reset()
        self._challenges.clear()
        self._proved.clear()
        self._pin_verified = False
        self._name = b""

    @property
    def proved(self) -> frozenset[int]:
        """The keys that were proved since the last reset."""
        return frozenset(self._proved)

    def key(self, reference: int) -> bytes:
        """This card's key of that number."""
        if self.key_faults.forged:
            reference += 0x100
        return keys.card_key(reference, self.person.region, keys.card_factor(self.atr), sm4=self.sm4)

    def _execute(self, apdu: bytes) -> bytes:
        self.commands.append(bytes(apdu))
        if len(apdu) < 5:  # noqa: PLR2004 - every command here has a length
            return super()._execute(apdu)
        data = apdu[5 : 5 + apdu[4]]
        match apdu[0], apdu[1]:
            case 0x00, 0x84:
                return self._challenge(apdu[4])
            case 0x00, 0x88:
                return self._prove_itself(data)
            case 0x00, 0x82:
                return self._take_proof(apdu[3], data)
        factor = self._challenges[-1] if self._challenges else b""
        self._challenges.clear()
        match apdu[0], apdu[1]:
            case 0x00, 0x20:
                return self._verify(data)
            case 0x80, 0x5E:
                return self._change(data)
            case 0x84, 0x24:
                return self._unblock(apdu[:5], data, factor)
            case 0x00, 0xB2 | 0xB0 if not self._may_read(apdu):
                return _SECURITY
        answer = super()._execute(apdu)
        if apdu[:3] == b"\x00\xa4\x04" and answer[-2:] == _OK:
            self._name = bytes(data)
        return answer

    # -- keys

    def _challenge(self, length: int) -> bytes:
        made = self._random.randbytes(length or keys.FACTOR)
        self._challenges = [*self._challenges, made][-MAX_CHALLENGES:]
        return made + _OK

    def _session_key(self, reference: int, factor: bytes) -> bytes:
        return keys.diversified(self.key(reference), (factor,), sm4=self.sm4)

    def _prove_itself(self, data: bytes) -> bytes:
        if len(data) != 2 * keys.FACTOR:
            return _LENGTH
        key = self._session_key(keys.KeyRef.IRK, data[: keys.FACTOR])
        return keys.computed(key, data[keys.FACTOR :], sm4=self.sm4) + _OK

    def _take_proof(self, reference: int, data: bytes) -> bytes:
        if self.key_faults.answer_prove:
            return self.key_faults.answer_prove.to_bytes(2, "big")
        if self.key_faults.suffixed and data[16:] != b"\x01":
            return _LENGTH
        cryptogram, factor = data[: keys.FACTOR], data[keys.FACTOR : 2 * keys.FACTOR]
        if len(factor) != keys.FACTOR or (data[16:] and not self.key_faults.suffixed):
            return _LENGTH
        left = self.key_tries.setdefault(reference, KEY_TRIES)
        if not left:
            return _LOCKED
        sources = [one for one in self._challenges if one != factor] if factor in self._challenges else []
        self._challenges.clear()  # each challenge is good for one proof
        key = self._session_key(reference, factor)
        if not any(keys.computed(key, source, sm4=self.sm4) == cryptogram for source in sources):
            self.key_tries[reference] = left - 1
            return (0x63C0 + left - 1).to_bytes(2, "big")
        self.key_tries[reference] = KEY_TRIES
        self._proved.add(reference)
        return _OK

    # -- the PIN

    def _verify(self, data: bytes) -> bytes:
        if not self.pin_tries:
            return _LOCKED
        if data.hex().upper().rstrip("F") != self.pin:
            self.pin_tries -= 1
            self._pin_verified = False
            return (0x63C0 + self.pin_tries).to_bytes(2, "big")
        self.pin_tries = PIN_TRIES
        self._pin_verified = True
        return _OK

    def _change(self, data: bytes) -> bytes:
        old, _, new = data.partition(b"\xff")
        answer = self._verify(old)
        if answer == _OK:
            self.pin = new.hex().upper().rstrip("F")
        return answer

    def _unblock(self, header: bytes, data: bytes, factor: bytes) -> bytes:
        if not factor or (header[3] and keys.KeyRef.RELOAD not in self._proved):
            return _SECURITY
        key = self._session_key(keys.KeyRef.PUK, factor)
        if keys.mac(key, header, data[:-4], sm4=self.sm4) != data[-4:]:
            return b"\x93\x02"
        if data[:-4]:
            self.pin = keys.pin_of(key, data[:-4], sm4=self.sm4)
        self.pin_tries = PIN_TRIES
        return _OK

    # -- files

    def _pin_proved(self) -> bool:
        return self._pin_verified

    def _may_read(self, apdu: bytes) -> bool:
        short = apdu[3] >> 3 if apdu[1] == 0xB2 else 0  # noqa: PLR2004 - READ RECORD
        file = self._declared(0xEF00 + short if short else self._file)
        if file is None:
            return True  # the card answers what it has not
        by_key, by_pin = file.key in self._proved, self._pin_verified
        rules = {
            Access.FREE: True,
            Access.PIN: by_pin,
            Access.KEY_OR_PIN: by_key or by_pin,
            Access.KEY_AND_PIN: by_key and by_pin,
            Access.NEVER: False,
        }
        return rules.get(file.access[self._generation], by_key)

    def _declared(self, file_id: int) -> CardFile | None:
        for environment in SOCIAL_SECURITY:
            if environment.name == self._name:
                return next((file for file in environment.files_of(self._generation) if file.file_id == file_id), None)
        return None
