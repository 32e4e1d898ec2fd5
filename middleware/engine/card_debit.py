"""Debiting the accounts on a card: journal, then the one command, then journal; what nobody knows, the card itself tells.

The intent - amounts, terminal and its transaction number, what the card said before - is durable before the command leaves,
and the command leaves once. Without an answer the debit is open. When the same card comes again (for a debit, or for its
log by the PIN), two looks at its accounts judge it; where they prove nothing two persons do (``debit_desk``). While a debit
of a card is open no other is begun on it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen

from middleware.domain.audit import Act, CardAct
from middleware.domain.card_debit import Accounts, DebitChallenge, DebitOrder, DebitProof, DebitState, judged
from middleware.domain.card_key import OpenedCard, Pin
from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.engine.audit import Audit
from middleware.engine.card_sessions import CardSessions
from middleware.engine.identifiers import new_id
from middleware.engine.runner import Means
from middleware.ports import CardSession
from middleware.store import card_debits
from middleware.store.card_debits import Debit
from middleware.store.codec import encode
from middleware.store.units import KeyTakenError, Record, Unit

ONE, STEP_1, STEP_2 = "iDoDebit", "iDoDebit_HSM_Step1", "iDoDebit_HSM_Step2"
HSM = "HSM"
TERMINAL_DIGITS = 12
_STATES = {DebitState.REFUSED: "card.debit_refused", DebitState.NOT_DONE: "card.debit_not_done"}


@frozen(slots=True, repr=False)
class _Begun:
    """A debit that waits for the HSM: what was looked at and begun in that session."""

    before: Accounts
    challenge: DebitChallenge


class CardDebiting:
    """``on``: whether this site debits cards at all. ``changed`` is called when a debit becomes open or certain."""

    def __init__(self, sessions: CardSessions, means: Means, audit: Audit, *, on: bool) -> None:
        self._sessions = sessions
        self._means = means
        self._audit = audit
        self._on = on
        self._begun: dict[str, _Begun] = {}
        self.changed: Callable[[], None] = lambda: None

    def offered(self) -> None:
        """Raises ``card.debit_not_offered`` where it is off."""
        if not self._on:
            raise Fault("card.debit_not_offered")

    async def by_psam(
        self, caller: Caller, reader: str, key: str, info: str, order: DebitOrder, pin: Pin | None, check: Check
    ) -> Debit:
        """The whole debit. The same key gives the same answer, and of an open one what the card shows now.

        Raises ``card.debit_refused``, ``card.debit_not_done``: no money moved; ``card.debit_unknown``: nobody knows.
        """
        self.offered()
        digest = _digest_of(order)
        known = await self._known(caller, key, digest)
        if known is not None and known.number not in info.split("|"):
            raise Fault("request.key_reused", "request_id")
        if known is not None and not known.open:
            return certain(known)
        try:
            return await self._at_the_card(caller, reader, key, digest, order, pin, check)
        except Fault as fault:
            if known is None or fault.code.startswith("card.debit_"):
                raise
            raise Fault("card.debit_unknown", fault.code) from None  # of a debit in doubt no fault says "nothing moved"

    async def _at_the_card(
        self, caller: Caller, reader: str, key: str, digest: str, order: DebitOrder, pin: Pin | None, check: Check
    ) -> Debit:
        async with self._sessions.once(caller, reader, ONE) as session_id:
            check(session_id)
            before, terminal, found = await self._looked(caller, session_id, pin, ONE)
            known = await self._known(caller, key, digest)
            if known is not None:
                return certain(known)
            if found:
                raise Fault("card.debit_found", found)
            async with self._sessions.step(caller, session_id) as session:
                challenge = await session.debit_challenge(order, terminal, before)
                async with session.debit_keys(challenge) as keys:
                    intent = await self._intend(caller, key, digest, session.card, before, challenge, keys.proof, keys.psam)
                    return await self._debited(caller, session, intent, keys.proof, keys.check, keys.psam)

    async def begin(self, caller: Caller, session_id: str, order: DebitOrder, pin: Pin | None) -> DebitChallenge:
        """Step 1: what the HSM makes MAC1 of; no money moves."""
        self.offered()
        before, terminal, found = await self._looked(caller, session_id, pin, STEP_1)
        if found:
            raise Fault("card.debit_found", found)
        async with self._sessions.step(caller, session_id) as session:
            challenge = await session.debit_challenge(order, terminal, before)
        self._begun = {one: begun for one, begun in self._begun.items() if self._sessions.is_open(one)}
        self._begun[session_id] = _Begun(before, challenge)
        return challenge

    async def by_hsm(self, caller: Caller, session_id: str, key: str, proof: DebitProof) -> Debit:
        """Step 2: the debit that step 1 began, with the HSM's MAC1. Keys and faults as in :meth:`by_psam`."""
        self.offered()
        digest = hashlib.sha256(f"{proof.transaction_number}|{proof.at}|{proof.mac1.hex()}".encode()).hexdigest()
        known = await self._known(caller, key, digest)
        if known is not None:
            return certain(known)
        begun = self._begun.pop(session_id, None)
        async with self._sessions.step(caller, session_id) as session:
            if begun is None:
                raise Fault("card.session_gone", "no debit was begun in this session")
            intent = await self._intend(caller, key, digest, session.card, begun.before, begun.challenge, proof, HSM)
            return await self._debited(caller, session, intent, proof, None, HSM)

    async def look(self, caller: Caller, session_id: str) -> None:
        """Judge what is open of the card of that session, whose PIN was shown; nothing happens where nothing is open."""
        async with self._sessions.step(caller, session_id) as session:
            if await self._means.pool.run(self._means.reader.debits.of_card, session.card):
                await self._judge(caller, session.card, await session.accounts())

    # -- parts

    async def _looked(self, caller: Caller, session_id: str, pin: Pin | None, why: str) -> tuple[Accounts, str, str]:
        """PIN, accounts, terminal number, and the debit that was just found done ("" = none).

        The number is asked before the card is: the PSAM has its turns.
        """
        terminal, _ = await self._sessions.terminal_numbers()
        if len(terminal) != TERMINAL_DIGITS:
            raise Fault("psam.absent", "neither PSAM nor [card_keys] terminal_number says the terminal's number")
        await self._sessions.verify_pin(caller, session_id, pin, why)
        async with self._sessions.step(caller, session_id) as session:
            before = await session.accounts()
            found = await self._judge(caller, session.card, before)
            # By all keys that its number may be digested under: the look inside the intent's transaction knows the newest.
            if await self._means.pool.run(self._means.reader.debits.of_card, session.card):
                raise Fault("card.debit_unknown", "an earlier debit of this card is open")
        return before, terminal, found

    async def _judge(self, caller: Caller, card: OpenedCard, now: Accounts) -> str:
        """Whatever is open of this card and can be concluded from it is concluded; the id of one found done, or ""."""
        done = ""
        for debit in await self._means.pool.run(self._means.reader.debits.of_card, card):
            if debit.why == "card.mac" or debit.before is None:
                continue  # what a card says that failed its own proof is no evidence
            order = debit.order
            found = judged(order, debit.terminal_number, order.at, debit.before, now)
            if found is not None:
                await self._end(caller, debit.debit_id, found, why="evidence", event="CardDebitEstablished")
                done = debit.debit_id if found is DebitState.DONE else done
        return done

    async def _known(self, caller: Caller, key: str, digest: str) -> Debit | None:
        found: Debit | None = await self._means.pool.run(self._means.reader.debits.by_key, caller.account, key)
        if found is not None and found.digest != digest:
            raise Fault("request.key_reused", "request_id")
        return found

    async def _intend(
        self, caller: Caller, key: str, digest: str, card: OpenedCard, before: Accounts, challenge: DebitChallenge,
        proof: DebitProof, way: str,
    ) -> Debit:  # fmt: skip
        """Durable when it returns; refused while another debit of this card is open."""
        means, now, order = self._means, self._means.now(), challenge.order
        facts: dict[str, Any] = {
            "debit_id": new_id(means, "D"), "account": caller.account, "key": key, "digest": digest,
            "terminal": caller.terminal, "state": str(DebitState.SENT), "why": "", "status": 0, "way": way,
            "individual_fen": order.individual_fen, "pooled_fen": order.pooled_fen, "written_at": proof.at,
            "terminal_number": challenge.terminal, "transaction_number": proof.transaction_number,
            "counter": challenge.counter, "tac": "", "mac2": "", "made_at": now.isoformat(), "ended_at": "", "proposal": "",
        }  # fmt: skip
        row = await means.pool.run(means.reader.debits.new, facts, card, before, now)
        told = (
            "debit_id",
            "terminal",
            "way",
            "individual_fen",
            "pooled_fen",
            "terminal_number",
            "transaction_number",
            "counter",
        )
        body = {"role": str(caller.role), "account": caller.account} | {name: facts[name] for name in told}
        record = Record(now, "", "", "CardDebitIntended", "", str(DebitState.SENT), encode(body))
        try:
            await means.journal.commit(Unit(records=(record,), now=now, work=card_debits.intend(row)))
        except KeyTakenError:
            raise Fault("card.debit_unknown", "the same request is being worked on") from None
        return await means.pool.run(means.reader.debits.one, facts["debit_id"])

    async def _debited(
        self, caller: Caller, session: CardSession, intent: Debit, proof: DebitProof,
        check: Callable[[str], Awaitable[None]] | None, way: str,
    ) -> Debit:  # fmt: skip
        """The one command, and what became of it: durable before anybody hears of it."""
        state, facts, status = DebitState.DONE, {"tac": "", "mac2": ""}, 0
        why = ""
        try:
            receipt = await session.debit(proof)
            facts = {"tac": receipt.tac, "mac2": receipt.mac2}
            if check is not None:
                await check(receipt.mac2)
        except Fault as fault:
            state = DebitState.REFUSED if fault.code == "card.debit_refused" else DebitState.UNKNOWN
            why, status = fault.code, fault.status or 0
        try:
            await self._end(caller, intent.debit_id, state, why=why, status=status, **facts)
            code = "" if state is DebitState.DONE else _STATES.get(state, "card.debit_unknown")
            await self._audit.note(caller, CardAct(Act.DEBIT, session.card.reader, code, session.card, psam=way, why=ONE))
            ended = await self._means.pool.run(self._means.reader.debits.one, intent.debit_id)
        except Fault as fault:
            raise Fault("card.debit_unknown", f"not written down, or not read again: {fault.code}") from None
        return certain(ended)

    async def _end(self, caller: Caller, debit_id: str, state: DebitState, *, event: str = "", **facts: Any) -> None:
        means, now = self._means, self._means.now()
        ended = "" if state is DebitState.UNKNOWN else now.isoformat()
        name = event or {DebitState.DONE: "CardDebitDone", DebitState.REFUSED: "CardDebitRefused"}.get(
            state, "CardDebitUnknown"
        )
        body = {"account": caller.account, "debit_id": debit_id, "state": str(state)} | facts
        record = Record(now, "", "", name, "", str(state), encode(body))
        work = card_debits.end(debit_id, state=str(state), ended_at=ended, **facts)
        await means.journal.commit(Unit(records=(record,), now=now, work=work))
        self.changed()


Check = Callable[[str], None]


def certain(debit: Debit) -> Debit:
    """It was done, or the fault that says what is known instead."""
    if debit.state is DebitState.DONE:
        return debit
    code = _STATES.get(debit.state, "card.debit_unknown")
    refused = debit.state is DebitState.REFUSED
    raise Fault(code, f"{debit.debit_id} {debit.why}".strip(), status=debit.status if refused and debit.status else None)


def _digest_of(order: DebitOrder) -> str:
    """Of what was asked: two requests under one key are compared by it. The card is compared by its sealed number."""
    text = f"{order.individual_fen}|{order.pooled_fen}|{order.at}"
    return hashlib.sha256(text.encode()).hexdigest()
