"""Every planted defect, with the profile in which it is looked for and the seeds that are tried."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from attrs import frozen

from daemon.simulate.bank import draw_bank
from daemon.simulate.copies import drawn
from tests.simulation import (
    planted,
    planted_bank,
    planted_confirm,
    planted_cycles,
    planted_debit,
    planted_destinations,
    planted_edges,
    planted_identities,
    planted_keys,
    planted_kinds,
    planted_mobile,
    planted_pursuit,
    planted_reconciliation,
    planted_shifts,
    planted_told,
)

# Where nothing else goes wrong: what was tried again the check lets be, for then a late message may have added lines.
CALM = {planted_kinds.a_withdrawal_is_forgotten_by_the_books}
CARDS = tuple(seed for seed in range(1, 61) if draw_bank(seed, "hostile").cards)  # days on which payers use cards
COPIED = tuple(seed for seed in range(1, 61) if drawn(seed, "his"))  # days on which there is a second destination
# Where what they need happens more often: clocks that step, and two nodes whose operators look at the same doubt.
ELSEWHERE = {
    planted.the_wall_clock_says_how_long_it_took: "clocks",
    planted_edges.what_is_stale_is_approved: "nodes",
}
UNORDERED = {planted_destinations.copies_leave_in_any_order}
# What cannot be read may show first in the work that needs it.
BY_WHOM_IT_HITS = {planted_keys.a_node_knows_the_master_keys_of_its_start, planted_keys.search_keys_go_with_a_rotation}


@frozen(slots=True)
class Case:
    """One defect. ``rule``: by which invariant it must be found; "" for any."""

    plant: Callable[[Any], None]
    profile: str
    seeds: tuple[int, ...]
    rule: str = ""

    @property
    def name(self) -> str:
        """Of the defect: its module and function."""
        return f"{self.plant.__module__.rpartition('.')[2]}.{self.plant.__name__}"

    def is_caught_by(self, broken: Any) -> bool:
        """Whether that is what must be found."""
        return broken is not None and self.rule in {"", broken.number}


def cases() -> Iterator[Case]:  # noqa: C901, PLR0912 - a line a group
    """All of them."""
    for plant in (*planted.ALL, *planted_edges.ALL):
        yield Case(plant, ELSEWHERE.get(plant, "hostile"), tuple(range(1, 101)))
    for plant in planted.NODES:
        yield Case(plant, "nodes", tuple(range(1, 101)))
    for plant in planted_bank.ALL:
        yield Case(plant, "hostile", CARDS)
    for plant in planted_confirm.ALL:
        yield Case(plant, "confirm", tuple(range(1, 41)))
    for plant in planted_kinds.KINDS:
        yield Case(plant, "calm" if plant in CALM else "hostile", tuple(range(1, 61)))
    for plant in planted_pursuit.ALL:
        yield Case(plant, "evidence", tuple(range(1, 41)))
    for plant, first in planted_mobile.ALL.items():
        yield Case(plant, "phone", (first, *range(1, 31)))
    for plant in planted_reconciliation.ALL:
        yield Case(plant, "nights", tuple(range(1, 41)))
    for plant in planted_destinations.ALL:
        yield Case(plant, "his", COPIED, "order" if plant in UNORDERED else "told")
    for plant, first in planted_told.ALL.items():
        yield Case(plant, "told", (first, *range(1, 41)), "charge")
    for plant, first in planted_debit.ALL.items():
        yield Case(plant, "crashes", (first, *range(1, 41)), "purse")
    for plant in planted_keys.ALL:
        yield Case(plant, "keys", tuple(range(1, 61)), "" if plant in BY_WHOM_IT_HITS else "keys")
    for plant in planted_identities.ALL:
        yield Case(plant, "told", tuple(range(1, 41)))
    for plant in planted_cycles.ALL:
        yield Case(plant, "cycles", tuple(range(1, 61)))
    for plant in planted_shifts.ALL:
        yield Case(plant, "hostile", tuple(range(1, 41)), "16")


CASES = tuple(cases())
