"""What must be true afterwards, asked of all books at once: of callers, daemon, bureau, centre and HIS.

Nothing of the product is used to look: the database is read with plain SQL, the feed's chain is walked with a hash
function, and ``run.py verify`` walks both beside it. A finding is a sentence; no finding means that every check held. The
numbers are those of the settlement design's invariants.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen

from chaos.windows import Answered, Bill, Refused
from simulators.centre.ledger import Receipt, Settlement, State
from simulators.his.book import Posting

GENESIS = "0" * 64
MONEY_CALLS = ("2207", "2208", "2601")
CHARGED = ("Settled", "Delivered", "CancelIntended", "CancelSent")
IN_DOUBT = (
    "SettleIntended",
    "SettleSent",
    "ConfirmIntended",
    "ConfirmSent",
    "Unknown",
    "ReversalIntended",
    "ReversalSent",
    "CancelIntended",
    "CancelSent",
)
AFTER_ACKNOWLEDGED = (*CHARGED, "Cancelled", "Unknown", "ReversalIntended", "ReversalSent", "Manual")

Row = Mapping[str, Any]


@frozen(slots=True)
class Books:
    """Everything at one moment. ``rows`` are the daemon's tables; ``feed`` is what the bureau was given, oldest first."""

    bills: Sequence[Bill]
    settlements: Mapping[str, Row]
    messages: Mapping[str, Row]
    letters: Sequence[Row]
    feed: Sequence[Row]
    held: Sequence[Settlement]
    receipts: Sequence[Receipt]
    postings: Sequence[Posting]


@define
class Findings:
    """What a scenario found. Nothing but ``unknown`` and ``manual`` may be other than empty."""

    lost: set[str] = field(factory=set)  # acknowledged, and gone from one of the books
    doubled: set[str] = field(factory=set)  # held twice by the centre
    wrong: list[str] = field(factory=list)  # every other broken rule, as a sentence
    unknown: int = 0
    manual: int = 0

    def add(self, other: Findings) -> None:
        """Also those of another look."""
        self.lost |= other.lost
        self.doubled |= other.doubled
        self.wrong += [sentence for sentence in other.wrong if sentence not in self.wrong]
        self.unknown, self.manual = other.unknown, other.manual

    @property
    def clean(self) -> bool:
        """Nothing lost, doubled or wrong."""
        return not (self.lost or self.doubled or self.wrong)


def look(books: Books, *, quiet: bool) -> Findings:
    """All checks. ``quiet``: no fault is on any more and everything had its time, so that nothing may be under way."""
    found = Findings()
    index = _Index(books)
    found.lost |= {bill.settlement_id for bill in books.bills if bill.acknowledged and not index.holds(bill)}
    found.doubled |= set(index.doubled())
    for check in CHECKS:
        found.wrong += list(check(books, index))
    states = Counter(row["state"] for row in books.settlements.values())
    found.unknown = sum(states[state] for state in IN_DOUBT)
    found.manual = states["Manual"]
    if quiet:
        for check in WHEN_QUIET:
            found.wrong += list(check(books, index))
    return found


