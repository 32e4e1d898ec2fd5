"""The centre takes back: cancels (2208, 2103, 2305) and reversals (2601)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from simulators.centre import answers
from simulators.centre.ledger import Settlement, State
from simulators.centre.refusals import Refusal
from simulators.centre.visits import Nodes, Row

if TYPE_CHECKING:
    from simulators.centre.business import Business

SETTLES, CANCELS = frozenset({"2102", "2207", "2304"}), frozenset({"2103", "2208", "2305"})


@frozen(slots=True)
class Done:
    """A message that was carried out, so that 2601 can find it."""

    call: str
    person_number: str
    settlement: Settlement | None
    reversed: bool = False


class Undoing:
    """``handlers`` by infno. Each does the whole of its transaction or raises ``Refusal`` and has changed nothing."""

    def __init__(self, business: Business) -> None:
        self._b = business
        self.handlers: dict[str, Callable[[Row, Nodes], Any]] = {
            **dict.fromkeys(CANCELS, self.cancel),
            "2601": self._reverse,
        }

    def cancel(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        """2208, 2103, 2305: a settlement is taken back as it was made."""
        row = nodes["data"][0]
        visit = self._b.visit_of(row)
        settlement = self._b.ledger.by_number(row["setl_id"])
        if settlement is None or settlement.visit_number != visit.number:
            raise Refusal("2081")
        if settlement.state is not State.APPROVED:
            raise Refusal("2082")
        self._b.move(settlement, -1)
        settlement.state = State.CANCELLED
        settlement.undone_by = head["msgid"]
        settlement.cancel_number = self._b.new_number("J")
        settlement.cancelled_at = self._b.now()
        settlement.cancel_cycle = head.get("sign_no", "")
        self._b.done[head["msgid"]] = Done(head["infno"], visit.person.person_number, settlement)
        balance = self._b.balance(settlement.person_number, settlement.insurance)
        return answers.cancel(settlement, head["msgid"], settlement.cancelled_at, balance)

    def _reverse(self, head: Row, nodes: Nodes) -> None:
        row = nodes["data"][0]
        if row["oinfno"] not in self._b.reversible:
            raise Refusal("2613")
        original = self._b.done.get(row["omsgid"])
        if original is None or original.call != row["oinfno"] or original.person_number != row["psn_no"]:
            raise Refusal("2611")
        if original.reversed:
            raise Refusal("2612")
        settlement = original.settlement
        if settlement is None:
            raise Refusal("2613")
        if original.call in SETTLES:
            if settlement.state is not State.APPROVED:
                raise Refusal("2614")
            self._b.move(settlement, -1)
            settlement.state = State.REVERSED
            settlement.undone_by = head["msgid"]
        else:
            self._undo_cancel(settlement)
        self._b.done[row["omsgid"]] = Done(original.call, original.person_number, settlement, reversed=True)

    def _undo_cancel(self, settlement: Settlement) -> None:
        """A reversed 2208: the settlement stands again, if neither batch nor account has moved on."""
        visit = self._b.visits[settlement.visit_number]
        balance = self._b.balance(settlement.person_number, settlement.insurance)
        if self._b.settled(visit, settlement.batch) is not None or balance < settlement.bill.account:
            raise Refusal("2614")
        self._b.move(settlement, 1)
        settlement.state = State.APPROVED
        settlement.undone_by = settlement.cancel_number = settlement.cancel_cycle = ""
        settlement.cancelled_at = None
