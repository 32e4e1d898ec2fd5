"""A hand scanner, or a stripe reader, on a serial line."""

from __future__ import annotations

from simulators.serial.line import SerialLine


class HandScanner(SerialLine):
    """Says what is scanned, as it is told to."""

    def scan(self, text: str, *, end: bytes = b"\r\n", charset: str = "utf-8") -> None:
        """One scan."""
        self.send(text.encode(charset) + end)

    def swipe(self, *tracks: str) -> None:
        """A stripe: tracks 1, 2, 3 with their sentinels."""
        starts = ("%", ";", "+")
        self.scan("".join(f"{start}{track}?" for start, track in zip(starts, tracks, strict=False) if track))
