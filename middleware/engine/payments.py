"""Messages to the bank: made with the card that is in hand or was kept, and the card forgotten when none will name it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import evolve

from middleware.domain.command import AskBank, CallCentre, WakeAt, WakePayer
from middleware.domain.event import DueTimePassed, Event
from middleware.domain.fault import Fault
from middleware.domain.outcome import NotSent, Outcome
from middleware.domain.payment import BankCall, BankCard, BankReply, Leg
from middleware.domain.payment_event import PaymentDue
from middleware.domain.visit import Visit
from middleware.engine.pools import Pool
from middleware.engine.traces import TraceNumbers
from middleware.flow.outcomes import event_of
from middleware.flow.payer_requests import bank_event, bank_request, signed_amount
from middleware.flow.step import Policy
from middleware.ports import Bank, PreparedPayment
from middleware.store.reader import Reader
from middleware.store.units import Intent

CALLS = frozenset(str(call) for call in BankCall)


class Payments:
    """The engine's side of the bank."""

    def __init__(self, bank: Bank | None, pool: Pool, reader: Reader, traces: TraceNumbers) -> None:
        self._bank = bank
        self._pool = pool
        self._reader = reader
        self._traces = traces
        self._in_hand: dict[str, BankCard] = {}

    @contextmanager
    def holding(self, card: tuple[str, BankCard] | None) -> Iterator[None]:
        """Within the block a card that was just given can be used whole, track and PIN; afterwards nobody has these."""
        if card is None:
            yield
            return
        self._in_hand[card[0]] = card[1]
        try:
            yield
        finally:
            del self._in_hand[card[0]]

    async def prepare(self, command: AskBank, visit: Visit, now: dt.datetime) -> tuple[PreparedPayment, Intent]:
        """The message with its bytes fixed, and its intent. Raises ``Fault``: then nothing is sent."""
        if self._bank is None:
            raise Fault("payment.no_bank")
        leg = visit.settlement(command.settlement_id).legs[command.leg - 1]
        request = bank_request(command, leg, await self._card(leg))
        call = await self._bank.prepare(command.message_id, request)
        return call, Intent(
            message_id=command.message_id,
            visit_id=visit.visit_id,
            settlement_id=command.settlement_id,
            call=str(command.call),
            digest=call.digest,
            amount_fen=signed_amount(command, leg),
            intended_at=now,
        )

    async def _card(self, leg: Leg) -> BankCard | None:
        if not leg.card_ref:
            return None
        if (card := self._in_hand.get(leg.card_ref)) is not None:
            return card
        return await self._pool.run(self._reader.card, leg.card_ref)

    async def send(
        self,
        call: PreparedPayment,
        on_first_byte: Callable[[], None],
        on_late_reply: Callable[[Outcome[BankReply]], None],
    ) -> Outcome[BankReply]:
        """See ``Bank.send``."""
        if self._bank is None:
            return NotSent("payment.no_bank")
        return await self._bank.send(call, on_first_byte, on_late_reply)

    def marks(self, intents: Sequence[Intent]) -> tuple[tuple[str, str], ...]:
        """The newest trace number, written with the message that uses it."""
        return (self._traces.mark,) if any(intent.call in CALLS for intent in intents) else ()

    @staticmethod
    def kept(visit: Visit, card: tuple[str, BankCard] | None) -> tuple[str, BankCard] | None:
        """What of a card in hand is stored: number and expiry, and only while a leg names it."""
        if card is None or card[0] not in _named(visit):
            return None
        return card[0], evolve(card[1], track2="", pin_block="")

    @staticmethod
    def forgotten(before: Visit | None, after: Visit) -> tuple[str, ...]:
        """References that no leg names any more."""
        return tuple(sorted(_named(before) - _named(after))) if before is not None else ()


def _named(visit: Visit) -> set[str]:
    return {leg.card_ref for s in visit.settlements for leg in s.legs if leg.card_ref}


def what_happened(command: CallCentre | AskBank, outcome: Outcome[Any], policy: Policy, *, late: bool = False) -> Event:
    """The event that this outcome of that command is, at the centre or at the bank."""
    if isinstance(command, AskBank):
        return bank_event(command, outcome, late=late)
    return event_of(command, outcome, policy, late=late)


def timer_name(wake: WakeAt | WakePayer) -> str:
    """Of what a timer is; a settlement and its legs have times of their own."""
    if isinstance(wake, WakePayer):
        return f"{wake.settlement_id}/{wake.leg}"
    return wake.settlement_id or wake.errand_id


def due_event(wake: WakeAt | WakePayer) -> Event:
    """What is said when its time has come."""
    if isinstance(wake, WakePayer):
        return PaymentDue(wake.settlement_id, wake.leg)
    return DueTimePassed(wake.settlement_id, wake.errand_id)
