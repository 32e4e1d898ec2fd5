"""Command and response APDUs (ISO 7816-4), pure: bytes in, bytes out, never hex text.

Only short APDUs: every command of a social-security card fits one. ``transmit`` answers 61xx and 6Cxx itself, because
pcsc-lite passes them up raw (reference 1.5) and nobody above should know which protocol the card speaks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from attrs import evolve, frozen

from middleware.domain.fault import Fault

Exchange = Callable[[bytes], bytes]
"""One command out, one answer back, status word included. Raises ``Fault`` when the card or the reader is lost."""

MAX_DATA = 255
MAX_LE = 256
MAX_RESPONSE = 256 + 2  # terminals must take 256 bytes of data (terminal supplement), and the status word
MAX_ROUNDS = 16  # GET RESPONSE and re-sent commands for one command: far beyond any real card, and an end to a mad one

MAX_KEPT = 512  # reading commands, made once: they are the same for every card and carry nothing of a person

SW_OK = 0x9000
SW1_MORE = 0x61
SW1_WRONG_LE = 0x6C
INS_GET_RESPONSE = 0xC0
_HEADER = 4
_STATUS = 2


@frozen(slots=True)
class Command:
    """One command: header, data of 0-255 bytes, and how many bytes are awaited (1-256, or none)."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None

    def __attrs_post_init__(self) -> None:
        assert len(self.data) <= MAX_DATA, "short APDUs carry at most 255 bytes"  # noqa: S101 - our own mistake
        assert self.le is None or 1 <= self.le <= MAX_LE, "Le is 1-256"  # noqa: S101 - our own mistake

    def encode(self) -> bytes:
        """The bytes of ISO 7816-4 cases 1-4; Le 256 is written 00."""
        lc = bytes((len(self.data),)) if self.data else b""
        le = b"" if self.le is None else bytes((self.le % MAX_LE,))
        return bytes((self.cla, self.ins, self.p1, self.p2)) + lc + self.data + le

    @classmethod
    def decode(cls, raw: bytes) -> Command:
        """The inverse, for traces and tests. Raises ``Fault("card.malformed")`` on anything that is no short APDU."""
        if len(raw) < _HEADER:
            raise Fault("card.malformed", "command shorter than its header")
        header, body = raw[:_HEADER], raw[_HEADER:]
        if not body:
            return cls(*_four(header))
        if len(body) == 1:
            return cls(*_four(header), le=body[0] or MAX_LE)
        data, rest = body[1 : 1 + body[0]], body[1 + body[0] :]
        if body[0] == 0 or len(data) != body[0] or len(rest) > 1:
            raise Fault("card.malformed", "command length does not match Lc")
        return cls(*_four(header), data=data, le=(rest[0] or MAX_LE) if rest else None)


@frozen(slots=True)
class Response:
    """One answer: data and status word."""

    data: bytes
    sw: int

    @property
    def ok(self) -> bool:
        """9000 and nothing else; public code that tests sw1 and sw2 apart takes 6F00 for success."""
        return self.sw == SW_OK

    def encode(self) -> bytes:
        """Data, then the status word."""
        return self.data + self.sw.to_bytes(_STATUS, "big")

    @classmethod
    def decode(cls, raw: bytes, where: str = "card") -> Response:
        """Raises ``Fault("card.malformed")`` beginning with ``where`` when this is no answer.

        That is: no status word, or more data than a terminal must take.
        """
        if len(raw) < _STATUS:
            raise Fault("card.malformed", f"{where}: answer without a status word")
        if len(raw) > MAX_RESPONSE:
            raise Fault("card.malformed", f"{where}: answer longer than 256 bytes")
        return cls(raw[:-_STATUS], int.from_bytes(raw[-_STATUS:], "big"))


def _four(header: bytes) -> tuple[int, int, int, int]:
    return header[0], header[1], header[2], header[3]


def transmit(exchange: Exchange, command: Command, where: str = "card", answered: bytes | None = None) -> Response:
    """The card's whole answer to one command, with 61xx (fetch the rest) and 6Cxx (ask with that Le) already done.

    ``answered``: what the card has said already to the command itself.

    Raises what ``exchange`` raises, and ``Fault("card.malformed")`` from a card that never comes to an end.
    """
    data = b""
    following = command
    for _ in range(MAX_ROUNDS):
        response = Response.decode(exchange(following.encode()) if answered is None else answered, where)
        answered = None
        sw1, sw2 = response.sw >> 8, response.sw & 0xFF
        if sw1 == SW1_WRONG_LE:
            following = evolve(following, le=sw2 or MAX_LE)
            continue
        if sw1 != SW1_MORE:
            return Response(data + response.data, response.sw) if data else response
        data += response.data
        # Same logical channel, no secure messaging (ISO 7816-4, 7.6.1).
        following = Command(command.cla & 0x03, INS_GET_RESPONSE, 0, 0, le=sw2 or MAX_LE)
    raise Fault("card.malformed", f"{where}: the card asks for more without end")


def select_by_name(name: bytes) -> Command:
    """SELECT an application or environment by its name (DF name)."""
    return Command(0x00, 0xA4, 0x04, 0x00, data=name)


@lru_cache(maxsize=MAX_KEPT)
def select_file(file_id: int, p1: int) -> Command:
    """SELECT an elementary file by its two-byte identifier; ``p1`` is 02 or 00, both are met in the field."""
    return Command(0x00, 0xA4, p1, 0x00, data=file_id.to_bytes(2, "big"))


@lru_cache(maxsize=MAX_KEPT)
def read_record(tag: int, le: int) -> Command:
    """READ RECORD of the current file. P1 carries the TAG, not a record number: the way of these cards."""
    return Command(0x00, 0xB2, tag, 0x00, le=le)


@lru_cache(maxsize=MAX_KEPT)
def record_command(tag: int, le: int) -> bytes:
    """The bytes of ``read_record``."""
    return read_record(tag, le).encode()


@lru_cache(maxsize=MAX_KEPT)
def read_numbered_record(number: int, le: int, short_id: int = 0) -> Command:
    """READ RECORD by number, from 1 (P2 ends in 4: P1 is a number), of the current file or of that short identifier."""
    return Command(0x00, 0xB2, number, short_id << 3 | 0x04, le=le)


def read_binary(offset: int, le: int) -> Command:
    """READ BINARY of the current file from ``offset``, 0-32767."""
    return Command(0x00, 0xB0, offset >> 8, offset & 0xFF, le=le)
