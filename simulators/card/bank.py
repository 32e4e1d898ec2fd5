"""The financial side of a virtual card: PSE and PPSE, one application with account and e-cash, and an e-purse.

Written by its own hand: tags and layouts as PBOC has them, no codec of the reader.
"""

from __future__ import annotations

from simulators.card.faults import CardFaults
from simulators.card.plastic import Plastic, atr_of, data_of, tlv

ACCOUNT = "6210009876543210"  # invented; its check digit is right
DEBIT = bytes.fromhex("A000000333010101")
PURSE = bytes.fromhex("A00000000386980701")
_PSE, _PPSE = b"1PAY.SYS.DDF01", b"2PAY.SYS.DDF01"
_DIRECTORY_FILE = 0x01
_OK = b"\x90\x00"
_OBJECTS = {
    0x9F79: "000000001234",
    0x9F77: "000000100000",
    0x9F78: "000000050000",
    0x9F6D: "000000010000",
    0x9F5D: "000000001234",
    0x9F36: "002A",
}
_LOG = bytes.fromhex("0011" + "000000" + "000001F4" + "06" + "999900000001" + "20260301" + "123059")
_PURSE_BALANCE = bytes.fromhex("000004D2")


class FinanceSide:
    """What answers when one of its applications is selected. ``contactless``: it lists itself in the PPSE alone."""

    def __init__(
        self, faults: CardFaults, *, contactless: bool = False, account_file: int = 0x02, purse: bool = True
    ) -> None:
        self._faults = faults
        self._entry = tlv(0x61, tlv(0x4F, DEBIT) + tlv(0x50, b"PBOC DEBIT") + tlv(0x87, b"\x01"))
        self._names = {_PPSE if contactless else _PSE, DEBIT} | ({PURSE} if purse else set())
        self._account_file = account_file
        self.selected = b""

    def select(self, name: bytes) -> bytes | None:
        """The FCI, or ``None`` when this is no name of its."""
        found = next((known for known in sorted(self._names) if name and known.startswith(name)), b"")
        self.selected = found
        if not found:
            return None
        inside = {
            _PSE: tlv(0x88, bytes((_DIRECTORY_FILE,))),
            _PPSE: tlv(0xBF0C, self._entry),
        }.get(found, tlv(0x50, b"PBOC DEBIT"))
        return tlv(0x6F, tlv(0x84, found) + tlv(0xA5, inside))

    def execute(self, apdu: bytes) -> bytes | None:
        """The answer while one of its applications is selected, or ``None`` when the command is not for it."""
        header = apdu[:2].hex()
        if not self.selected or header not in {"00b2", "80ca", "805c"}:
            return None
        if header == "00b2":
            return self._record(apdu[2], apdu[3] >> 3)
        if header == "80ca" and self.selected == DEBIT:
            return self._object(int.from_bytes(apdu[2:4], "big"))
        if header == "805c" and self.selected == PURSE:
            return self._faults.raw_records.get(0x805C, _PURSE_BALANCE) + _OK
        return b"\x6d\x00"

    def _record(self, number: int, short_id: int) -> bytes:
        if self.selected == PURSE and short_id == 0x18:  # noqa: PLR2004 - the log
            return _LOG + _OK if number == 1 else b"\x6a\x83"
        if number != 1:
            return b"\x6a\x83"
        if self.selected == _PSE and short_id == _DIRECTORY_FILE:
            return tlv(0x70, self._entry) + _OK
        if self.selected == DEBIT and short_id == self._account_file:
            own = {
                0x57: tlv(0x57, bytes.fromhex(ACCOUNT + "D30122010000000000")),
                0x5A: tlv(0x5A, bytes.fromhex(ACCOUNT)),
                0x5F20: tlv(0x5F20, b"TEST/CARD"),
                0x5F24: tlv(0x5F24, bytes.fromhex("301231")),
            }
            objects = (
                self._faults.raw_records.get(tag, made) for tag, made in own.items() if tag not in self._faults.missing_tags
            )
            return tlv(0x70, b"".join(objects)) + _OK
        return b"\x6a\x82"

    def _object(self, tag: int) -> bytes:
        value = _OBJECTS.get(tag)
        if value is None or tag in self._faults.missing_tags:
            return b"\x6a\x88"
        return self._faults.raw_records.get(tag, tlv(tag, bytes.fromhex(value))) + _OK


class BankCard(Plastic):
    """A bank's card and nothing else on it."""

    def __init__(self, faults: CardFaults | None = None, *, contactless: bool = False, account_file: int = 0x02) -> None:
        super().__init__(faults or CardFaults(), atr_of(bytes.fromhex("0081549999")))
        self._side = FinanceSide(self.faults, contactless=contactless, account_file=account_file)

    def reset(self) -> None:
        """Power on or reset: nothing is selected."""
        super().reset()
        self._side.selected = b""

    def _execute(self, apdu: bytes) -> bytes:
        if apdu[:3] == b"\x00\xa4\x04":
            fci = self._side.select(data_of(apdu))
            return b"\x6a\x82" if fci is None else (self.faults.fci or fci) + _OK
        return self._side.execute(apdu) or (b"\x6a\x82" if apdu[:2] == b"\x00\xa4" else b"\x6d\x00")
