"""The centre's own books: what it did, by message. Knows nothing of ours."""

from __future__ import annotations

import datetime as dt

from attrs import define, field

from daemon.simulate.registry import Charged, Registry
from middleware.domain import centre as c
from middleware.domain.kind import VisitKind
from middleware.domain.outcome import Answered, Outcome, Refused

NOT_FOUND, ALREADY, SIGN_IN = "4201", "4202", "4203"  # codes are numbers: a word is no refusal (faults.of_code)


@define
class Held:
    """One settlement as the centre has it."""

    message_id: str
    number: str
    batch: str
    request: c.Settle
    state: str = "approved"
    told: bool = True  # False: approved after the centre's own limit, and nobody could be told
    cancel_message_id: str = ""
    settled_at: dt.datetime | None = None  # the centre's own time
    cancelled_at: dt.datetime | None = None
    order: bool = False  # of mobile payment: both its rows bear the order's number
    cycle: str = ""  # at an old centre: the sign-in under which it was done
    cancel_cycle: str = ""

    @property
    def cancel_number(self) -> str:
        """Under which its cancel stands."""
        return self.number if self.order else self.number + "C"


@define
class Ledger:
    """Messages in the order in which they came, and what they did."""

    settlements: dict[str, Held] = field(factory=dict)  # by message id
    batches: dict[str, int] = field(factory=dict)  # batch -> fen
    charged: dict[str, Charged] = field(factory=dict)  # batch -> its lines
    receipts: list[tuple[str, str, str]] = field(factory=list)  # message id, call, digest
    reversals: list[tuple[str, str]] = field(factory=list)  # approved ones: (original call, original message id)
    registry: Registry = field(factory=Registry)
    numbers: int = 0

    def by_number(self, number: str) -> Held | None:
        """The settlement with that number."""
        return next((held for held in self.settlements.values() if held.number == number), None)

    def confirm(self, number: str) -> Held | None:
        """It holds now; unless there is nothing that waits for that, or it holds already."""
        held = self.by_number(number)
        if held is None or held.state not in {"pending", "approved"}:
            return None
        held.state = "approved"
        return held

    def of(self, settlement_id: str) -> list[Held]:
        """All that was ever made of one of our bills: batch numbers begin with its id."""
        return [held for held in self.settlements.values() if held.batch.startswith(settlement_id)]

    def settle(self, message_id: str, request: c.Settle, *, pending: bool = False) -> Held | None:
        """Hold it (``pending``: once it is confirmed), unless the batch is not there with that total.

        A message id is not recognised: nobody promises that.
        """
        if self._charged(request) != request.total.fen:
            return None
        self.numbers += 1
        state = "pending" if pending else "approved"
        held = Held(message_id, f"SETL{self.numbers:06d}", request.batch, request, state)
        self.settlements[message_id if message_id not in self.settlements else f"{message_id}#{self.numbers}"] = held
        return held

    def _charged(self, request: c.Settle) -> int | None:
        """What it has of this bill: of a sale the lines with it, of a stay that has ended all its lines."""
        match request.visit.kind:
            case VisitKind.PHARMACY:
                return sum(line.amount.fen for line in request.lines)
            case VisitKind.INPATIENT:
                stay = self.registry.visits[request.visit.visit_number]
                return stay.total if stay.ended and not stay.withdrawn else None
        return self.batches.get(request.batch)

    def cancel(self, message_id: str, number: str) -> Held | None:
        """Undo it, unless there is nothing to undo."""
        held = self.by_number(number)
        if held is None or held.state != "approved":
            return None
        held.state, held.cancel_message_id = "cancelled", message_id
        return held

    def reverse(self, request: c.Reverse) -> Outcome[c.CentreReply]:
        """Undo exactly one message."""
        original = request.original_message_id
        if request.original_call in c.CANCEL_CALLS:
            held = next((h for h in self.settlements.values() if h.cancel_message_id == original), None)
            undone, before = "approved", "cancelled"
        else:
            held = self.settlements.get(original)
            undone, before = "reversed", "pending" if held is not None and held.state == "pending" else "approved"
        if held is None:
            return Refused(NOT_FOUND, "无此交易")
        if held.state == undone:
            return Refused(ALREADY, "已冲正")
        if held.state != before:
            return Refused("4302", "状态不符")
        held.state = undone
        self.reversals.append((str(request.original_call), original))
        return Answered(c.Reversed())
