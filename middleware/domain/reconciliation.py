"""What a day's comparison with the centre finds of one settlement: classes, evidence, and what follows from them.

A row is a settlement's or its refund's (``refund``). No personal data: all of this goes into the chain. What is compared
stands in ``statement``.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.money import Money


class Difference(StrEnum):
    """The class of one row."""

    EQUAL = "equal"
    AMOUNTS = "amounts"  # both hold it, the amounts differ
    ONLY_HERE = "only-here"  # money that we believe in and the centre does not hold
    ONLY_THERE = "only-there"  # the centre holds what is no row of ours
    REFUND_MISSING = "refund-missing"  # we hold both halves of a refund, the centre the first only
    UNLISTED = "unlisted"  # in doubt with us, and in no complete file of any day that it can belong to


class Resolution(StrEnum):
    """What follows from a class and our state."""

    NONE = "none"  # both say the same
    WAIT = "wait"  # a message about it is on its way: the next comparison tells
    REVERSE_OR_ADOPT = "reverse-or-adopt"  # by 2601; adopted where the region says so and nothing is missing
    REVERSE = "reverse"  # by 2601: it was called not done before, so it is never adopted (invariant 13)
    ABSENT = "absent"  # proven never done
    PERSON = "person"  # shown at the desk until the centre agrees or two persons decide


@frozen(slots=True)
class Proof:
    """Where it is written: the centre's file, by its SHA-256, and the line; without a file neither."""

    run_id: str
    day: dt.date
    file_digest: str = ""
    line: int = 0


@frozen(slots=True)
class Listing:
    """One row of the centre's file. Amounts are the centre's, negative on refunds; None and "" where it wrote none."""

    proof: Proof
    settlement_number: str = ""
    total: Money | None = None
    fund: Money | None = None
    account: Money | None = None
    clearing_type: str = ""
    agency: str = ""


@frozen(slots=True)
class Finding:
    """A difference that waits: for a person, or for what we do about it."""

    difference: Difference
    message_id: str
    refund: bool
    listing: Listing
    found_at: dt.datetime
