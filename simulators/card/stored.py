"""Old cards in a reader: Mifare classic and SLE memory cards, as PC/SC readers answer pseudo-APDUs for them."""

from __future__ import annotations

from simulators.card.faults import CardFaults

_OK = b"\x90\x00"
_BLOCK = 16
# Of a Mifare 1K as PC/SC part 3 makes it; of the others the card's own four bytes behind 3B 04, as readers give them.
_ATRS = {
    "mifare-classic": "3B8F8001804F0CA000000306030001000000006A",
    "sle4442": "3B04A2131091",
    "sle4428": "3B0492231091",
}


class StoredCard:
    """One such card: its bytes, and for Mifare the keys A of its sectors.

    ``knows_type``: whether the reader takes the command that chooses a memory card's type.
    """

    def __init__(
        self, chip: str, content: dict[int, bytes], *, key: bytes = b"\xff" * 6, uid: bytes = b"", knows_type: bool = True
    ) -> None:
        self.kind = chip
        self.faults = CardFaults()
        self.asked: list[bytes] = []
        self.atr = bytes.fromhex(_ATRS[chip])
        self._content = content
        self._key = key
        self._uid = uid
        self._knows_type = knows_type
        self._loaded = b""
        self._open = -1

    def reset(self) -> None:
        """Power on."""
        self.asked.clear()
        self._loaded, self._open = b"", -1

    def answer(self, apdu: bytes) -> bytes | None:
        """What a reader says for the card."""
        self.asked.append(apdu)
        if apdu[0] != 0xFF:  # noqa: PLR2004 - the class of pseudo-APDUs
            return b"\x6d\x00"
        mifare = self.kind == "mifare-classic"
        match apdu[1]:
            case 0xCA if mifare:
                return self._uid + _OK
            case 0x82 if mifare:
                self._loaded = apdu[5:]
                return _OK
            case 0x86 if mifare:
                good = self._loaded == self._key and apdu[8] == 0x60  # noqa: PLR2004 - key A
                self._open = apdu[7] // 4 if good else -1
                return _OK if good else b"\x63\x00"
            case 0xB0 if mifare:
                block = apdu[3]
                if self._open != block // 4:
                    return b"\x69\x82"
                return self._content.get(block, bytes(_BLOCK)) + _OK
            case 0xA4 if not mifare:
                return _OK if self._knows_type else b"\x6d\x00"
            case 0xB0:
                start = apdu[2] << 8 | apdu[3]
                memory = bytearray(b"\xff" * 1024)
                for at, data in self._content.items():
                    memory[at : at + len(data)] = data
                return bytes(memory[start : start + apdu[4]]) + _OK
            case _:
                return b"\x6a\x81"
