"""Cards of other kinds, as far as a detection sees them: what they answer to a SELECT, and their historical bytes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import frozen

from simulators.card.faults import CardFaults

_OK = b"\x90\x00"


@frozen(slots=True)
class Plain:
    """What one kind of card knows: names of applications, identifiers of files, historical bytes."""

    names: tuple[bytes, ...] = ()
    files: tuple[int, ...] = ()
    historical: bytes = bytes.fromhex("0081549999")
    status: int = 0x6A82  # of a SELECT that it does not know


OTHERS: Mapping[str, Plain] = MappingProxyType({
    "bank-card": Plain(names=(b"1PAY.SYS.DDF01", bytes.fromhex("A000000333010101"))),
    "health-card": Plain(files=(0xDDF1,)),
    "mifare-classic": Plain(historical=bytes.fromhex("804F0CA00000030603000100000000"), status=0x6D00),
    "psam": Plain(names=(b"sx3.sh." + "社会保障".encode("gbk"), bytes.fromhex("D15600000590"))),
    "unknown": Plain(),
})  # fmt: skip


class OtherCard:
    """A card of that kind; speaks T=1. ``answer`` is called by one thread at a time."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.faults = CardFaults()
        self._plain = OTHERS[kind]
        self.asked: list[bytes] = []
        historical = self._plain.historical
        body = bytes((0x80 + len(historical), 0x80, 0x01)) + historical
        check = 0
        for byte in body:
            check ^= byte
        self.atr = b"\x3b" + body + bytes((check,))

    def reset(self) -> None:
        """Power on or reset."""
        self.asked.clear()

    def answer(self, apdu: bytes) -> bytes | None:
        """9000 to a SELECT of what it has, else its own "never heard of it"."""
        self.asked.append(apdu)
        if apdu[:2] == b"\x00\xa4":
            data = apdu[5 : 5 + apdu[4]]
            if apdu[2] == 0x04 and any(name.startswith(data) for name in self._plain.names):  # noqa: PLR2004 - by name
                return bytes((0x6F, len(data) + 2, 0x84, len(data))) + data + _OK
            if apdu[2] == 0x00 and int.from_bytes(data, "big") in self._plain.files:
                return _OK
        return self._plain.status.to_bytes(2, "big")
