"""Cards that callers have open: whose each is, for how long, and a journal record of every attempt, without data.

A session is known by an id that nobody can guess, and belongs to the account and desk that opened it. It is leased: let
go when no step comes in time, and in the end whatever comes. What a card loses - it is pulled, reset, its reader goes -
ends its session with ``card.session_gone``; the steps begin anew with the first.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import structlog
from attrs import define, evolve, frozen

from middleware.domain.audit import Act, CardAct
from middleware.domain.card import CardRead
from middleware.domain.card_key import FileAsk, KeyAsk, KeyChallenge, KeyProof, OpenedCard, Pin
from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.domain.registry import REFUSED_PSAM
from middleware.engine.audit import Audit
from middleware.engine.cards import CardDesk
from middleware.ports import CardSession, Clock, KeyedReaders

log = structlog.get_logger()
T = TypeVar("T")

MAX_SESSIONS = 64


@frozen(slots=True)
class Leases:
    """How long a card is held: between two steps, and in all."""

    idle_s: float = 60
    whole_s: float = 180


@define(slots=True, eq=False)
class _Lease:
    """One open card and whose it is."""

    session: CardSession
    caller: Caller
    until: dt.datetime
    whole: Any  # the timer of the whole
    idle: Any = None


class CardSessions:
    """All sessions of this node. ``new_id`` gives ids that cannot be guessed."""

    def __init__(
        self,
        readers: KeyedReaders,
        audit: Audit,
        desk: CardDesk,
        clock: Clock,
        now: Callable[[], dt.datetime],
        new_id: Callable[[], str],
        leases: Leases,
    ) -> None:
        self._readers = readers
        self._audit = audit
        self._desk = desk
        self._clock = clock
        self._now = now
        self._new_id = new_id
        self._leases = leases
        self._open: dict[str, _Lease] = {}

    @property
    def count(self) -> int:
        """How many cards are open."""
        return len(self._open)

    def choose(self) -> str:
        """See ``KeyedReaders.choose``."""
        return self._readers.choose()

    async def terminal_numbers(self) -> tuple[str, str]:
        """See ``KeyedReaders.terminal_numbers``."""
        return await self._readers.terminal_numbers()

    # -- a session's life

    async def open(self, caller: Caller, reader: str, why: str) -> tuple[str, OpenedCard, dt.datetime]:
        """Power the card and find out which it is: session id, card, and until when it is held at most."""
        if len(self._open) >= MAX_SESSIONS:
            raise Fault("reader.busy", f"{MAX_SESSIONS} cards are open")
        act = CardAct(Act.READ, reader, files=("SSSE/EF05",), why=why)
        session = await self._noted(caller, act, self._readers.open_card(reader))
        try:
            await self._desk.allow(session.card)
        except Fault as fault:
            session.close(fault.code)
            await self._audit.note(caller, _failed(evolve(act, card=session.card), fault))
            raise
        session_id, whole_s = self._new_id(), self._leases.whole_s
        until = self._now() + dt.timedelta(seconds=whole_s)
        whole = self._clock.callLater(whole_s, self._end, session_id, "the lease is over")
        self._open[session_id] = lease = _Lease(session, caller, until, whole)
        self._wait_for_next(session_id, lease)
        return session_id, session.card, until

    async def close(self, caller: Caller, session_id: str) -> None:
        """Let the card go; the reader is free when this returns. Nothing happens to one that is gone already."""
        lease = self._open.get(session_id)
        if lease is not None and _same(lease.caller, caller):
            self._end(session_id, "closed")
            await lease.session.closed()

    @asynccontextmanager
    async def once(self, caller: Caller, reader: str, why: str) -> AsyncIterator[str]:
        """A session for the length of one call."""
        session_id, _, _ = await self.open(caller, reader, why)
        try:
            yield session_id
        finally:
            await self.close(caller, session_id)

    @asynccontextmanager
    async def begun(self, caller: Caller, reader: str, why: str) -> AsyncIterator[tuple[str, OpenedCard]]:
        """A session that outlives this, unless its first step fails: id and card."""
        session_id, card, _ = await self.open(caller, reader, why)
        try:
            yield session_id, card
        except BaseException:
            await self.close(caller, session_id)
            raise

    def card(self, caller: Caller, session_id: str) -> OpenedCard:
        """Which card that is."""
        return self._lease(caller, session_id).session.card

    def is_open(self, session_id: str) -> bool:
        """Whether that card is still held."""
        return session_id in self._open

    @asynccontextmanager
    async def step(self, caller: Caller, session_id: str) -> AsyncIterator[CardSession]:
        """The card, for steps that belong together and are journalled by whoever takes them."""
        async with self._step(caller, session_id) as session:
            yield session

    async def stop(self) -> None:
        """Let all cards go."""
        for session_id in tuple(self._open):
            self._end(session_id, "system.stopping")

    # -- steps

    async def challenge(self, caller: Caller, session_id: str, ask: KeyAsk) -> KeyChallenge:
        """See ``CardSession.challenge``; an attempt is what answers it."""
        async with self._step(caller, session_id) as session:
            return await session.challenge(ask)

    async def prove(self, caller: Caller, session_id: str, proof: KeyProof, why: str) -> None:
        """See ``CardSession.prove``."""
        async with self._step(caller, session_id) as session:
            await self._noted(caller, self._act(Act.AUTHENTICATE, session, why, psam="HSM"), session.prove(proof))

    async def authenticate(self, caller: Caller, session_id: str, ask: KeyAsk, why: str) -> str:
        """See ``CardSession.authenticate``."""
        async with self._step(caller, session_id) as session:
            return await self._authenticated(caller, session, ask, why)

    async def identity(self, caller: Caller, session_id: str, why: str) -> tuple[CardRead, dict[str, Any]]:
        """The holder, and the answer of card.read: checked, journalled, and good for one registration."""
        async with self._step(caller, session_id) as session:
            try:
                found = await session.identity()
            except Fault as fault:
                await self._audit.note(caller, _failed(self._act(Act.READ, session, why, files=("SSSE/EF06",)), fault))
                raise
            read = evolve(found.read, psam=found.psam)
            return read, await self._desk.taken(caller, read, why)

    async def files(
        self, caller: Caller, session_id: str, asks: tuple[FileAsk, ...], why: str, *, psam: bool
    ) -> tuple[tuple[str, ...], ...]:
        """See ``CardSession.files``; ``psam``: let it prove the key first where one is needed."""
        async with self._step(caller, session_id) as session:
            key = session.key_for(asks) if psam else None
            serial = await self._authenticated(caller, session, key, why) if key is not None else ""
            act = self._act(Act.READ, session, why, psam=serial, files=tuple(ask.path for ask in asks))
            return await self._noted(caller, act, session.files(asks))

    async def key_for(self, caller: Caller, session_id: str, asks: tuple[FileAsk, ...]) -> KeyAsk | None:
        """See ``CardSession.key_for``."""
        async with self._step(caller, session_id) as session:
            return session.key_for(asks)

    async def records(
        self, caller: Caller, session_id: str, first: int, count: int, why: str, *, psam: bool
    ) -> tuple[tuple[str, ...], ...]:
        """See ``CardSession.records``."""
        async with self._step(caller, session_id) as session:
            act = self._act(Act.READ, session, why, files=("DF04/EF08",))
            try:
                found, serial = await session.records(first, count, psam=psam)
                await self._desk.allow_psam(serial)
            except Fault as fault:
                await self._audit.note(caller, _failed(act, fault))
                raise
            await self._audit.note(caller, evolve(act, psam=serial))
            return found

    async def verify_pin(self, caller: Caller, session_id: str, pin: Pin | None, why: str) -> None:
        """See ``CardSession.verify_pin``."""
        async with self._step(caller, session_id) as session:
            await self._noted(caller, self._act(Act.PIN_VERIFY, session, why), session.verify_pin(pin))

    async def change_pin(self, caller: Caller, session_id: str, old: Pin, new: Pin, why: str) -> None:
        """See ``CardSession.change_pin``."""
        async with self._step(caller, session_id) as session:
            await self._noted(caller, self._act(Act.PIN_CHANGE, session, why), session.change_pin(old, new))

    async def unblock_challenge(self, caller: Caller, session_id: str) -> bytes:
        """See ``CardSession.unblock_challenge``."""
        async with self._step(caller, session_id) as session:
            return await session.unblock_challenge()

    async def unblock_pin(self, caller: Caller, session_id: str, data: bytes, why: str, *, reload: bool) -> None:
        """See ``CardSession.unblock_pin``."""
        async with self._step(caller, session_id) as session:
            act = self._act(Act.PIN_RELOAD if reload else Act.PIN_UNBLOCK, session, why, psam="HSM")
            await self._noted(caller, act, session.unblock_pin(data, reload=reload))

    # -- how a step is framed

    @asynccontextmanager
    async def _step(self, caller: Caller, session_id: str) -> AsyncIterator[CardSession]:
        """The session, while it is nobody's but the caller's; the idle lease rests meanwhile."""
        lease = self._lease(caller, session_id)
        _stop(lease.idle)
        try:
            yield lease.session
        finally:
            if lease.session.gone is not None:
                self._end(session_id, lease.session.gone.detail)
            elif self._open.get(session_id) is lease:
                self._wait_for_next(session_id, lease)

    def _lease(self, caller: Caller, session_id: str) -> _Lease:
        lease = self._open.get(session_id)
        if lease is None or not _same(lease.caller, caller):
            raise Fault("card.session_gone", "no such session of this account and desk")
        if lease.session.gone is not None:
            self._end(session_id, lease.session.gone.detail)
            raise lease.session.gone
        return lease

    def _wait_for_next(self, session_id: str, lease: _Lease) -> None:
        _stop(lease.idle)
        lease.idle = self._clock.callLater(self._leases.idle_s, self._end, session_id, "no step came in time")

    def _end(self, session_id: str, why: str) -> None:
        lease = self._open.pop(session_id, None)
        if lease is None:
            return
        _stop(lease.whole)
        _stop(lease.idle)
        lease.session.close(why)
        log.info("card.session_over", reader=lease.session.card.reader, account=lease.caller.account, why=why)

    async def _authenticated(self, caller: Caller, session: CardSession, ask: KeyAsk, why: str) -> str:
        act = self._act(Act.AUTHENTICATE, session, why)
        try:
            serial = await session.authenticate(ask)
            await self._desk.allow_psam(serial)
        except Fault as fault:
            if fault.code in REFUSED_PSAM:
                session.close(fault.code)  # what it proved to the card is not to be used
            await self._audit.note(caller, _failed(act, fault))
            raise
        await self._audit.note(caller, evolve(act, psam=serial))
        return serial

    def _act(self, act: Act, session: CardSession, why: str, *, psam: str = "", files: tuple[str, ...] = ()) -> CardAct:
        return CardAct(act, session.card.reader, card=session.card, psam=psam, files=files, why=why)

    async def _noted(self, caller: Caller, act: CardAct, work: Awaitable[T]) -> T:
        """Do it, and journal how it ended before anybody hears of it."""
        try:
            done = await work
        except Fault as fault:
            await self._audit.note(caller, _failed(act, fault))
            raise
        await self._audit.note(caller, act)
        return done


def _failed(act: CardAct, fault: Fault) -> CardAct:
    return evolve(act, code=fault.code, psam=fault.psam or act.psam, tries_left=fault.tries_left)


def _same(owner: Caller, caller: Caller) -> bool:
    return (owner.account, owner.terminal) == (caller.account, caller.terminal)


def _stop(timer: Any) -> None:
    if timer is not None and timer.active():
        timer.cancel()
