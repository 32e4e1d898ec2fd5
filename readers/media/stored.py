"""Old treatment and insurance cards that a PC/SC reader can open: Mifare classic, SLE4442, SLE4428, by pseudo-APDUs.

They say a number and no identity. Where it stands is configured, as ``[[stored_cards]]``; a sector's key stands in a file
of its own, and nowhere else: not in a fault, not in a log. Nothing is ever written to such a card, and the security code of
an SLE card is never presented, because three wrong ones kill it.

Commands: PC/SC part 3 (FF CA, FF 82, FF 86, FF B0); for memory cards FF A4 chooses the card's type in readers that want it,
and those that do not know it are read all the same. Sources: reference 2.3; the pseudo answers to reset of SLE cards are
those that readers of several makers give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from attrs import frozen

from config.section import between, one_of, setting
from middleware.domain.card import INSURANCE_CARD, TREATMENT_CARD, MediumRead, UnlinkedError
from middleware.domain.fault import Fault
from middleware.domain.identity import MediumNumber
from readers import status_words
from readers.apdu import Command, Exchange, Response, transmit
from readers.cards.encoding import is_blank

MIFARE, SLE4442, SLE4428 = "mifare-classic", "sle4442", "sle4428"
CHIPS = (MIFARE, SLE4442, SLE4428)
BLOCK = 16
MAX_BYTES = 64
KEY_SLOT = 0x00
_KEY_TYPES = {"A": 0x60, "B": 0x61}
_KEY_DIGITS = 12
_SIZES = {SLE4442: 256, SLE4428: 1024}
_TYPES = {SLE4442: 0x06, SLE4428: 0x05}
# How the answer to reset begins: PC/SC part 3 for Mifare 1K and 4K; for SLE cards what readers make of their four bytes.
HISTORIES: Mapping[str, tuple[bytes, ...]] = MappingProxyType({
    MIFARE: (bytes.fromhex("804F0CA000000306030001"), bytes.fromhex("804F0CA000000306030002")),
    SLE4442: (bytes.fromhex("A2131091"),),
    SLE4428: (bytes.fromhex("92231091"),),
})  # fmt: skip


class Form(StrEnum):
    """How a number stands in bytes."""

    ASCII = "ascii"
    BCD = "bcd"
    HEX = "hex"
    NUMBER = "number"  # unsigned, big-endian


@frozen(slots=True)
class StoredCardOptions:
    """[[stored_cards]]: one kind of old card."""

    chip: str = setting(help="what is in it", validator=one_of(*CHIPS))
    kind: str = setting(TREATMENT_CARD, help="what it was given out as", validator=one_of(TREATMENT_CARD, INSURANCE_CARD))
    form: str = setting("ascii", help="how its number is written", validator=one_of(*(str(form) for form in Form)))
    uid: bool = setting(False, help="mifare-classic: the chip's own serial is the number, nothing is read from a sector")
    offset: int = setting(
        32, help="first byte of the number; of mifare-classic within the block", validator=between(0, 1023)
    )
    length: int = setting(10, help="bytes of the number", validator=between(1, MAX_BYTES))
    block: int = setting(4, help="mifare-classic: block, counted through the card", validator=between(0, 255))
    key_type: str = setting("A", help="mifare-classic: key A or B opens the sector", validator=one_of(*_KEY_TYPES))
    key_file: Path | None = setting(  # noqa: RUF009 - an attrs field
        None, help="mifare-classic: file with the sector's key, 12 hex digits, mode 0400"
    )

    def __attrs_post_init__(self) -> None:
        if self.chip == MIFARE and not self.uid:
            if self.key_file is None:
                raise ValueError("a mifare-classic card needs key_file, or uid = true")
            if self.offset + self.length > BLOCK:
                raise ValueError(f"offset and length go beyond the {BLOCK} bytes of a block")
        if self.chip in _SIZES and self.offset + self.length > _SIZES[self.chip]:
            raise ValueError(f"offset and length go beyond the {_SIZES[self.chip]} bytes of a {self.chip}")

    def check(self) -> None:
        """Whether the key file that it names holds a key. Raises as ``key`` does."""
        if self.key_file is not None:
            _ = self.key

    @property
    def key(self) -> bytes:
        """The sector's key. Raises ``system.config`` naming the file's key in the configuration, never its content."""
        if self.key_file is None:
            raise Fault("system.config", "stored_cards.key_file is not set")
        try:
            text = self.key_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError):
            raise Fault("system.config", "stored_cards.key_file cannot be read") from None
        if len(text) != _KEY_DIGITS or not all(char in "0123456789abcdefABCDEF" for char in text):
            raise Fault("system.config", f"stored_cards.key_file: {_KEY_DIGITS} hex digits")
        return bytes.fromhex(text)


def chip_of(historical: bytes) -> str:
    """Which chip it is, by the historical bytes; "" for every other card."""
    for chip, prefixes in HISTORIES.items():
        if historical.startswith(prefixes):
            return chip
    return ""


def read_stored(exchange: Exchange, historical: bytes, cards: tuple[StoredCardOptions, ...], reader: str) -> None:
    """Read the card when it is one of these; returns when it is none of them, to be tried as another kind.

    Raises ``UnlinkedError`` with the number, ``medium.key`` (the sector stays shut), ``card.malformed``,
    ``card.status_word``, ``system.config`` (no key file), and whatever ``exchange`` raises.
    """
    chip = chip_of(historical)
    shut: Fault | None = None
    for card in cards:
        if card.chip != chip:
            continue
        try:
            raw = _mifare(exchange, card) if chip == MIFARE else _memory(exchange, card)
        except Fault as fault:
            if fault.code != "medium.key":
                raise
            shut = fault  # another card of the same chip may be this one
            continue
        number = number_of(raw, Form(card.form), f"{card.kind} {chip}")
        raise UnlinkedError(MediumRead(card.kind, MediumNumber(number), reader))
    if shut is not None:
        raise shut


def _mifare(exchange: Exchange, card: StoredCardOptions) -> bytes:
    if card.uid:
        return _good(transmit(exchange, Command(0xFF, 0xCA, 0x00, 0x00, le=256), "mifare serial"), "mifare serial").data
    where = f"mifare block {card.block}"
    load = Command(0xFF, 0x82, 0x00, KEY_SLOT, data=card.key)
    _good(transmit(exchange, load, "mifare key"), "mifare key")
    opened = transmit(
        exchange,
        Command(0xFF, 0x86, 0x00, 0x00, data=bytes((0x01, 0x00, card.block, _KEY_TYPES[card.key_type], KEY_SLOT))),
        where,
    )
    if not opened.ok:
        raise Fault("medium.key", f"{where}: status {opened.sw:04X}")
    data = _good(transmit(exchange, Command(0xFF, 0xB0, 0x00, card.block, le=BLOCK), where), where).data
    if len(data) != BLOCK:
        raise Fault("card.malformed", f"{where}: {len(data)} bytes")
    return data[card.offset : card.offset + card.length]


def _memory(exchange: Exchange, card: StoredCardOptions) -> bytes:
    where = f"{card.chip} at {card.offset}"
    # A reader that knows the card by itself refuses this; then reading shows whether it does.
    transmit(exchange, Command(0xFF, 0xA4, 0x00, 0x00, data=bytes((_TYPES[card.chip],))), where)
    read = Command(0xFF, 0xB0, card.offset >> 8, card.offset & 0xFF, le=card.length)
    data = _good(transmit(exchange, read, where), where).data
    if len(data) != card.length:
        raise Fault("card.malformed", f"{where}: {len(data)} bytes, not {card.length}")
    return data


def _good(response: Response, where: str) -> Response:
    if not response.ok:
        raise status_words.as_fault(response.sw, where)
    return response


def number_of(raw: bytes, form: Form, where: str) -> str:
    """The number, or ``card.malformed`` that names the form: padding of 00, FF or spaces does not count."""
    found = "" if is_blank(raw) else _FORMS[form](raw)
    if not found:
        raise Fault("card.malformed", f"{where}: no number in {form}")
    return found


def _ascii(raw: bytes) -> str:
    body = raw.rstrip(b"\x00\xff ").strip()
    return body.decode("ascii") if body.isalnum() and body.isascii() else ""


def _bcd(raw: bytes) -> str:
    digits = raw.hex().rstrip("f")
    return digits if digits.isdecimal() else ""


def _hex(raw: bytes) -> str:
    return raw.hex().upper()


def _number(raw: bytes) -> str:
    return str(int.from_bytes(raw, "big"))


_FORMS: dict[Form, Callable[[bytes], str]] = {
    Form.ASCII: _ascii, Form.BCD: _bcd, Form.HEX: _hex, Form.NUMBER: _number,
}  # fmt: skip


def with_stored(procedure: Any, cards: tuple[StoredCardOptions, ...]) -> Any:
    """The same ``CardProcedure``, with these cards tried first: known by the answer to reset, they cost no exchange."""
    if not cards:
        return procedure

    def read(exchange: Exchange, context: Any) -> Any:
        read_stored(exchange, bytes.fromhex(context.atr_historical), cards, context.reader)
        return procedure(exchange, context)

    return read
