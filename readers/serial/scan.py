"""What a scanner or a stripe reader sends on a serial line, cut into scans. Pure.

A scan ends with CR, LF, both, or ETX; a STX before it is dropped; some readers end it with nothing, then silence does.
"""

from __future__ import annotations

MAX_SCAN = 4096  # bytes; what is longer is dropped whole, up to its end
_ENDS = b"\r\n\x03"
_STX = 0x02


class ScanReader:
    """Takes bytes as they come and gives whole scans, in order, never an empty one."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._too_long = False
        self.dropped = 0  # scans that were too long

    @property
    def is_open(self) -> bool:
        """Whether a scan has begun and not ended."""
        return bool(self._kept) or self._too_long

    def feed(self, data: bytes) -> list[bytes]:
        """The scans that are complete now."""
        found: list[bytes] = []
        for byte in data:
            if byte in _ENDS:
                found += self.end()
            elif byte == _STX:
                self._kept.clear()
                self._too_long = False
            elif not self._too_long:
                self._kept.append(byte)
                if len(self._kept) > MAX_SCAN:
                    self._kept.clear()
                    self._too_long = True
        return found

    def end(self) -> list[bytes]:
        """Silence: what has come is a scan."""
        scan, self._kept = bytes(self._kept), bytearray()
        if self._too_long:
            self._too_long = False
            self.dropped += 1
            return []
        return [scan] if scan else []
