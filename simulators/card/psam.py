"""A PSAM in a reader of its own: the terminal's security module, with the issuer's invented keys."""

from __future__ import annotations

from attrs import frozen

from simulators.card import keys
from simulators.card.faults import CardFaults
from simulators.card.plastic import Plastic, atr_of, data_of

_OK = b"\x90\x00"
_NO_KEY = b"\x6a\x88"
_LEVEL = b"\x69\x85"
_ENVIRONMENTS = {0x01: b"sx1.sh.", 0x02: b"sx2.sh.", 0x03: b"sx3.sh."}
_NAME = "社会保障".encode("gbk")
_DF01 = bytes.fromhex("D15600000590")
_ROOT, _HEALTH_DF01 = bytes.fromhex("3F00"), bytes.fromhex("DF01")
_LEVELS = 3
_MORE = 0x61


@frozen(slots=True)
class PsamFaults:
    """What can be wrong with a PSAM."""

    ciphers: tuple[int, ...] = (0x01, 0x03)  # as the markers of cards: 01 3DES, 03 SM4
    without: frozenset[int] = frozenset()  # keys that it lacks
    level: int = _LEVELS  # how many diversifications its keys still allow
    wrong: bool = False  # its keys are another issuer's
    health: bool = True  # it has the application of resident health cards
    only_80: bool = False  # takes class 80 instead of BF
    get_response: bool = False  # the T=0 way
    card: CardFaults = CardFaults()  # noqa: RUF009 - frozen