class _Index:
    """The books by settlement."""

    def __init__(self, books: Books) -> None:
        self.books = books
        width = len(next(iter(books.settlements), "S" + "0" * 18))
        self.centre: dict[str, list[Settlement]] = defaultdict(list)
        for held in books.held:
            self.centre[held.batch[:width]].append(held)
        self.in_feed = {(line["settlement"], line["kind"]): line for line in (json.loads(r["line"]) for r in books.feed)}

    def approved(self, settlement_id: str) -> list[Settlement]:
        """Those that the centre holds now."""
        return [held for held in self.centre[settlement_id] if held.state is State.APPROVED]

    def holds(self, bill: Bill) -> bool:
        """Whether what was acknowledged stands in all the books (A, D and the feed)."""
        if not isinstance(bill.end, Answered):
            return False
        number = bill.end.result["settlement_number"]
        ours = self.books.settlements.get(bill.settlement_id)
        fed = self.in_feed.get((bill.settlement_id, "settled"))
        theirs = [held for held in self.centre[bill.settlement_id] if held.settlement_number == number]
        if ours is None or fed is None or not theirs:
            return False
        return (
            (ours["settlement_number"], fed["settlement_number"]) == (number, number)
            and ours["state"] in AFTER_ACKNOWLEDGED
            and all(held.state in _standing(bill) for held in theirs)
        )

    def doubled(self) -> Iterator[str]:
        """Settlements, and visits with one business, of which the centre holds more than one."""
        for settlement_id, held in self.centre.items():
            if sum(one.state is State.APPROVED for one in held) > 1:
                yield settlement_id
        visits = Counter(held.visit_number for held in self.books.held if held.state is State.APPROVED)
        yield from (visit for visit, count in visits.items() if count > 1)


def _standing(bill: Bill) -> tuple[State, ...]:
    """How the centre may hold what was acknowledged: a cancel, too, is an acknowledgement."""
    if bill.undoing is None or isinstance(bill.undone, Refused):
        return (State.APPROVED,)
    return (State.CANCELLED,) if isinstance(bill.undone, Answered) else (State.APPROVED, State.CANCELLED)


# -- the checks: at any moment


def what_the_centre_holds_is_known_here(books: Books, index: _Index) -> Iterator[str]:
    """Invariant 1: charged here, or open as a doubt; and what is not charged is not held."""
    for settlement_id, held in index.centre.items():
        if not any(one.state is State.APPROVED for one in held):
            continue
        ours = books.settlements.get(settlement_id)
        if ours is None:
            yield f"the centre holds {settlement_id}, which the daemon does not know"
        elif ours["state"] not in (*CHARGED, *IN_DOUBT, "Manual"):
            yield f"the centre holds {settlement_id}, which is {ours['state']} here"


def nothing_is_charged_that_the_centre_does_not_hold(books: Books, index: _Index) -> Iterator[str]:
    """Invariant 1, from our side."""
    for settlement_id, row in books.settlements.items():
        if row["state"] in {"Settled", "Delivered"}:
            numbers = [held.settlement_number for held in index.approved(settlement_id)]
            if numbers != [row["settlement_number"]]:
                yield f"{settlement_id} is {row['state']} as {row['settlement_number']}, the centre holds {numbers}"


def the_his_hears_only_what_the_centre_did(books: Books, _index: _Index) -> Iterator[str]:
    """Invariants 2 and 3: same amounts, never twice."""
    by_number = {held.settlement_number: held for held in books.held}
    told: Counter[tuple[str, str]] = Counter()
    for posting in books.postings:
        told[posting.control_id, posting.action] += 1
        held = by_number.get(posting.settlement_number)
        if held is None or held.state is State.REVERSED:
            yield f"the HIS was told of {posting.settlement_number}, which the centre does not hold"
        elif abs(posting.total_fen) != held.bill.total.fen:
            yield f"the HIS was told another amount of {posting.settlement_number}"
    yield from (f"the HIS booked {control_id} twice" for (control_id, _), count in told.items() if count > 1)


def every_message_had_its_intent(books: Books, _index: _Index) -> Iterator[str]:
    """Invariants 4 and 5: durable before it left, with that very body, and no money call ever twice."""
    times: Counter[str] = Counter()
    for receipt in books.receipts:
        intent = books.messages.get(receipt.message_id)
        if intent is None:
            yield f"{receipt.call} {receipt.message_id} came to the centre and has no intent"
        elif intent["digest"] != receipt.body_sha256:
            yield f"{receipt.call} {receipt.message_id} came with another body than was journalled"
        if receipt.call in MONEY_CALLS:
            times[receipt.message_id] += 1
    yield from (f"the money call {message_id} came {count} times" for message_id, count in times.items() if count > 1)


