"""What the centre holds: every message received, every settlement with its state. Tests and the demo ask it questions."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from attrs import define, frozen

from middleware.domain.money import Money
from simulators.centre.rules import Bill

MAX_RECEIPTS = 200_000


class State(StrEnum):
    """Of one settlement."""

    APPROVED = "approved"
    REVERSED = "reversed"  # by 2601
    CANCELLED = "cancelled"  # by 2208


@frozen(slots=True)
class Receipt:
    """One message that arrived, in the order of arrival. ``body_sha256`` is of the HTTP body."""

    order: int
    message_id: str
    call: str
    body_sha256: str
    at: dt.datetime
    end: str  # "done", "refused 2072", "dropped"
    insured_region: str = ""  # insuplc_admdvs of the envelope


@define
class Settlement:
    """One settlement."""

    settlement_number: str  # setl_id
    message_id: str
    person_number: str
    visit_number: str
    batch: str
    insurance: str
    year: int
    bill: Bill
    settled_at: dt.datetime
    order: int
    med_type: str = ""
    clearing_type: str = "11"  # clr_type and clr_optins, as the answer said them: what a statement is sliced by
    clearing_agency: str = "999900"
    cycle: str = ""  # the sign-in that it was made under
    state: State = State.APPROVED
    undone_by: str = ""  # the msgid of the 2601 or 2208
    cancel_number: str = ""  # the setl_id of its cancel
    cancelled_at: dt.datetime | None = None
    cancel_cycle: str = ""

    def as_json(self) -> dict[str, Any]:
        """For the admin page: no personal data, amounts in yuan."""
        return {
            "settlement_number": self.settlement_number,
            "message_id": self.message_id,
            "person_number": self.person_number,
            "visit_number": self.visit_number,
            "batch": self.batch,
            "insurance": self.insurance,
            "med_type": self.med_type,
            "state": self.state.value,
            "undone_by": self.undone_by,
            "cancel_number": self.cancel_number,
            "settled_at": self.settled_at.isoformat(),
            "cancelled_at": self.cancelled_at.isoformat() if self.cancelled_at else "",
            "clearing_type": self.clearing_type,
            "clearing_agency": self.clearing_agency,
            "cycle": self.cycle,
            "order": self.order,
            "total": self.bill.total.yuan,
            "fund": self.bill.fund.yuan,
            "account": self.bill.account.yuan,
            "cash": self.bill.cash.yuan,
            "hospital": self.bill.hospital.yuan,
        }


class Ledger:
    """In memory; lives as long as the simulator object, across restarts of our daemon."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.settlements: list[Settlement] = []

    def receive(self, message_id: str, call: str, body_sha256: str, at: dt.datetime, end: str, region: str = "") -> None:
        """Note a message. ``RuntimeError`` beyond the bound: a simulator is no archive."""
        if len(self.receipts) >= MAX_RECEIPTS:
            raise RuntimeError("the simulator's ledger is full; start a new one")
        self.receipts.append(Receipt(len(self.receipts) + 1, message_id, call, body_sha256, at, end, region))

    def bodies(self) -> dict[str, set[str]]:
        """Body hashes by message id. More than one under an id breaks invariant 5."""
        found: dict[str, set[str]] = {}
        for receipt in self.receipts:
            found.setdefault(receipt.message_id, set()).add(receipt.body_sha256)
        return found

    def times_received(self, message_id: str) -> int:
        """How often that message arrived. More than once for a money call breaks the first rule of the house."""
        return sum(receipt.message_id == message_id for receipt in self.receipts)

    def by_number(self, settlement_number: str) -> Settlement | None:
        """The settlement of that setl_id."""
        return next((row for row in self.settlements if row.settlement_number == settlement_number), None)

    def by_message(self, message_id: str) -> Settlement | None:
        """The settlement that this msgid made."""
        return next((row for row in self.settlements if row.message_id == message_id), None)

    def in_state(self, state: State) -> list[Settlement]:
        """All in that state, oldest first."""
        return [row for row in self.settlements if row.state is state]

    def total_of(self, state: State) -> Money:
        """Their sum."""
        return Money(sum(row.bill.total.fen for row in self.in_state(state)))

    def as_json(self) -> dict[str, Any]:
        """For the admin page."""
        return {
            "settlements": [row.as_json() for row in self.settlements],
            "messages": [
                {
                    "order": row.order,
                    "message_id": row.message_id,
                    "call": row.call,
                    "body_sha256": row.body_sha256,
                    "at": row.at.isoformat(),
                    "end": row.end,
                }
                for row in self.receipts
            ],
        }
