"""Frames of the reader link, without I/O: four bytes of length, then one message. Bytes in, records out.

No bytes whatever raise anything but ``Fault("reader.link")``, and none make it keep more than one frame.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import msgspec

from middleware.domain.fault import Fault
from readers.remote.messages import FromAgent, FromDaemon

HEAD = 4
MAX_FRAME = 32 << 10  # the longest message there can be, 64 commands or answers, is 17 KiB

T = TypeVar("T")
_ENCODER = msgspec.msgpack.Encoder()


def frame(message: FromAgent | FromDaemon) -> bytes:
    """The message as it goes on the wire."""
    body = _ENCODER.encode(message)
    return len(body).to_bytes(HEAD, "big") + body


class FrameReader(Generic[T]):
    """What one side says, as it arrives in pieces. After a fault the link is of no more use."""

    def __init__(self, kinds: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[T] = msgspec.msgpack.Decoder(kinds)
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[T]:
        """The messages that are whole by now. Raises ``reader.link`` on what is no message of this side."""
        self._buffer += data
        found = []
        while len(self._buffer) >= HEAD:
            length = int.from_bytes(self._buffer[:HEAD], "big")
            if length > MAX_FRAME:
                raise Fault("reader.link", "a frame that is too long")
            if len(self._buffer) < HEAD + length:
                break
            body = bytes(self._buffer[HEAD : HEAD + length])
            del self._buffer[: HEAD + length]
            try:
                found.append(self._decoder.decode(body))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
                # The library's text may quote what it met: a card's answer.
                raise Fault("reader.link", f"a frame that is no message: {type(exc).__name__}") from None
        return found


def of_agent() -> FrameReader[FromAgent]:
    """For the daemon: what an agent may say."""
    return FrameReader(FromAgent)


def of_daemon() -> FrameReader[FromDaemon]:
    """For the agent: what the daemon may say."""
    return FrameReader(FromDaemon)