def a_reversal_has_one_original(books: Books, _index: _Index) -> Iterator[str]:
    """Invariant 11."""
    undone = Counter(held.undone_by for held in books.held if held.state is State.REVERSED)
    yield from (f"the reversal {message_id} undid {count} settlements" for message_id, count in undone.items() if count > 1)


def the_feed_is_whole(books: Books, _index: _Index) -> Iterator[str]:
    """Invariants 19 and 24: no gap, no row twice, each chained to the one before."""
    previous = GENESIS
    for number, row in enumerate(books.feed, 1):
        if (row["sequence"], row["previous"]) != (number, previous):
            yield f"the feed breaks at row {number}"
            return
        previous = hashlib.new("sm3", f"{previous}\n{row['line']}".encode()).hexdigest()
        if row["hash"] != previous:
            yield f"the feed's row {number} has another hash"
            return
    lines = [json.loads(row["line"]) for row in books.feed]
    for what, count in Counter((line["settlement"], line["kind"]) for line in lines).items():
        if count > 1:
            yield f"the feed tells {what} {count} times"


def a_doubt_has_a_due_time(books: Books, _index: _Index) -> Iterator[str]:
    """Invariant 10."""
    for settlement_id, row in books.settlements.items():
        if row["state"] == "Unknown" and not row["next_due"]:
            yield f"{settlement_id} is unknown and nothing is due"


# -- the checks: when all had its time


def nothing_is_under_way(books: Books, _index: _Index) -> Iterator[str]:
    """Everything is terminal or with a person; the HIS has heard; every caller has an answer (6, 9)."""
    for settlement_id, row in books.settlements.items():
        if row["state"] in IN_DOUBT:
            yield f"{settlement_id} stays {row['state']}"
    waiting = sum(not row["outcome"] for row in books.letters)
    if waiting:
        yield f"the HIS was not told of {waiting} letters"
    unended = sorted(message_id for message_id, row in books.messages.items() if not row["outcome"])
    if unended:
        yield f"{len(unended)} messages have no end, as {books.messages[unended[0]]['call']} {unended[0]}"
    unanswered = [bill.settlement_id for bill in books.bills if bill.open]
    if unanswered:
        yield f"{len(unanswered)} callers never heard how it ended, as of {unanswered[0]}"


def all_books_agree(books: Books, index: _Index) -> Iterator[str]:
    """The bureau, the HIS and the centre hold the same settlements, but for those that wait for a person."""
    manual = {settlement_id for settlement_id, row in books.settlements.items() if row["state"] == "Manual"}
    approved = {
        held.settlement_number
        for settlement_id, all_ in index.centre.items()
        if settlement_id not in manual
        for held in all_
        if held.state is State.APPROVED
    }
    apart = {held.settlement_number for settlement_id in manual for held in index.centre[settlement_id]}
    lines = [json.loads(row["line"]) for row in books.feed]
    undone = {line["corrects"] for line in lines if line["kind"] == "cancelled"}
    fed = {line["settlement_number"] for line in lines if line["kind"] == "settled"} - undone - apart
    told: set[str] = set()
    for posting in books.postings:
        (told.add if posting.action == "S" else told.discard)(posting.settlement_number)
    for name, theirs in (("feed", fed), ("HIS", told - apart)):
        for number in sorted(approved ^ theirs)[:3]:
            where = "only at the centre" if number in approved else "not at the centre"
            yield f"{number} is {where}, by the {name}"


CHECKS = (
    what_the_centre_holds_is_known_here,
    nothing_is_charged_that_the_centre_does_not_hold,
    the_his_hears_only_what_the_centre_did,
    every_message_had_its_intent,
    a_reversal_has_one_original,
    the_feed_is_whole,
    a_doubt_has_a_due_time,
)
WHEN_QUIET = (nothing_is_under_way, all_books_agree)
