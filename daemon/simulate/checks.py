"""The invariants of the settlement design as functions over the simulated world's books; numbers are SETTLEMENT.md's.

The node's database is read with sqlite3, never through the product; the centre's and the HIS's books are their own.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from attrs import define

from daemon.simulate.dials import PROCESSING_LIMIT_S
from daemon.simulate.hospital import HisBook
from daemon.simulate.ledger import Ledger
from daemon.simulate.story import Story
from middleware.domain.his import PostCharges
from middleware.domain.visit import IN_FLIGHT, MONEY_OPEN
from middleware.engine.elapsed import STEP_S
from middleware.store.chain import GENESIS, first_break

Row = dict[str, Any]
_NONE_HELD = {"Refused", "Reversed", "Cancelled", "Received", "Itemised", "Quoted"}
_STANDING = {"Settled", "Delivered"}
_WRITTEN_OFF = {"Reversed", "Refused"}


@define
class Books:
    """Everything that a check may look at, at one moment."""

    story: Story
    ledger: Ledger
    his: HisBook
    left: dict[str, float]  # message id -> true time at which its first byte left
    originals: dict[str, tuple[str, str]]  # reversal -> (call, message) that it names
    heads: list[tuple[str, int, str]]  # (table, sequence, hash) seen earlier
    tables: dict[str, list[Row]]

    def of(self, table: str) -> list[Row]:
        """A table's rows."""
        return self.tables[table]

    def lines(self) -> list[Row]:
        """The journal's lines, decoded."""
        return [json.loads(row["line"]) for row in self.of("journal")]

    def settlements(self) -> list[Row]:
        """Every settlement as the visits' own bodies have it."""
        return [s for row in self.of("visit") for s in json.loads(row["body"])["settlements"]]


def read_tables(path: str) -> dict[str, list[Row]]:
    """All tables of the node's database, from one snapshot."""
    order = {"journal": "sequence", "feed": "sequence", "message": "message_id", "outbox": "sequence"}
    connection = sqlite3.connect(path, isolation_level=None)
    connection.row_factory = sqlite3.Row
    try:
        connection.execute("BEGIN")
        return {
            table: [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order.get(table, 1)}")]  # noqa: S608 - our own names
            for table in (
                "journal",
                "visit",
                "settlement",
                "message",
                "outbox",
                "feed",
                "request",
                "node",
                "payer",
                "reconcile_run",
                "reconcile_totals",
                "shift_batch",
                "shift_row",
                "inbox",
                "hl7_outcome",
                "his_charge",
                "card_debit",
                "cycle",
            )
        }
    finally:
        connection.close()


def one_approved_settlement_a_key(b: Books) -> None:
    """Invariant 1, and that our books and the centre's say the same of what is certain."""
    for row in b.of("settlement"):
        sid, state = row["settlement_id"], row["state"]
        held = [h for h in b.ledger.of(sid) if h.state == "approved" and h.told]
        b.story.require("1", f"{len(held)} approved settlements of {sid}", holds=len(held) <= 1, about=sid)
        if state in _STANDING and all(h.told for h in b.ledger.of(sid)):
            numbers = [h.number for h in held]
            good = numbers == [row["settlement_number"]]
            b.story.require("1", f"{sid} is {state}, the centre holds {numbers}", holds=good, about=sid)
        if state in _NONE_HELD:
            b.story.require("1", f"{sid} is {state}, the centre holds it", holds=not held, about=sid)


def the_his_hears_only_what_the_centre_holds(ledger: Ledger, story: Story, message: PostCharges) -> None:
    """Invariants 2 and 3, at the moment of the hearing."""
    held = ledger.by_number(message.settlement_number)
    number = "3" if message.cancelled else "2"
    allowed = {"cancelled"} if message.cancelled else {"approved", "cancelled"}
    sid = message.settlement_id
    good = held is not None and (held.state in allowed or not held.told)
    story.require(number, f"the HIS hears of {sid}, the centre holds {held and held.state}", holds=good, about=sid)
    if held is None:
        return
    split, sign = held.request.quoted, -1 if message.cancelled else 1
    told = (message.split.total.fen, message.split.fund.fen, message.split.account.fen, message.split.cash.fen)
    figures = tuple(sign * fen for fen in (split.total.fen, split.fund.fen, split.account.fen, split.cash.fen))
    same_person = held.request.visit.person_number == message.holder.card_number.reveal()
    story.require("2", f"the HIS hears other amounts of {sid}", holds=told == figures and same_person, about=sid)


