"""What can be wrong with a virtual card: one frozen record of knobs, all off by default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen


class WithdrawnError(Exception):
    """The card takes itself out of the reader at this exchange."""


class SwappedError(Exception):
    """At this exchange the card is pulled and ``CardFaults.swap_for`` put in instead."""


@frozen(slots=True)
class CardFaults:
    """Knobs of one virtual card. Exchanges are counted from 1, anew after each power-on.

    ``status_at`` answers exchange n with that status word and no data. ``raw_records`` replaces whole records, tag and
    length included, so that any malformed record can be put on the card.
    """

    silent_from: int = 0  # from this exchange on the card never answers; 0 = it always does
    withdraw_at: int = 0  # the card is pulled out at this exchange
    swap_at: int = 0  # at this exchange another card takes its place
    swap_for: Any = None  # that card; None: its slot stays empty
    status_at: Mapping[int, int] = field(factory=dict)
    slow_s: float = 0.0  # each answer comes this late
    select_forms: tuple[int, ...] = (0x02, 0x00)  # P1 values of SELECT EF that this card takes
    get_response: bool = False  # the T=0 way: 61xx after SELECT, 6Cxx for any Le that is not exact
    padding: int = 0x00  # 00 or FF behind texts; A1: names are filled with full-width spaces (A1A1), the rest with 00
    missing_tags: frozenset[int] = frozenset()
    missing_status: int = 0x6A83  # what the card says of a tag that it lacks
    granted: bool = False  # as though keys and PIN had been proved: nothing is guarded
    algorithm: int | None = None  # the marker in the FCI; None: 03 (SM4) on third-generation cards, none on others
    fci: bytes | None = None  # the answer to SELECT by name, whatever it may be
    missing_applications: frozenset[str] = frozenset()  # labels, as "DF04"
    raw_records: Mapping[int, bytes] = field(factory=dict)

    @classmethod
    def wrong_length(cls, tag: int) -> CardFaults:
        """The record's length byte says more than follows."""
        return cls(raw_records={tag: bytes((tag, 9, 0x31))})

    @classmethod
    def not_bcd(cls, tag: int) -> CardFaults:
        """A four-byte date with a nibble that is no digit."""
        return cls(raw_records={tag: bytes((tag, 4, 0x19, 0x74, 0x0A, 0x12))})

    @classmethod
    def broken_name(cls) -> CardFaults:
        """A name that ends in half a character, then padding."""
        return cls(raw_records={0x09: bytes((0x09, 30, 0xD5, 0xC5, 0xCE)) + bytes(27)})
