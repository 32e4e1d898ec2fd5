"""Joining our rows of a day with the centre's, by message id; the settlement number is the second key, a person never.

Pure. A file that does not account for every row that we sent, or speaks of rows that we did not send, is refused whole.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from attrs import define, evolve, frozen

from middleware.domain.fault import Fault
from middleware.domain.reconciliation import Difference, Listing, Proof, Resolution
from middleware.domain.statement import DetailRow, ResultRow, Slice, Verdict
from middleware.domain.visit import SettlementState

S = SettlementState
D, R = Difference, Resolution
CLOCK_DOUBT = dt.timedelta(hours=3)  # so far may our clock, when a message was intended, have been from the centre's


@frozen(slots=True)
class About:
    """Which settlement a row is about, as it was before the centre was asked."""

    settlement_id: str = ""  # "" = no message of ours: a stranger's
    visit_id: str = ""
    state: SettlementState | None = None
    seen: str = ""  # "" = something was learned of it since
    doubts_refund: bool | None = None  # what is in doubt: the refund, the settlement, or nothing
    newest: bool = True  # the message is the settlement's newest of its kind: what is done about it names that one


@frozen(slots=True)
class Booked:
    """One row of ours: a settlement on the day on which the centre settled it, a refund on the day of the refund."""

    row: DetailRow
    slice: Slice
    about: About
    original_message_id: str = ""  # of a refund: the settlement's message


@frozen(slots=True)
class Doubt:
    """A message whose outcome is not known, and when its intent was written."""

    about: About
    message_id: str
    refund: bool
    intended_at: dt.datetime
    insurance: str
    med_type: str


@define
class Compared:
    """One row with its class and what follows."""

    difference: Difference
    resolution: Resolution
    message_id: str
    refund: bool
    about: About
    listing: Listing
    ours: DetailRow | None = None
    memo: str = ""


# -- what follows from a class and our state

_ALL = frozenset(S)
_SETTLING = (
    S.SETTLE_INTENDED, S.SETTLE_SENT, S.CONFIRM_INTENDED, S.CONFIRM_SENT, S.REVERSAL_INTENDED, S.REVERSAL_SENT,
    S.ORDERED,
)  # fmt: skip
FLYING = frozenset({*_SETTLING, S.CANCEL_INTENDED, S.CANCEL_SENT})  # a message about it is on its way
_PERSON = dict.fromkeys(_ALL, R.PERSON)
_SETTLEMENT_THERE = {
    **_PERSON,  # a row of ours, but of another day or slice; or of a bill that was never to be settled
    **dict.fromkeys(_SETTLING, R.WAIT),
    **dict.fromkeys((S.UNKNOWN, S.MANUAL), R.REVERSE_OR_ADOPT),
    **dict.fromkeys((S.QUOTED, S.REFUSED, S.REVERSED), R.REVERSE),
}
_REFUND_THERE = {
    **_PERSON,
    **dict.fromkeys(FLYING, R.WAIT),
    **dict.fromkeys((S.UNKNOWN, S.MANUAL), R.REVERSE_OR_ADOPT),
    **dict.fromkeys((S.SETTLED, S.DELIVERED), R.REVERSE),
}
_UNLISTED = {**dict.fromkeys(_ALL, R.NONE), **dict.fromkeys((S.UNKNOWN, S.MANUAL), R.ABSENT)}

# (class, whether the row is a refund) -> our state -> what follows. Every cell is written; a test walks them all.
RESOLUTIONS: Mapping[tuple[Difference, bool], Mapping[SettlementState, Resolution]] = MappingProxyType(
    {
        **{(D.EQUAL, refund): dict.fromkeys(_ALL, R.NONE) for refund in (False, True)},
        **{(D.AMOUNTS, refund): _PERSON for refund in (False, True)},
        **{(D.ONLY_HERE, refund): _PERSON for refund in (False, True)},
        **{(D.UNLISTED, refund): _UNLISTED for refund in (False, True)},
        (D.ONLY_THERE, False): _SETTLEMENT_THERE,
        (D.ONLY_THERE, True): _REFUND_THERE,
        (D.REFUND_MISSING, False): _PERSON,
        # The centre still holds what we call cancelled (invariant 13).
        (D.REFUND_MISSING, True): {**_PERSON, S.CANCELLED: R.REVERSE},
    }
)


def resolution(difference: Difference, about: About, *, refund: bool) -> Resolution:
    """What follows. A stranger's row, and an older message than the newest, is a person's: nothing of ours names it."""
    if difference is D.EQUAL:
        return R.NONE
    if about.state is None:
        return R.PERSON
    if not about.seen:
        return R.WAIT  # something was learned of it since the centre was asked
    if not about.newest:
        return R.PERSON
    found = RESOLUTIONS[difference, refund][about.state]
    if found in {R.REVERSE_OR_ADOPT, R.ABSENT} and about.doubts_refund is not refund:
        return R.WAIT  # in doubt is the other half: first that
    return found


# -- joining


def joined(
    ours: Sequence[Booked], theirs: Sequence[ResultRow], proof: Proof, slice_: Slice, known: Mapping[str, About]
) -> list[Compared]:
    """Each row of one result file with its class, then what follows from it. ``known``: About by message id, see ``asked``.

    Raises ``Fault("reconcile.incomplete")`` when the file is no answer to what we sent: nothing of it may be applied.
    """
    keys = _Keys(ours)
    taken: dict[int, Compared] = {}
    strangers: list[Compared] = []
    for line, row in enumerate(theirs, 1):
        listing = _listing(row, evolve(proof, line=line), slice_)
        at = keys.find(row)
        if at is None:
            if row.verdict is not Verdict.ONLY_THERE:
                raise Fault("reconcile.incomplete", f"line {line}: a verdict on a row that was not sent")
            strangers.append(_only_there(row, listing, known))
            continue
        mine = ours[at]
        difference = D.AMOUNTS if at in taken else _class(mine.row, row)
        taken[at] = Compared(
            difference, R.NONE, mine.row.message_id, mine.row.refund, mine.about, listing, mine.row, row.memo
        )
    if len(taken) != len(ours):
        raise Fault("reconcile.incomplete", f"{len(ours) - len(taken)} of {len(ours)} rows that were sent are not in it")
    compared = [*(taken[at] for at in sorted(taken)), *strangers]
    for one in compared:
        one.resolution = resolution(one.difference, one.about, refund=one.refund)
    return compared


class _Keys:
    """Our rows by message id, then by number."""

    def __init__(self, ours: Sequence[Booked]) -> None:
        self._by_message = {(b.row.refund, b.row.message_id): n for n, b in enumerate(ours) if b.row.message_id}
        self._by_original = {b.original_message_id: n for n, b in enumerate(ours) if b.row.refund and b.original_message_id}
        self._by_number = {(b.row.refund, b.row.settlement_number): n for n, b in enumerate(ours)}

    def find(self, row: ResultRow) -> int | None:
        """Which row of ours it speaks of."""
        if row.message_id:
            found = self._by_message.get((row.refund, row.message_id))
            if found is None and row.refund:
                found = self._by_original.get(row.message_id)  # which id a refund carries no text says
            if found is not None:
                return found
        return self._by_number.get((row.refund, row.settlement_number)) if row.settlement_number else None


def _class(ours: DetailRow, theirs: ResultRow) -> Difference:
    if theirs.verdict is Verdict.ONLY_HERE:
        return D.REFUND_MISSING if ours.refund else D.ONLY_HERE
    same = all(
        there is None or there == here
        for there, here in ((theirs.total, ours.total), (theirs.fund, ours.fund), (theirs.account, ours.account))
    )
    same &= theirs.settlement_number in {"", ours.settlement_number}
    return D.EQUAL if same and theirs.verdict is Verdict.EQUAL else D.AMOUNTS


def _only_there(row: ResultRow, listing: Listing, known: Mapping[str, About]) -> Compared:
    about = known.get(asked(row), About())
    return Compared(D.ONLY_THERE, R.NONE, row.message_id, row.refund, about, listing, None, row.memo)


def asked(row: ResultRow) -> str:
    """The key under which ``known`` has what we know of a row that only the centre has."""
    return f"{'-' if row.refund else '+'}{row.message_id}"


def _listing(row: ResultRow, proof: Proof, slice_: Slice) -> Listing:
    return Listing(
        proof=proof,
        settlement_number=row.settlement_number,
        total=row.total,
        fund=row.fund,
        account=row.account,
        clearing_type=slice_.clearing_type,
        agency=slice_.agency,
    )


# -- days


def days_of(intended_at: dt.datetime, processing_limit_s: float, zone: dt.tzinfo) -> tuple[dt.date, ...]:
    """The centre's days to which a message can belong: from its intent to the last moment at which it can be done."""
    first = (intended_at - CLOCK_DOUBT).astimezone(zone).date()
    last = (intended_at + dt.timedelta(seconds=processing_limit_s) + CLOCK_DOUBT).astimezone(zone).date()
    return tuple(first + dt.timedelta(days=n) for n in range((last - first).days + 1))


def unlisted(doubt: Doubt, compared: Iterable[Compared], proofs: Sequence[Proof]) -> Compared | None:
    """The doubt as a row of its own when none of these rows, which are all of its days', is its message."""
    mine = {doubt.about.settlement_id}
    if any(one.about.settlement_id in mine and one.refund == doubt.refund for one in compared):
        return None
    proof = proofs[-1]
    what = resolution(D.UNLISTED, doubt.about, refund=doubt.refund)
    return Compared(D.UNLISTED, what, doubt.message_id, doubt.refund, doubt.about, Listing(proof))
