"""An old centre's cycles at the day's end: both sides' books agree cycle by cycle, each row was compared exactly once."""

from __future__ import annotations

import json
from collections import defaultdict

from daemon.simulate.checks import Books
from daemon.simulate.cycles import OldCentre
from daemon.simulate.statements import Entry, every_entry

Rows = dict[str, set[tuple[str, int, int, int]]]
_NONE_THERE = {"Reversed", "Refused"}
_AMOUNTS = ("total", "fund", "account")
_SUMS = ("total_fen", "fund_fen", "account_fen", "count")


def look_at_the_cycles(b: Books, centre: OldCentre) -> None:
    """All of it, after every cycle was ended."""
    both_books_agree_cycle_by_cycle(b, centre)
    each_row_is_in_one_cycles_comparison(b, centre)
    what_is_ended_is_ended_on_both_sides(b, centre)
    what_was_told_is_what_it_was_ended_with(b, centre)
    who_finds_a_cycle_ended_had_wanted_it(b, centre)


def both_books_agree_cycle_by_cycle(b: Books, centre: OldCentre) -> None:
    """Of each cycle the messages whose rows stand, with their amounts."""
    theirs: Rows = defaultdict(set)
    for entry in every_entry(centre.ledger):
        theirs[entry.cycle].add((entry.message_id, *_fen(entry)))
    ours = _ours(b)
    for number in sorted(theirs.keys() | ours.keys()):
        odd = sorted(theirs[number] ^ ours[number])
        b.story.require("cycle", f"the books of {number} differ in {odd}", holds=not odd, about=odd[0][0] if odd else "")


def _fen(entry: Entry) -> tuple[int, int, int]:
    return entry.total.fen, entry.fund.fen, entry.account.fen


def _ours(b: Books) -> Rows:
    """By our own books: a row belongs to the cycle that its message's intent names."""
    cycles = {row["message_id"]: row["sign_number"] for row in b.of("message")}
    found: Rows = defaultdict(set)
    for row in b.of("visit"):
        for s in json.loads(row["body"])["settlements"]:
            if s["settled"] is None or s["state"] in _NONE_THERE:
                continue
            for part, message_id in (("settled", s["settle_message_id"]), ("cancelled", s["cancel_message_id"])):
                if s[part] is not None:
                    split = s[part]["split"]
                    found[cycles[message_id]].add((message_id, *(int(split[name]["fen"]) for name in _AMOUNTS)))
    return found


def each_row_is_in_one_cycles_comparison(b: Books, centre: OldCentre) -> None:
    """What stands at the centre was in the rows with which one cycle was ended, and in no other's."""
    ended = [entry.message_id for rows in centre.ended.values() for entry in rows]
    for entry in every_entry(centre.ledger):
        times = ended.count(entry.message_id)
        b.story.require("cycle", f"{entry.message_id} was compared {times} times", holds=times == 1, about=entry.message_id)


def what_is_ended_is_ended_on_both_sides(b: Books, centre: OldCentre) -> None:
    """Nothing is open under which something was done, and what we call ended the centre has ended."""
    ours = {row["sign_number"] for row in b.of("cycle") if row["way"] == "out"}
    b.story.require("cycle", f"{ours ^ centre.ended.keys()} is ended on one side", holds=ours == centre.ended.keys())
    left = {entry.cycle for entry in every_entry(centre.ledger)} & centre.open.keys()
    b.story.require("cycle", f"{left} was never ended", holds=not left)


def what_was_told_is_what_it_was_ended_with(b: Books, centre: OldCentre) -> None:
    """The newest totals told of a cycle, by the journal's order, are those of the rows with which the centre ended it."""
    newest: dict[str, dict[str, tuple[int, ...]]] = defaultdict(dict)
    for line in b.lines():
        if line["event"] in {"SliceEqual", "SliceDiffered"}:
            told = line["body"]
            newest[told["cycle"]][told["insurance"]] = tuple(told[name] for name in _SUMS)
    for number, rows in centre.ended.items():
        ours = tuple(sum(part) for part in zip(*newest[number].values(), strict=True))
        theirs = (*(sum(_fen(row)[n] for row in rows) for n in range(len(_AMOUNTS))), len(rows))
        b.story.require("15", f"{number} was told {ours}, it was ended with {theirs}", holds=ours == theirs, about=number)


def who_finds_a_cycle_ended_had_wanted_it(b: Books, centre: OldCentre) -> None:
    """Nobody else ends cycles here: one that we find ended was ended by a life that could not write it down."""
    for line in b.lines():
        if line["event"] == "CycleFoundEnded":
            number = line["body"]["sign_number"]
            b.story.require("cycle", f"{number} was ended by nobody", holds=number in centre.sign_outs, about=number)