def one_body_a_message(b: Books) -> None:
    """Invariants 4, 5 and 23: each message at the centre has its intent, came once, with the journalled bytes."""
    intents = {row["message_id"]: (row["call"], row["digest"]) for row in b.of("message")}
    times = Counter(message_id for message_id, _, _ in b.ledger.receipts)
    for message_id, call, digest in b.ledger.receipts:
        good = intents.get(message_id) == (call, digest)
        b.story.require("4", f"{call} {message_id} has no such intent", holds=good, about=message_id)
        b.story.require("23", f"{message_id} came more than once", holds=times[message_id] == 1, about=message_id)


def one_open_settlement_a_visit(b: Books) -> None:
    """Invariant 7: nobody's wish opens money in a visit where money is open already."""
    opened: dict[str, set[str]] = defaultdict(set)
    states = {str(state) for state in MONEY_OPEN}
    for line in b.lines():
        visit, sid = opened[line["visit"]], line["settlement"]
        if line["event"] in {"SettleConfirmed", "CancelConfirmed", "CentreOpenedOrder"}:
            others = visit - {sid}
            b.story.require("7", f"{sid} opened beside {sorted(others)}", holds=not others, about=sid)
        (visit.add if line["after"] in states else visit.discard)(sid)


def nothing_in_flight_of_an_earlier_life(b: Books, *, shared: bool) -> None:
    """Invariant 9: whatever is in flight after a recovery was begun by a life that goes on, or is not cleared yet."""
    epochs = {row["message_id"]: row["epoch"] for row in b.of("message")}
    there = {row["epoch"] for row in b.of("node") if not row["ended"] or (shared and not row["cleared"])}
    flying = {str(state) for state in IN_FLIGHT}
    name = {
        "Settle": "settle_message_id",
        "Confir": "confirm_message_id",
        "Revers": "reversal_message_id",
        "Cancel": "cancel_message_id",
    }
    for s in b.settlements():
        good = s["state"] not in flying or epochs.get(s[name[s["state"][:6]]]) in there
        b.story.require("9", f"{s['state']} of an earlier life", holds=good, about=s["settlement_id"])


def every_unknown_has_a_due_time(b: Books) -> None:
    """Invariant 10."""
    for s in b.settlements():
        good = s["state"] != "Unknown" or bool(s["next_due"])
        b.story.require("10", "Unknown without a due time", holds=good, about=s["settlement_id"])


def a_reversal_names_one_original(b: Books) -> None:
    """Invariant 11."""
    calls = {row["message_id"]: row for row in b.of("message")}
    for message_id, (call, original) in b.originals.items():
        named, own = calls.get(original), calls.get(message_id)
        good = named is not None and own is not None and named["call"] == call
        b.story.require("11", f"2601 {message_id} names {call} {original}", holds=good, about=original)
        if named is not None and own is not None:
            good = own["amount_fen"] == -abs(named["amount_fen"]) != 0
            b.story.require("11", f"2601 {message_id} carries other amounts", holds=good, about=original)
    twice = [one for one, count in Counter(b.ledger.reversals).items() if count > 1]
    b.story.require("11", f"reversed twice: {twice}", holds=not twice)


def not_found_ends_nothing_too_early(b: Books) -> None:
    """Invariants 12 and 22, by true time: whatever the wall clock said, the question left after the centre's limit."""
    for line in b.lines():
        body = line["body"]
        if line["event"] != "CentreRefusedReversal" or not body["not_found"] or line["before"] not in _REVERSING:
            continue
        asked = body["message_id"]
        _, original = b.originals[asked]
        if line["after"] in {"Reversed", "Settled", "Delivered"} and original in b.left and asked in b.left:
            waited = b.left[asked] - b.left[original]
            for number in ("12", "22"):
                good = waited >= PROCESSING_LIMIT_S - STEP_S
                b.story.require(number, f"absent after {waited:.0f} s", holds=good, about=line["settlement"])


