"""The bank's half of the invariants: what the payers were charged is what was settled, once, and nothing stays held."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from daemon.simulate.bank import BankBook, key_of
from daemon.simulate.checks import Books
from middleware.domain.payment import LEG_IN_FLIGHT, LEG_OPEN, LegState

Row = dict[str, Any]
_STANDING = {"Settled", "Delivered"}
_CHARGED = {str(LegState.CAPTURED), str(LegState.REFUND_INTENDED)}
_PERSON = str(LegState.MANUAL)


def look_at_the_bank(b: Books, bank: BankBook, *, rests: bool) -> None:
    """All of it; ``rests`` when everything has come to rest."""
    one_hold_a_bill(b, bank)
    legs_have_due_times(b)
    each_change_of_a_leg_has_a_record(b)
    if rests:
        every_leg_came_to_rest(b)
        what_is_charged_is_what_was_settled(b, bank)
        no_card_is_kept(b)


def _legs(b: Books) -> list[tuple[Row, Row]]:
    return [(s, leg) for s in b.settlements() for leg in s["legs"]]


def legs_rest(b: Books) -> bool:
    """Whether no leg is open, but for those that a person must decide."""
    return all(leg["state"] not in LEG_OPEN or leg["state"] == _PERSON for _, leg in _legs(b))


def one_hold_a_bill(b: Books, bank: BankBook) -> None:
    """Invariant 1, the bank's half: of each bill at most one hold stands or was taken and not given back."""
    standing: Counter[str] = Counter()
    for s, leg in _legs(b):
        hold = bank.ledger.holds.get(key_of(leg["hold"]))
        if hold is not None and (hold.state == "held" or hold.captured > hold.refunded):
            standing[s["settlement_id"]] += 1
            own = hold.amount == leg["hold"]["amount"]["fen"]
            b.story.require("1", "the bank holds another amount", holds=own, about=s["settlement_id"])
    for sid, count in standing.items():
        b.story.require("1", f"{count} holds of {sid}", holds=count <= 1, about=sid)


def legs_have_due_times(b: Books) -> None:
    """Invariant 10 for legs."""
    for s, leg in _legs(b):
        good = leg["state"] != LegState.UNKNOWN or bool(leg["next_due"])
        b.story.require("10", "LegUnknown without a due time", holds=good, about=s["settlement_id"])


def each_change_of_a_leg_has_a_record(b: Books) -> None:
    """Invariant 20 for legs: the records lead, end to end, to each leg's state."""
    states: dict[tuple[str, str], str] = {}
    for line in b.lines():
        for number, (before, after) in line["body"].get("legs", {}).items():
            key = (line["settlement"], number)
            was = states.get(key, "")
            b.story.require("20", f"leg {key} was {was}, not {before}", holds=was == before, about=key[0])
            states[key] = after
    for s, leg in _legs(b):
        known = states.get((s["settlement_id"], str(leg["number"])))
        b.story.require(
            "20", f"leg is {leg['state']} without a record", holds=known == leg["state"], about=s["settlement_id"]
        )


def every_leg_came_to_rest(b: Books) -> None:
    """Liveness, and invariant 9: nothing in flight, nothing held that nobody pursues."""
    for s, leg in _legs(b):
        good = leg["state"] not in LEG_IN_FLIGHT and (leg["state"] not in LEG_OPEN or leg["state"] == _PERSON)
        if leg["state"] == LegState.HELD:
            good = s["state"] == "Manual"  # the centre's outcome waits for a person, and so does the hold
        b.story.require("live", f"leg still {leg['state']}", holds=good, about=s["settlement_id"])


def what_is_charged_is_what_was_settled(b: Books, bank: BankBook) -> None:
    """The bank took exactly the settled own share, once, or nothing; and what it holds, somebody looks after."""
    for s, leg in _legs(b):
        hold, sid = bank.ledger.holds.get(key_of(leg["hold"])), s["settlement_id"]
        charged = hold.captured - hold.refunded if hold else 0
        if leg["state"] == _PERSON:
            continue
        if leg["state"] in _CHARGED:
            share = s["settled"]["split"]["cash"]["fen"]
            good = charged == share and s["state"] in {*_STANDING, "Manual"}
            b.story.require("payer", f"{sid} {s['state']}: charged {charged}, settled {share}", holds=good, about=sid)
        else:
            b.story.require("payer", f"{sid}: {leg['state']}, charged {charged}", holds=charged == 0, about=sid)
            free = hold is None or hold.state != "held" or leg["state"] == LegState.HELD
            b.story.require("payer", f"{sid}: {leg['state']}, still held", holds=free, about=sid)
    for s in b.settlements():
        if s["means"] == "bank_card" and s["state"] in _STANDING and s["settled"]["split"]["cash"]["fen"]:
            last = s["legs"][-1]["state"]
            paid = last in {*_CHARGED, LegState.COLLECT, LegState.COLLECTED, _PERSON}
            b.story.require("payer", f"settled, and its leg is {last}", holds=paid, about=s["settlement_id"])


def no_card_is_kept(b: Books) -> None:
    """A card is stored while a message may name it, and only then."""
    named = {leg["card_ref"] for _, leg in _legs(b) if leg["card_ref"]}
    kept = {row["card_ref"] for row in b.of("payer")}
    b.story.require("21", f"cards kept {kept}, named {named}", holds=kept == named)


def leg_cells(b: Books) -> tuple[Counter[str], set[tuple[str, str]]]:
    """States that legs reached, and (state, event) pairs that moved one, for the coverage."""
    states: Counter[str] = Counter()
    cells: set[tuple[str, str]] = set()
    for row in b.of("journal"):
        line = json.loads(row["line"])
        for before, after in line["body"].get("legs", {}).values():
            states[after] += 1
            if before:
                cells.add((before, line["event"]))
    return states, cells
