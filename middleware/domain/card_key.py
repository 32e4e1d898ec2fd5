"""Keys and PINs of cards, as far as they pass through here: what a key holder is asked, what it answers, never a key.

The daemon has no card key. A PSAM or the bureau's HSM computes; the card says whether that was right.
"""

from __future__ import annotations

import re
from typing import Self

from attrs import field, frozen

from middleware.domain.card import CardRead
from middleware.domain.identity import CardIdCode, CardNumber

FACTOR_BYTES = 8
PROOF_BYTES = 16
MIN_PIN, MAX_PIN = 4, 16
_PIN = re.compile(r"[0-9]{4,16}\Z", re.ASCII)


class Pin:
    """Digits in a buffer that is wiped. Use it in a with statement; afterwards it is empty.

    It never shows itself. What cannot be wiped, because Python's text cannot, is the message line that it came in.
    """

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        """``ValueError`` names the rule, never the digits."""
        if not _PIN.match(digits):
            raise ValueError("a PIN is 4 to 16 digits")
        self._digits = bytearray(digits, "ascii")

    def packed(self) -> bytearray:
        """Two digits a byte, an odd last one beside F; the caller wipes it."""
        count = len(self._digits)
        assert count, "the PIN was wiped"  # noqa: S101 - our own mistake
        nibbles = [digit - 0x30 for digit in self._digits] + [0x0F] * (count % 2)
        return bytearray(high << 4 | low for high, low in zip(nibbles[::2], nibbles[1::2], strict=True))

    def reveal(self) -> str:
        """The digits as text that cannot be wiped: only for the HSM's step, which the interface gives them to."""
        return self._digits.decode("ascii")

    @property
    def digits(self) -> int:
        """How many."""
        return len(self._digits)

    def same(self, other: Pin) -> bool:
        """Whether both are the same digits."""
        return self._digits == other._digits

    @property
    def empty(self) -> bool:
        """Whether it was wiped."""
        return not self._digits

    def wipe(self) -> None:
        """Zeros over the digits, then nothing."""
        wipe(self._digits)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wipe()

    def __repr__(self) -> str:
        return "Pin(****)"

    __str__ = __repr__

    def __reduce__(self) -> str:
        raise TypeError("a PIN is never written down")


def wipe(buffer: bytearray) -> None:
    """Zeros over a secret, then an empty buffer."""
    buffer[:] = bytes(len(buffer))
    buffer.clear()


@frozen(slots=True)
class KeyAsk:
    """Which key is to be proved: ``address`` is its four hex digits as HSMs name it, ``reference`` the card's number of it.

    ``mutual``: the card proves itself, too. ``application``: where the key lives, as declarations name it.
    """

    reference: int
    address: str
    application: str = "SSSE"
    mutual: bool = False


HOLDER_KEY = KeyAsk(0x0A, "000A", mutual=True)  # RKSSSE
RELOAD_KEY = KeyAsk(0x06, "0090")
UNBLOCK_ADDRESS = "0173"


@frozen(slots=True)
class KeyChallenge:
    """What a key holder needs, fresh from the card: good once, and for the power session in which it was made.

    ``algorithm``: "01" 3DES, "02" SSF33, "03" SM4. Sources and factors are 8 bytes, or empty where no proof is needed.
    """

    ask: KeyAsk
    algorithm: str
    region: str
    historical: str
    internal_factor: bytes = b""
    internal_source: bytes = b""
    external_factor: bytes = b""
    external_source: bytes = b""


@frozen(slots=True)
class KeyProof:
    """A key holder's answer: what the card should have computed (8 bytes, or empty), and 16 bytes for the card."""

    external: bytes = field(repr=False)
    internal: bytes = field(default=b"", repr=False)


@frozen(slots=True)
class OpenedCard:
    """What is known of a card that is held, before any proof."""

    reader: str
    kind: str
    region_code: str
    card_id_code: CardIdCode
    card_number: CardNumber
    spec_version: str
    algorithm: str
    historical: str
    issued_on: str
    expires_on: str
    needs_key: bool  # its holder's data are behind RKSSSE

    def is_of(self, code: str, number: str) -> bool:
        """Whether that is this card, by both of its numbers."""
        return (self.card_id_code.reveal(), self.card_number.reveal()) == (code.upper(), number.upper())


@frozen(slots=True)
class FileAsk:
    """Items of one file: ``application`` as "SSSE" or "DF04", ``file_id`` as 0xEF05, the items' tags."""

    application: str
    file_id: int
    tags: tuple[int, ...]

    @property
    def path(self) -> str:
        """As declarations and journal name it: "SSSE/EF05"."""
        return f"{self.application}/{self.file_id:04X}"


@frozen(slots=True)
class IdentityRead:
    """A holder's identity, and the serial of the PSAM that opened it ("" when none was needed)."""

    read: CardRead
    psam: str = ""