_REVERSING = {"ReversalIntended", "ReversalSent"}


def what_is_written_off_never_settles(b: Books) -> None:
    """Invariant 13."""
    gone: set[str] = set()
    for line in b.lines():
        sid = line["settlement"]
        if line["after"] in _WRITTEN_OFF and sid:
            gone.add(sid)
        elif line["after"] in _STANDING:
            b.story.require("13", "settled after it was written off", holds=sid not in gone, about=sid)


def an_errand_that_was_answered_is_not_sent_again(b: Books) -> None:
    """Invariant 6, for what moves no money: a discharge that the centre confirmed is confirmed once."""
    errands = {one["errand_id"] for row in b.of("visit") for one in json.loads(row["body"])["errands"]}
    answered: set[tuple[str, str]] = set()
    for row in sorted(b.of("message"), key=lambda one: b.left.get(one["message_id"], float("inf"))):
        key = (row["settlement_id"], row["call"])
        if row["settlement_id"] in errands and row["message_id"] in b.left and row["call"] != "5201":
            b.story.require("6", f"{key} was answered and is sent again", holds=key not in answered, about=key[0])
            answered |= {key} if row["outcome"] == "answered" else set()


def every_registration_is_known(b: Books) -> None:
    """No orphan: each visit that the centre has is ours, or is shown to be in doubt, or is being taken back."""
    rows = {row["visit_id"]: json.loads(row["body"]) for row in b.of("visit")}
    for held in b.ledger.registry.visits.values():
        ours = rows.get(held.our_number)
        if ours is None or held.withdrawn:
            continue
        shown = {one["visit_number"] for one in (*ours["found"], *ours["errands"])} | {ours["visit_number"]}
        looking = any(one["matter"] == "look-for-orphans" and one["state"] != "Done" for one in ours["errands"])
        known = held.number in shown or ours["doubtful"] or looking
        b.story.require("orphan", f"{held.number} of {held.our_number} is forgotten", holds=known, about=held.our_number)


def a_stay_is_settled_for_what_it_was_charged(b: Books) -> None:
    """Of each stay the centre has the lines that we say it has, where each of its messages was answered the first time.

    A message that came to the centre long after it was given up may add lines; then the totals of the quote do not agree.
    """
    for row in b.of("visit"):
        body = json.loads(row["body"])
        stay = b.ledger.registry.visits.get(body["visit_number"])
        if body["order"]["kind"] != "inpatient" or stay is None or any(one["attempts"] > 1 for one in body["errands"]):
            continue
        if any(one["state"] == "Asked" for one in body["errands"]):
            continue
        standing = [one for one in body["errands"] if one["matter"] == "charge" and one["state"] == "Done"]
        ours = sum(_fen(one["total"]) for one in standing if not one["withdrawn"])
        good = stay.withdrawn or ours == stay.total
        b.story.require("14", f"charged {ours}, the centre has {stay.total}", holds=good, about=body["visit_id"])


def _fen(money: Any) -> int:
    return int(money["fen"]) if isinstance(money, dict) else int(money)


def amounts_are_whole_and_add_up(b: Books) -> None:
    """Invariant 14."""
    for row in b.of("settlement"):
        if row["settlement_number"]:
            parts = row["fund_fen"] + row["account_fen"] + row["cash_fen"]
            b.story.require("14", "amounts", holds=parts == row["total_fen"], about=row["settlement_id"])


def chains_hold(b: Books) -> None:
    """Invariant 19: both chains from their start to their head, and every head ever seen is still in them."""
    for table in ("journal", "feed"):
        rows = [(row["sequence"], row["previous"], row["line"], row["hash"]) for row in b.of(table)]
        found = first_break(rows)
        b.story.require("19", f"{table} breaks at {found}", holds=found is None)
        hashes = {0: GENESIS, **{row["sequence"]: row["hash"] for row in b.of(table)}}
        for name, sequence, digest in b.heads:
            good = name != table or hashes.get(sequence) == digest
            b.story.require("19", f"{table} {sequence} is not what it was", holds=good)


