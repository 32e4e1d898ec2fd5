"""What the doors may ask of the engine: the counter's business, one method each.

Every answer is a plain JSON-able dict, made from the journal and stored with it, so that the same request gets the same
answer. Amounts are yuan as text with two places ("18785.39"); times are ISO 8601 with offset. The shapes:

``read_card``  card_read_id, expires_at, reader, card {kind, region_code, card_number, spec_version, issued_on, expires_on},
               holder {name, id_number, sex, nation, birth_date} - in clear for role his, masked for every other
``register``   visit_id, status "registered", patient_number, visit_number, his "acknowledged"|"untold",
               holder {name, id_number, card_number} masked, insurance {kind, person_type, region, balance}
``errand``     visit_id, errand_id, matter, state "done", total, charged (of the stay, now), discharged
``visit``      visit_id, kind, state, visit_number, med_type, insurance, insured_region, cross_region, discharged, charged,
               errands [{...}], found [{visit_number, ours, med_type, begun_at}],
               settlements [{settlement_id, state}], fault
``quote``      settlement_id, visit_id, state "Quoted", expires_at, split {...}
``settle``     settlement_id, visit_id, state "Settled", settlement_number, settled_at, message_id, split {...}
``order``      settlement_id, visit_id, state "Ordered"|"Settled", order_number, expires_at, pay {url}, amounts {...}
``cancel``     settlement_id, visit_id, state "Cancelled", settlement_number, cancelled_at, message_id, split {...}
``get``        settlement_id, visit_id, state, money "none"|"charged"|"unknown"|"reversed"|"cancelled", delivered (bool),
               and what is known of: quote, settled, cancelled, fault {code, zh, en, detail}, next_check_at,
               order {our_number, order_number, state, standing, called_off, notices, expires_at, amounts},
               pursuit {doing, zh, en, attempts, since, asked, person_at, shown {at, message_id, visits [{...}]}}
``shift_totals`` terminal, since, until, settled {count, total, fund, account, cash}, cancelled {the same}, unknown {count}
``close_shift`` terminal, number, closed_at, rows, settled, cancelled (as above), unknown {count, settlements},
               journal {after, last}
``shift``      batch {that}, rows [{row, settlement_id, kind, at, total, fund, account, cash, bank}], next_after, complete
split          total fund account cash hospital personal family_account self_paid over_limit first_self_paid in_scope
               deductible balance_after, funds [{kind, name, amount}]
"""

from __future__ import annotations

import datetime as dt
from typing import Any, Protocol

from middleware.domain.decision import Decision, Evidence
from middleware.domain.order import (
    Caller,
    CancelOrder,
    ChangeOrder,
    ChargeOrder,
    DischargeOrder,
    HisQuoteOrder,
    PhoneOrder,
    QuoteOrder,
    RegisterOrder,
    SettleOrder,
    VisitOrder,
)
from middleware.domain.shift import ShiftOrder

Answer = dict[str, Any]
ErrandOrder = ChargeOrder | DischargeOrder | ChangeOrder | VisitOrder


class Counter(Protocol):
    """Each method raises ``Fault``; none blocks the reactor; each money method is safe to repeat with its key.

    ``key`` is the caller's request_id (1-64 characters): with the same order it gives the same answer, with another
    order ``request.key_reused``. Keys are kept per account.
    """

    async def read_card(self, caller: Caller, reader: str) -> Answer:
        """Read the card in that reader; the result is good for one registration and expires."""

    async def register(self, caller: Caller, key: str, order: RegisterOrder) -> Answer:
        """Register the card's holder with the HIS and the centre."""

    async def errand(self, caller: Caller, key: str, method: str, order: ErrandOrder) -> Answer:
        """What a visit needs done beside its money, under the method's name: a stay's charges, its end, taking back."""

    async def charge_from_his(self, caller: Caller, key: str, order: HisQuoteOrder) -> Answer:
        """A stay's charges with the open lines that the HIS told of its patient; each is charged once."""

    async def visit(self, caller: Caller, visit_id: str) -> Answer:
        """What is known of a visit now."""

    async def quote(self, caller: Caller, key: str, order: QuoteOrder) -> Answer:
        """Upload the lines and ask the centre how they split."""

    async def quote_from_his(self, caller: Caller, key: str, order: HisQuoteOrder) -> Answer:
        """The same with the open lines that the HIS told of this visit's patient; each is in one settlement only."""

    async def settle(self, caller: Caller, key: str, order: SettleOrder) -> Answer:
        """Settle exactly what was quoted. ``settlement.outcome_unknown`` when the centre gave no clear answer."""

    async def order(self, caller: Caller, key: str, order: PhoneOrder) -> Answer:
        """Have the person pay exactly what was quoted by phone; the answer is where. It is paid when ``get`` says so."""

    async def cancel(self, caller: Caller, key: str, order: CancelOrder, method: str = "settlement.cancel") -> Answer:
        """Undo a finished settlement, or call off an order that waits for its payment."""

    async def get(self, caller: Caller, *, settlement_id: str = "", request_id: str = "") -> Answer:
        """What is known of a settlement now, by its id or by the key of the request that made or settled it."""

    async def explain(self, caller: Caller, *, settlement_id: str = "", request_id: str = "") -> Answer:
        """Who pays what of it, why a part is one's own, what is left: for the person and the receipt."""

    async def shift_totals(self, caller: Caller, since: dt.datetime, until: dt.datetime) -> Answer:
        """Sums of the caller's own terminal between two times."""

    async def close_shift(self, caller: Caller, key: str, order: ShiftOrder) -> Answer:
        """Close the open batch of the caller's own terminal: all that became certain there since the last one."""

    async def shift(self, caller: Caller, number: int, after: int, limit: int) -> Answer:
        """A closed batch of the caller's own terminal, 0 = the newest, and at most ``limit`` of its rows."""


class Reconciliation(Protocol):
    """Comparing days with the centre. The shapes stand in the door's results; amounts in yuan."""

    async def run(self, caller: Caller, day: dt.date) -> Answer:
        """Begin to compare that day; the answer is its state now. ``reconcile.running``, ``reconcile.too_early``."""

    async def status(self, run_id: str) -> Answer:
        """How far that run is, or how it ended; "" = the newest."""

    async def list(self, run_id: str, after: int, limit: int) -> Answer:
        """What its last round found: totals by key, files with their digests, differences with class and evidence."""


class Desk(Protocol):
    """The manual desk. ``caller`` is a person: whoever proposed does not approve (``desk.same_person``).

    Each gives rows with all that is known and needed to ask the centre; the shapes stand in the door's results.
    """

    async def list(self, after: str, limit: int) -> Answer:
        """Settlements in doubt with an id greater than ``after``: unknown or manual, why, since when, what is next."""

    async def show(self, settlement_id: str) -> Answer:
        """One settlement, in doubt or not: its row, its messages to the centre, its journal."""

    async def propose(self, caller: Caller, settlement_id: str, decision: Decision, evidence: Evidence) -> Answer:
        """Propose what is true. An outcome that is still being pursued may be proposed on too; the pursuit goes on."""

    async def approve(self, caller: Caller, settlement_id: str, proposal: str) -> Answer:
        """Approve the proposal with this digest; ``desk.stale`` when it is not the one that waits."""

    async def reject(self, caller: Caller, settlement_id: str, proposal: str, reason: str) -> Answer:
        """Reject it, or take it back."""
