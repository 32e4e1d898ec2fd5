"""Who closes batches at the tills, at any moment and twice at once; and invariant 16, seen from outside the product."""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from typing import Any

from twisted.internet.defer import ensureDeferred

from daemon.simulate.callers import Asked, Callers, Place
from daemon.simulate.checks import Books, Row
from middleware.domain.order import Caller, Role
from middleware.domain.shift import ShiftOrder

CLOSES = (0, 1, 3, 6)  # a terminal and day: one of these
TWICE = 0.4  # a close is asked for by a second key at the same time
EMPTY = 0.3  # a close is wanted even without rows
TERMINALS = (Caller(Role.POS, "pos-1", "till-1"), Caller(Role.HIS, "his-1", "window-3"))
_SUMS = ("total", "fund", "account", "cash", "bank")
_SIDES = {"settled": ("settled", "captured"), "cancelled": ("cancelled", "refunded")}


class Tills:
    """The callers' colleagues: their own randomness, but the same memory of what was answered (invariant 6)."""

    def __init__(self, place: Place, rng: random.Random, callers: Callers) -> None:
        self._place = place
        self._rng = rng
        self._hands = Callers(place, rng, rng)
        self._hands.answers, self._hands.asked, self._hands.broken = callers.answers, callers.asked, callers.broken

    def begin(self, seconds: float) -> None:
        """Let them close, spread over so many seconds."""
        for caller in TERMINALS:
            for number in range(self._rng.choice(CLOSES)):
                self._place.clock.callLater(
                    self._rng.uniform(0, seconds), self._close, caller, f"z{caller.terminal}.{number}"
                )

    def close_all(self) -> None:
        """The end of the day: what is in no batch yet comes into one."""
        for caller in TERMINALS:
            self._ask(caller, f"z{caller.terminal}.end", ShiftOrder(allow_empty=True))

    def _close(self, caller: Caller, key: str) -> None:
        order = ShiftOrder(allow_empty=self._rng.random() < EMPTY)
        self._ask(caller, key, order)
        if self._rng.random() < TWICE:
            self._place.story.fault("close-twice", key)
            self._ask(caller, key, order)
            self._ask(caller, key + "b", order)

    def _ask(self, caller: Caller, key: str, order: ShiftOrder) -> None:
        asked = Asked(key, lambda counter: counter.close_shift(caller, key, order))
        self._hands.asked.append(asked)
        ensureDeferred(self._hands.insist(asked)).addErrback(self._hands.broken.append)


def batches_are_their_rows(b: Books) -> None:
    """Invariant 16: numbers without gap, stretches that meet, counts and sums of the rows, told once and for ever."""
    records = [(line["sequence"], line["body"]) for line in b.lines() if line["event"] == "ShiftClosed"]
    answers = {(row["account"], row["key"]): row["answer"] for row in b.of("request")}
    last: dict[tuple[str, str], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for batch in b.of("shift_batch"):
        owner = (batch["account"], batch["terminal"])
        number, end = last[owner]
        about = f"batch {batch['number']} of {owner}"
        good = (batch["number"], batch["after"]) == (number + 1, end) and batch["after"] <= batch["last"]
        b.story.require("16", f"{about} follows {number}, which ends at {end}", holds=good)
        last[owner] = (batch["number"], batch["last"])
        told = json.loads(batch["body"])
        rows = [row for row in b.of("shift_row") if _of(row) == owner and batch["after"] < row["sequence"] <= batch["last"]]
        b.story.require("16", f"{about} is not its rows: {told}", holds=_adds_up(told, rows))
        again = json.loads(answers[owner[0], batch["key"]])["result"]
        b.story.require("16", f"{about} is not what was answered", holds=again == told)
        mine = [n for n, body in records if _closes(body, batch)]
        b.story.require("20", f"{about} has {len(mine)} records", holds=len(mine) == 1)
        b.story.require("16", f"{about} reaches beyond its own closing", holds=mine[0] > batch["last"])
    b.story.require("20", "a record without its batch", holds=len(records) == len(b.of("shift_batch")))


def _of(row: Row) -> tuple[str, str]:
    return row["account"], row["terminal"]


def _closes(body: Row, batch: Row) -> bool:
    names = ("account", "terminal", "number", "after", "last")
    return all(body[name] == batch[name] for name in names)


def _adds_up(told: dict[str, Any], rows: list[Row]) -> bool:
    good = bool(told["rows"] == len(rows))
    for side, kinds in _SIDES.items():
        some = [row for row in rows if row["kind"] in kinds]
        good = good and told[side]["count"] == sum(row["kind"] == side for row in some)
        for name in _SUMS:
            fen = abs(sum(row[f"{name}_fen"] for row in some))
            good = good and told[side][name] == f"{fen // 100}.{fen % 100:02d}"
    return good


def each_certainty_is_one_row(b: Books) -> None:
    """Invariant 16, the other half: of every settlement exactly what is certain, of its own terminal, and nothing else."""
    should: Counter[tuple[object, ...]] = Counter()
    for s in b.settlements():
        sid, owner = s["settlement_id"], (s["owner"]["account"], s["owner"]["terminal"])
        if s["settled"]:
            split = s["settled"]["split"]
            parts = tuple(split[name]["fen"] for name in _SUMS[:-1])
            should[sid, *owner, "settled", *parts, 0] += 1
            if s["cancelled"]:
                should[sid, *owner, "cancelled", *(-fen for fen in parts), 0] += 1
        for leg in s["legs"]:
            if leg["captured"] and leg["capture"]:
                fen = leg["capture"]["amount"]["fen"]
                should[sid, *owner, "captured", 0, 0, 0, 0, fen] += 1
                if leg["state"] == "Refunded":
                    should[sid, *owner, "refunded", 0, 0, 0, 0, -fen] += 1
    rows = Counter(
        (row["settlement_id"], *_of(row), row["kind"], *(row[f"{name}_fen"] for name in _SUMS)) for row in b.of("shift_row")
    )
    wrong = (rows - should) + (should - rows)
    b.story.require("16", f"rows of batches: {dict(wrong)}", holds=not wrong)
    visits = {row["sequence"]: row["visit_id"] for row in b.of("journal")}
    homes = {row["settlement_id"]: row["visit_id"] for row in b.of("settlement")}
    for row in b.of("shift_row"):
        good = visits[row["sequence"]] == homes[row["settlement_id"]]
        b.story.require("16", "a row under another's record", holds=good, about=row["settlement_id"])