def each_change_has_one_record(b: Books) -> None:
    """Invariant 20: the records of a settlement, end to end, lead from nothing to its state."""
    states: dict[str, str] = {}
    for line in b.lines():
        key = line["settlement"] or line["visit"]
        if key:
            before = states.get(key, "")
            b.story.require(
                "20", f"{line['event']} before={line['before']}, was {before}", holds=line["before"] == before, about=key
            )
            states[key] = line["after"]
    for row in (*b.of("settlement"), *b.of("visit")):
        key = row.get("settlement_id") or row["visit_id"]
        b.story.require("20", f"{key} is {row['state']} without a record", holds=states.get(key) == row["state"], about=key)


def the_feed_is_gapless_and_complete(b: Books) -> None:
    """Invariant 24: each settlement that came to stand once, each cancel once, and nothing else."""
    numbers = [row["sequence"] for row in b.of("feed")]
    b.story.require("24", "a gap in the feed", holds=numbers == list(range(1, len(numbers) + 1)))
    rows = Counter((row["kind"], row["settlement_id"]) for row in b.of("feed"))
    should: Counter[tuple[str, str]] = Counter()
    for s in b.settlements():
        should.update([("settled", s["settlement_id"])] if s["settled"] else [])
        should.update([("cancelled", s["settlement_id"])] if s["cancelled"] else [])
    wrong = (rows - should) + (should - rows)
    b.story.require("24", f"feed rows {dict(wrong)}", holds=not wrong)


def everything_came_to_rest(b: Books) -> None:
    """Liveness: with the faults gone nothing is in flight, in doubt, awaited or untold (10: or it waits for a person)."""
    open_ = {str(state) for state in MONEY_OPEN} - {"Manual"}
    for s in b.settlements():
        good = s["state"] not in open_ and s["awaiting"] is None
        b.story.require("live", f"still {s['state']} {s['awaiting'] or ''}", holds=good, about=s["settlement_id"])
    for row in b.of("outbox"):
        b.story.require("live", "a letter waits", holds=bool(row["outcome"]), about=row["control_id"])


def every_message_has_an_end(b: Books) -> None:
    """After a restart at rest: a sign-in whose end the disk did not take is ended by the next start, as everything is."""
    for row in b.of("message"):
        b.story.require("live", "a message without an end", holds=bool(row["outcome"]), about=row["message_id"])


def what_is_delivered_the_his_has(b: Books) -> None:
    """Invariant 2, from our side: a letter that we call accepted is in the HIS's books, a refused one is not."""
    booked = {posting.control_id for posting in b.his.postings}
    for row in b.of("outbox"):
        if row["copy"]:
            continue  # another destination's
        good = (row["control_id"] in booked) == (row["outcome"] == "accepted")
        about = row["settlement_id"] or row["visit_id"]
        b.story.require("2", f"letter {row['control_id']} {row['outcome']}", holds=good, about=about)


def at_rest(b: Books) -> bool:
    """Whether nothing is in flight, in doubt or awaited, and no letter waits: the premise of the checks at rest."""
    open_ = {str(state) for state in MONEY_OPEN} - {"Manual"}
    return all(s["state"] not in open_ and s["awaiting"] is None for s in b.settlements()) and all(
        row["outcome"] for row in b.of("outbox")
    )


ALWAYS: tuple[Callable[[Books], None], ...] = (
    one_body_a_message,
    one_open_settlement_a_visit,
    every_unknown_has_a_due_time,
    a_reversal_names_one_original,
    not_found_ends_nothing_too_early,
    what_is_written_off_never_settles,
    an_errand_that_was_answered_is_not_sent_again,
    amounts_are_whole_and_add_up,
    chains_hold,
    each_change_has_one_record,
    the_feed_is_gapless_and_complete,
)
AT_REST: tuple[Callable[[Books], None], ...] = (
    everything_came_to_rest,
    one_approved_settlement_a_key,
    every_registration_is_known,
    a_stay_is_settled_for_what_it_was_charged,
    what_is_delivered_the_his_has,
)
