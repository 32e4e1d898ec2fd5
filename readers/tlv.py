"""Tag-length-value records of card files, pure and strict: tag (1), length (1), value, and nothing after it.

The length byte is binary, 00-FF. (Public code reads it as decimal text and goes wrong from 0A on.)
"""

from __future__ import annotations

from attrs import frozen

from middleware.domain.fault import Fault

HEADER_BYTES = 2
MAX_VALUE_BYTES = 255


@frozen(slots=True, repr=False)
class Record:
    """One record. The value is a holder's data and never shows itself."""

    tag: int
    value: bytes

    def encode(self) -> bytes:
        """Tag, length, value."""
        assert len(self.value) <= MAX_VALUE_BYTES, "a length is one byte"  # noqa: S101 - our own mistake
        return bytes((self.tag, len(self.value))) + self.value

    @classmethod
    def decode(cls, raw: bytes, where: str = "record") -> Record:
        """Exactly one record, or ``Fault("card.malformed")`` whose detail begins with ``where``."""
        if len(raw) < HEADER_BYTES:
            raise Fault("card.malformed", f"{where}: shorter than tag and length")
        value = raw[HEADER_BYTES:]
        if len(value) != raw[1]:
            raise Fault("card.malformed", f"{where}: length byte says {raw[1]}, {len(value)} bytes follow")
        return cls(raw[0], value)

    def __repr__(self) -> str:
        return f"Record(tag={self.tag:02X}, {len(self.value)} bytes)"