class PsamCard(Plastic):
    """Answers SELECT, its public files, 80DE/BFDE (choose a key, diversify it) and 80FA (compute)."""

    def __init__(
        self,
        faults: PsamFaults | None = None,
        *,
        serial: str = "99990000000000000001",
        terminal: str = "999900000007",
    ) -> None:
        self.psam_faults = faults or PsamFaults()
        super().__init__(self.psam_faults.card, atr_of(bytes.fromhex("008154000050534D")))
        self.serial, self.terminal = serial, terminal
        self._cipher = 0
        self._in_df01 = False
        self._in_health = False
        self._key = b""
        self._pending = b""
        self._expected = b""
        self.debits = 0  # the terminal's own transaction number: outlives a reset

    def reset(self) -> None:
        """Power on or reset."""
        super().reset()
        self._cipher, self._in_df01, self._key, self._pending = 0, False, b"", b""
        self._in_health = False

    def _execute(self, apdu: bytes) -> bytes:
        data = data_of(apdu)
        match apdu[0], apdu[1]:
            case 0x00, 0xA4:
                self._in_health = False
                return self._select_file(data) if len(data) == 2 else self._select(data)  # noqa: PLR2004 - an identifier
            case 0x00, 0xB0:
                return self._public(apdu[2], apdu[4])
            case 0x00, 0xC0:
                pending, self._pending = self._pending, b""
                return pending + _OK
            case 0xBF, 0xDE if self.psam_faults.only_80:
                return b"\x6e\x00"
            case 0x80 | 0xBF, 0xDE:
                return self._choose(apdu[2], apdu[3], data)
            case 0x80, 0xFA:
                return self._compute(data)
            case 0x80, 0x70:
                return self._begin_debit(data)
            case 0x80, 0x72:
                return self._check_debit(data)
            case _:
                return b"\x6d\x00"

    def _select_file(self, identifier: bytes) -> bytes:
        """Its root, and the application of resident health cards under it."""
        if identifier == _ROOT:
            self._cipher, self._in_df01, self._key = 0, False, b""
            return _OK
        if identifier != _HEALTH_DF01 or not self.psam_faults.health:
            return b"\x6a\x82"
        self._cipher, self._in_health = 0x03, True
        return _OK

    def _select(self, name: bytes) -> bytes:
        if name == _DF01:
            self._in_df01 = bool(self._cipher)
            return _OK if self._in_df01 else b"\x6a\x82"
        for cipher in self.psam_faults.ciphers:
            if name == _ENVIRONMENTS[cipher] + _NAME:
                self._cipher, self._in_df01, self._key = cipher, False, b""
                return _OK
        return b"\x6a\x82"

    def _public(self, short_id: int, le: int) -> bytes:
        files = {0x95: bytes.fromhex(self.serial) + b"\x01\x00\x99\x99", 0x96: bytes.fromhex(self.terminal)}
        content = files.get(short_id)
        return b"\x6a\x82" if content is None else content[:le] + _OK

    def _choose(self, usage: int, reference: int, data: bytes) -> bytes:
        faults = self.psam_faults
        if self._in_health:
            return self._choose_health(usage, reference, data)
        if not self._in_df01:
            return b"\x69\x85"
        if reference in faults.without:
            return _NO_KEY
        levels = usage >> 5
        if len(data) != levels * keys.FACTOR:
            return b"\x67\x00"
        if levels > faults.level:
            return _LEVEL
        # The data hold the card's factor first; the key goes down by the city's, then the card's, then the message's.
        factors = [data[at : at + keys.FACTOR] for at in range(0, len(data), keys.FACTOR)]
        if levels == _LEVELS:
            factors = [factors[1], factors[0], factors[2]]
        root = keys.root_key(reference + (0x200 if faults.wrong else 0))
        self._key = keys.diversified(root, factors, sm4=self._cipher == 0x03)  # noqa: PLR2004 - SM4's marker
        return _OK

    def _choose_health(self, usage: int, reference: int, data: bytes) -> bytes:
        """The card's factor, the city's, the message's: two levels of the card, and the message's beside them."""
        if reference in self.psam_faults.without or reference not in keys.HEALTH_READ:
            return _NO_KEY
        if usage != 0x47 or len(data) != _LEVELS * keys.FACTOR:  # noqa: PLR2004 - as cards' programs send it
            return b"\x67\x00"
        if self.psam_faults.level < usage >> 5:
            return _LEVEL
        card, city, message = (data[at : at + keys.FACTOR] for at in range(0, len(data), keys.FACTOR))
        root = keys.root_key(reference + (0x200 if self.psam_faults.wrong else 0))
        self._key = keys.diversified(root, (city, card, message), sm4=True)
        return _OK

    def _begin_debit(self, data: bytes) -> bytes:
        """Random 4, counter 2, amounts 8, kind 1, moment 7, version 1, algorithm 1, card factor 8, city factor 8."""
        if not self._in_df01 or len(data) != 40:  # noqa: PLR2004 - the sum of those
            return b"\x67\x00"
        if keys.KeyRef.DEBIT in self.psam_faults.without:
            return _NO_KEY
        sm4 = self._cipher == 0x03  # noqa: PLR2004 - SM4's marker
        self.debits += 1
        number = self.debits.to_bytes(4, "big")
        random, counter, amounts, kind, moment = data[:4], data[4:6], data[6:14], data[14:15], data[15:22]
        root = keys.root_key(keys.KeyRef.DEBIT + (0x200 if self.psam_faults.wrong else 0))
        card = keys.diversified(root, (data[32:40], data[24:32]), sm4=sm4)
        key = keys.debit_key(card, random, counter, number, sm4=sm4)
        self._expected = keys.mac(key, b"", amounts, sm4=sm4)
        mac1 = keys.mac(key, b"", amounts + kind + bytes.fromhex(self.terminal) + moment, sm4=sm4)
        return number + mac1 + _OK

    def _check_debit(self, mac2: bytes) -> bytes:
        expected, self._expected = self._expected, b""
        return b"\x69\x85" if not expected else _OK if mac2 == expected else b"\x93\x02"

    def _compute(self, data: bytes) -> bytes:
        sm4 = self._cipher == 0x03  # noqa: PLR2004 - SM4's marker
        if not self._key:
            return b"\x69\x85"
        if len(data) != (16 if sm4 else 8):
            return b"\x67\x00"
        result = keys.ecb(self._key, data, sm4=sm4)
        if self.psam_faults.get_response:
            self._pending = result
            return bytes((_MORE, len(result)))
        return result + _OK
