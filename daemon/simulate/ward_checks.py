"""What the HIS told, against what the centre holds: each charge line is billed at most once, and none vanishes.

Over outpatient bills and stays, over nodes and lives: a line is billed, open, withdrawn by the HIS, or refused with a
reason that somebody sees. The HIS's and the centre's books are the truth; ours must say what they say.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from attrs import frozen

from daemon.simulate.checks import Books
from daemon.simulate.ward import Patient, Ward
from middleware.domain.fault import Fault
from middleware.store.his_charges import ERRAND, FOR_GOOD, FREE


@frozen(slots=True)
class Holder:
    """Who bills a line, by the centre's books: a settlement or a stay's visit, with how much, by whose card."""

    name: str
    fen: int
    person: str


Holders = dict[str, list[Holder]]  # by a line's code
_HELD = {"approved", "pending"}
_INDEX = 4  # a stay's line is numbered by its errand and so many digits


def look_at_what_was_told(b: Books, ward: Ward) -> None:
    """All of it, when everything is at rest."""
    holders = _holders(b)
    each_message_is_acted_on_once_or_refused(b, ward)
    each_line_is_billed_at_most_once(b, ward, holders)
    no_line_vanishes(b, ward, holders)


def each_message_is_acted_on_once_or_refused(b: Books, ward: Ward) -> None:
    """What was answered AA is in the inbox once and has its outcome; only what is no bill is refused, with a reason."""
    taken: dict[str, list[int]] = defaultdict(list)
    for row in b.of("inbox"):
        taken[row["control_id"]].append(row["sequence"])
    outcomes = {row["sequence"]: row for row in b.of("hl7_outcome")}
    for message in ward.heard:
        numbers, name = taken[message.control_id], message.control_id
        b.story.require("charge", f"{name} is {len(numbers)} times in the inbox", holds=len(numbers) == 1, about=name)
        found = outcomes.get(numbers[0])
        b.story.require("charge", f"{name} was not acted on", holds=found is not None, about=name)
        if found is not None:
            said = (found["state"], found["why"])
            good = said == (("failed", "hl7.content") if message.bad else ("done", ""))
            b.story.require("charge", f"{name} came to {said} {found['detail']}", holds=good, about=name)


def each_line_is_billed_at_most_once(b: Books, ward: Ward, holders: Holders) -> None:
    """By the centre's books alone."""
    for code in ward.lines:
        good = len(holders[code]) <= 1
        b.story.require("charge", f"{code} is billed by {holders[code]}", holds=good, about=code)


def no_line_vanishes(b: Books, ward: Ward, holders: Holders) -> None:
    """Our row of a line says what the HIS said last; who bills it is its owner, and any other amount is shown as late."""
    rows = {row["line_id"]: row for row in b.of("his_charge")}
    states = {row["settlement_id"]: row["state"] for row in b.of("settlement")}
    for code, line in ward.lines.items():
        row = rows.get(code)
        b.story.require("charge", f"{code} is gone", holds=row is not None, about=code)
        if row is None:
            continue
        said = "open" if line.charged else "withdrawn"
        b.story.require("charge", f"{code} is {row['state']}, was told {said}", holds=row["state"] == said, about=code)
        owner = row["visit_id"] if row["settlement_id"].startswith(ERRAND) else row["settlement_id"]
        for by in holders[code]:
            b.story.require("charge", f"{code} is billed by {by}, owned by {owner}", holds=owner == by.name, about=code)
            good = row["late"] or (by.fen == line.fen and line.charged)
            b.story.require("charge", f"{code} is billed by {by}, told {line}", holds=good, about=code)
            b.story.require("charge", f"{code} was never {by.fen}", holds=by.fen in ward.told[code], about=code)
            own = by.person == ward.person_of(line.number)
            b.story.require("charge", f"{code} of {line.number} is billed to another's card", holds=own, about=code)
        settled = states.get(owner) in FOR_GOOD
        b.story.require("charge", f"{code} is settled, not billed", holds=not settled or bool(holders[code]), about=code)


def what_is_open_can_be_billed(b: Books, ward: Ward) -> None:
    """The day's end: a window is quoted exactly what the HIS charged and nobody billed, or hears why not."""
    holders = _holders(b)
    for one, heard in ward.swept:
        numbers = one.numbers
        owed = [line for line in ward.lines.values() if line.charged and line.number in numbers and not holders[line.code]]
        what = f"{one.number} owes {[line.code for line in owed]}, the window heard {_word(heard)}"
        b.story.require("charge", what, holds=_fits(b, one, sum(line.fen for line in owed), heard), about=one.number)


def _fits(b: Books, one: Patient, fen: int, heard: object) -> bool:
    if isinstance(heard, dict):
        return bool(heard["split"]["total"] == f"{fen // 100}.{fen % 100:02d}")
    theirs = {stay.person for stay in b.ledger.registry.visits.values() if stay.our_number == one.visit_id}
    match heard:
        case Fault(code="charge.none"):
            return fen == 0
        case Fault(code="charge.claimed", detail=owner):
            return _lives(b, owner)
        case Fault(code="identity.mismatch"):
            return theirs != {one.card}  # that visit is somebody else's: another card lay in the reader
    return False


def _lives(b: Books, owner: str) -> bool:
    """Whether that settlement, or errand, may still come to hold what it claimed."""
    for row in b.of("settlement"):
        if row["settlement_id"] == owner:
            return row["state"] not in FREE
    mine = (one for one in _errands(b) if one["errand_id"] == owner)
    return any(one["state"] != "Declined" and not one["withdrawn"] for one in mine)


def _word(heard: object) -> str:
    return str(heard["split"]["total"]) if isinstance(heard, dict) else f"{heard!r}"


def _holders(b: Books) -> Holders:
    """By the centre's books; of a stay that may have lines that came too late to count, those that we count."""
    found: Holders = defaultdict(list)
    for row in b.of("settlement"):
        for held in b.ledger.of(row["settlement_id"]):
            if held.state in _HELD and held.told:
                for code, fen in b.ledger.charged.get(held.batch, {}).values():
                    found[code].append(Holder(row["settlement_id"], fen, held.request.visit.person_number))
    unsure = _unsure(b)
    charged = {one["errand_id"] for one in _errands(b) if one["state"] == "Done" and not one["withdrawn"]}
    for stay in b.ledger.registry.visits.values():
        for number, (code, fen) in () if stay.withdrawn else stay.lines.items():
            if stay.our_number not in unsure or ERRAND + number[:-_INDEX] in charged:
                found[code].append(Holder(stay.our_number, fen, stay.person))
    return found


def _unsure(b: Books) -> set[str]:
    """Stays of which the centre may have other lines than we know: a message that was given up may have come after all."""
    return {
        row["visit_id"]
        for row in b.of("visit")
        if any(one["attempts"] > 1 or one["state"] == "Asked" for one in json.loads(row["body"])["errands"])
    }


def _errands(b: Books) -> list[dict[str, Any]]:
    return [one for row in b.of("visit") for one in json.loads(row["body"])["errands"]]
