"""A virtual social-security card whose medical accounts can be debited: real arithmetic, invented keys, and its own books.

``debits`` is what this piece of plastic did, whoever heard of it: the truth that a test compares with everybody's word.
"""

from __future__ import annotations

from attrs import frozen

from simulators.card import keys
from simulators.card.faults import WithdrawnError
from simulators.card.secure import FIRST_PIN, KeyFaults, SecureCard
from simulators.people import CardPerson

_OK = b"\x90\x00"
_CONDITIONS = b"\x69\x85"
_DF04 = bytes.fromhex("D15600000503")
_LOG = 0xEF08
_LOG_RECORDS = 10


@frozen(slots=True)
class PurseFaults:
    """What can go wrong around a debit."""

    pulled_before: bool = False  # the card is pulled as the debit comes, before it is done
    pulled_after: bool = False  # the card does it and is pulled before it answers
    answers: int = 0  # this status word instead of doing it
    answers_after: int = 0  # this status word although it did it
    wrong_mac2: bool = False


class PurseCard(SecureCard):
    """Balance, pooled sum, counter and log live in the plastic: they outlive every reset."""

    def __init__(
        self, person: CardPerson, faults: KeyFaults | None = None, *, seed: int = 1, pin: str = FIRST_PIN,
        individual_fen: int = 100_00, year: str = "2026",
    ) -> None:  # fmt: skip
        super().__init__(person, faults, seed=seed, pin=pin)
        self.purse_faults = PurseFaults()
        self.individual_fen, self.pooled_fen, self.year = individual_fen, 0, year
        self.counter = 7
        self.log: list[bytes] = []
        self.debits: list[tuple[int, int]] = []
        self._begun: tuple[bytes, bytes, bytes] | None = None

    def reset(self) -> None:
        """Power on or reset: a debit that was begun is forgotten."""
        super().reset()
        self._begun = None

    def _execute(self, apdu: bytes) -> bytes:
        begun, self._begun = getattr(self, "_begun", None), None  # the random is for the very next command
        if self._name != _DF04:
            return super()._execute(apdu)
        if apdu[:2] == b"\x80\x50":
            self.commands.append(bytes(apdu))
            return self._begin(apdu[5 : 5 + apdu[4]])
        if apdu[:2] == b"\x80\x54":
            self.commands.append(bytes(apdu))
            return self._debit(apdu[5 : 5 + apdu[4]], begun)
        answer = super()._execute(apdu)
        if answer[-2:] != _OK:
            return answer
        if apdu[:4] == b"\xb0\x26\x00\x01":
            return self.individual_fen.to_bytes(4, "big") + _OK
        if apdu[:4] == b"\xb0\x26\x00\x02":
            return bytes.fromhex(self.year) + self.pooled_fen.to_bytes(4, "big") + _OK
        return answer

    def _read_application(self, number: int, p2: int, le: int) -> bytes:
        if self._file != _LOG:
            return super()._read_application(number, p2, le)
        if number > _LOG_RECORDS:
            return b"\x6a\x83"
        return (self.log[-number] if number <= len(self.log) else bytes(28)) + _OK

    def _begin(self, data: bytes) -> bytes:
        if not self._pin_proved():
            return b"\x69\x82"
        if len(data) != 15:  # noqa: PLR2004 - index, two amounts, terminal
            return b"\x67\x00"
        if int.from_bytes(data[1:5], "big") > self.individual_fen:
            return b"\x94\x01"
        random = self._random.randbytes(4)
        self._begun = data[1:9], data[9:15], random
        counter = self.counter.to_bytes(2, "big")
        return self.individual_fen.to_bytes(4, "big") + counter + bytes((0, 0, 0, 1, 3 if self.sm4 else 1)) + random + _OK

    def _debit(self, data: bytes, begun: tuple[bytes, bytes, bytes] | None) -> bytes:
        faults = self.purse_faults
        if faults.pulled_before:
            raise WithdrawnError
        if faults.answers:
            return faults.answers.to_bytes(2, "big")
        if begun is None or len(data) != 15:  # noqa: PLR2004 - number, moment, MAC1
            return _CONDITIONS
        amounts, terminal, random = begun
        number, moment, mac1 = data[:4], data[4:11], data[11:]
        key = keys.debit_key(self.key(keys.KeyRef.DEBIT), random, self.counter.to_bytes(2, "big"), number, sm4=self.sm4)
        if keys.mac(key, b"", amounts + b"\x06" + terminal + moment, sm4=self.sm4) != mac1:
            return b"\x93\x02"
        individual, pooled = int.from_bytes(amounts[:4], "big"), int.from_bytes(amounts[4:], "big")
        self.individual_fen -= individual
        self.pooled_fen += pooled
        self.debits.append((individual, pooled))
        record = self.counter.to_bytes(2, "big") + b"1" + terminal + moment + amounts + bytes(4)
        self.log = [*self.log, record][-_LOG_RECORDS:]
        self.counter = (self.counter + 1) % 0x10000
        if faults.pulled_after:
            raise WithdrawnError
        if faults.answers_after:
            return faults.answers_after.to_bytes(2, "big")
        tac = keys.mac(self.key(keys.KeyRef.TAC), b"", amounts + number + moment, sm4=self.sm4)
        mac2 = bytes(4) if faults.wrong_mac2 else keys.mac(key, b"", amounts, sm4=self.sm4)
        return tac + mac2 + _OK
