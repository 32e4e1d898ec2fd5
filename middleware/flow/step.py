"""What every machine takes and gives."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, Generic, TypeVar

from attrs import field, frozen

from middleware.domain.category import CATEGORIES, Category
from middleware.domain.centre import Call
from middleware.domain.command import Command
from middleware.domain.kind import MOBILE_CALLS, VisitKind
from middleware.domain.mobile import MobileRules
from middleware.domain.rules import KIND_RULES, CrossRules, KindRules, OnHisRefusal

State = TypeVar("State")

# Such an answer names no attempt: taken for the answer to a later one, it would vouch for a batch that never arrived.
LATE = "no money is involved; the request is repeated, and that answer counts"


@frozen(slots=True)
class Policy:
    """What differs by region, as data (config/regions)."""

    reversible: frozenset[Call] = frozenset({Call.SETTLE})  # what 2601 may name
    quote_valid_s: float = 1800
    first_check_s: float = 5  # from "unknown" to the first reversal
    repeat_s: float = 10  # doubles with each attempt
    repeat_max_s: float = 600
    max_attempts: int = 8  # then a person
    processing_limit_s: float = 120  # the centre's own: before it "original not found" proves nothing (invariant 12)
    not_found_codes: frozenset[str] = frozenset()  # 2601 refusals that mean "we never had the original"
    already_reversed_codes: frozenset[str] = frozenset()  # 2601 refusals that mean "that one is undone already"
    sign_in_again_codes: frozenset[str] = frozenset()  # refusals of any call that mean "sign in first"
    max_clock_skew_s: float = 300  # beyond it no money is begun (invariant 22)
    cancel_on_his_refusal: bool = False  # what to do when the HIS refuses a settlement: cancel it, or hold it
    bank_limit_s: float = 120  # the bank's own processing limit, as processing_limit_s is the centre's
    cancel_on_capture_refusal: bool = False  # when the bank does not take what it held: cancel, or the cashier collects
    kinds: Mapping[VisitKind, KindRules] = field(default=KIND_RULES)
    categories: Mapping[str, Category] = field(default=CATEGORIES)
    local: str = ""  # how the region codes of those insured here begin; "" = everybody is
    cross: CrossRules = CrossRules()  # noqa: RUF009 - frozen
    query_visits: bool = False  # whether 5201 may be asked, what became of a registration, an errand, a settlement
    finish: Call | None = None  # the call that must follow a settle's yes, one of FINISH_CALLS; None: the yes is enough
    already_done_codes: frozenset[str] = frozenset()  # refusals of a repeated errand that mean "that was done before"

    def rules(self, kind: VisitKind) -> KindRules:
        """Of that kind of visit."""
        return self.kinds.get(kind, KIND_RULES[kind])

    def may_reverse(self, call: Call | None, *, cross_region: bool) -> bool:
        """Whether such a call can be undone here: 2601 may name it, or it is of a mobile order, which 6203 gives back."""
        return call in MOBILE_CALLS or call in (self.cross.reversible if cross_region else self.reversible)

    def cancels_when_refused(self, kind: VisitKind) -> bool:
        """Whether a settlement that the HIS refuses is cancelled without asking anybody."""
        return self.cancel_on_his_refusal or self.rules(kind).on_his_refusal is OnHisRefusal.CANCEL

    doubt_limit_s: float = 72 * 3600  # an outcome that is not established by then is a person's (invariant 10)
    mobile: MobileRules | None = None  # None: nobody pays by phone here
    file_at: dt.time | None = None  # when each night the day before is compared row by row; None: no file tells anything
    adopt_listed: bool = False  # an unknown outcome that the centre's file lists: take it over, or reverse it


def _no_trace() -> str:
    raise AssertionError("nobody gives trace numbers here")


@frozen(slots=True)
class At:
    """When, and the sources of what a machine may not make up itself (rule 4)."""

    now: dt.datetime
    message_id: Callable[[], str]
    jitter: float  # 0 <= jitter < 1
    policy: Policy
    clock_ahead_s: float | None = None  # of the centre's clock; None: it never said what time it is
    trusted_since: dt.datetime | None = None  # before it, wall times say nothing of how much time passed (invariant 22)
    trace: Callable[[], str] = _no_trace  # the bank's six digits (STAN)


@frozen(slots=True)
class Step(Generic[State]):
    """The new state, and what must be done once it is durable."""

    state: State
    commands: tuple[Command, ...] = ()


class IllegalEvent(AssertionError):  # noqa: N818 - it is an event, not an error of the world
    """Our own mistake: this event cannot happen in this state."""


@frozen(slots=True)
class Row(Generic[State]):
    """One event's line of a machine's matrix; with all states given it has no undefined cell.

    ``moves``: what the event does in a state (a move may raise ``Fault``: the asker hears no, nothing changes).
    ``ignored``: states it does not touch, and why that is right; it is journalled all the same, as evidence.
    ``illegal``: why every other state can only be reached by a mistake of ours.
    """

    event: type
    moves: Mapping[Any, Callable[..., Step[State]]]  # keys are the machine's own states
    ignored: Mapping[Any, str]
    illegal: str


def cell(rows: Mapping[type, Row[State]], state: StrEnum, event: type) -> str:
    """A cell of the matrix in words, for docs and tests; ``KeyError`` when it is undefined."""
    row = rows[event]
    if state in row.moves:
        return (row.moves[state].__doc__ or "").strip().splitlines()[0]
    if state in row.ignored:
        return f"ignored: {row.ignored[state]}"
    return f"illegal: {row.illegal}"


def plus(at: At, seconds: float) -> dt.datetime:
    """``seconds`` from now."""
    return at.now + dt.timedelta(seconds=seconds)
