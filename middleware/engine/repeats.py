"""One ``request_id``, one answer: whoever asks again, at once or years later, at whichever node, hears the same bytes.

The first asker of a key starts the work, all others wait for its answer. A state that makes an answer final stores it in
the same transaction, so that no crash can come between the two.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError, Deferred

from middleware.domain.centre import Holder
from middleware.domain.event import Event
from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Contact, PhoneOrder, References, SettleOrder
from middleware.domain.payment import Means
from middleware.domain.visit import Visit
from middleware.engine.answering import is_final, known_answer, replay, same, still_going, stored_answer
from middleware.engine.counter import Answer
from middleware.engine.runner import Engine
from middleware.engine.writing import Extra
from middleware.store.codec import encode
from middleware.store.units import KeyTakenError, Request, Unit

Begin = Callable[[str], Awaitable[Request]]
GoOn = Callable[[Request, object, Caller, Visit], Awaitable[None]]


@define
class _Pending:
    """A request that is being worked on."""

    request: Request
    others: list[Deferred[None]] = field(factory=list)


class Repeats:
    """``go_on(request, order, caller, visit)`` takes up a repeat of what came to rest without a final answer."""

    def __init__(self, engine: Engine, go_on: GoOn) -> None:
        self._engine = engine
        self._go_on = go_on
        self._pending: dict[tuple[str, str], _Pending] = {}
        self._by_visit: dict[str, set[tuple[str, str]]] = {}
        engine.awaited = self._by_visit.__contains__
        engine.finalise = self._final_answers

    async def once(self, caller: Caller, key: str, method: str, order: object, begin: Begin, wait_s: float) -> Answer:
        """Do it under its key: the first asker starts it, all others of the same key wait for the same answer.

        ``begin(digest)`` starts it and gives its request. Raises ``Fault``: the stored one, ``request.key_reused``,
        that the work goes on (``still_going``) after ``wait_s``, and whatever refuses the beginning.
        """
        name = (caller.account, key)
        digest = hashlib.sha256(f"{method}\n{as_asked(order)}".encode()).hexdigest()
        while (pending := self._pending.get(name)) is not None:
            same(pending.request, method, digest)
            turn: Deferred[None] = Deferred()
            pending.others.append(turn)
            await turn
        now = self._engine.means.now()
        pending = self._pending[name] = _Pending(Request(*name, method, digest, "", "", now))
        try:
            request, begun = await self._begin_or_find(pending.request, order, caller, begin)
            pending.request = request
            if request.answer:
                return replay(request)
            known = await self._answer(request, wait_s)
            if not begun or self._engine.means.shared:
                known = await self._agreed(request, known)
            if isinstance(known, Fault):
                raise known
            return known
        finally:
            del self._pending[name]
            self._forget(pending.request)
            for turn in pending.others:
                turn.callback(None)

    async def start(self, request: Request, event: Event, extra: Extra) -> None:
        """Begin a new request with that event, in one transaction with the request itself."""
        self._watch(request)
        await self._engine.apply(request.visit_id, event, extra)

    def refuse_when_stopping(self) -> None:
        """Raise ``system.stopping`` when nothing new is begun any more."""
        if self._engine.stopping:
            raise Fault("system.stopping")

    async def _begin_or_find(self, asked: Request, order: object, caller: Caller, begin: Begin) -> tuple[Request, bool]:
        """Start it; when that is refused or the key is taken, see whether it is a repeat of what was asked before.

        The request, and whether it was begun now.
        """
        means = self._engine.means
        try:
            self.refuse_when_stopping()
            return await begin(asked.digest), True
        except (Fault, KeyTakenError) as refused:
            found = await means.pool.run(means.reader.request, asked.account, asked.key)
            if found is None:
                if isinstance(refused, Fault):
                    raise
                raise Fault("system.busy") from refused
        same(found, asked.method, asked.digest)
        if not found.answer:
            await self._resume(found, order, caller)
        return found, False

    async def _resume(self, request: Request, order: object, caller: Caller) -> None:
        """A repeat of what came to rest without a final answer goes on from what is known."""
        visit = await self._engine.visits.visit(request.visit_id)
        self._watch(request)
        known = known_answer(request, visit, await self._engine.visits.holder(visit))
        if known is None or (isinstance(known, Fault) and not is_final(known)):
            self.refuse_when_stopping()
            await self._go_on(request, order, caller, visit)

    async def _answer(self, request: Request, wait_s: float) -> Answer | Fault:
        visit = await self._engine.visits.visit(request.visit_id)
        holder = await self._engine.visits.holder(visit)
        done, end = self._engine.visits.wait(visit, lambda seen: known_answer(request, seen, holder) is not None)
        clock = self._engine.means.clock
        limit = clock.callLater(wait_s, done.cancel)
        try:
            visit = await done
        except CancelledError:
            end()
            raise still_going(await self._engine.visits.visit(request.visit_id)) from None
        finally:
            if limit.active():
                limit.cancel()
        known = known_answer(request, visit, holder)
        if known is None:
            raise AssertionError("waited for an answer and got none")
        return known

    async def _agreed(self, request: Request, known: Answer | Fault) -> Answer | Fault:
        """The answer that is stored, or this one, stored now: whoever asks, and at whichever node, hears the same bytes.

        The state that makes an answer final stores it, where that node knew of the request; another node may not have.
        """
        means, name = self._engine.means, (request.account, request.key)
        found = await means.pool.run(means.reader.request, *name)
        text = stored_answer(known)
        if text is not None and (found is None or not found.answer):
            await means.journal.commit(Unit(answers=((*name, text),), now=means.now()))
            found = await means.pool.run(means.reader.request, *name)
        return replay(found) if found is not None and found.answer else known

    # -- who waits for which visit

    def _watch(self, request: Request) -> None:
        """From now on a state that makes this request's answer final stores it in the same transaction."""
        name = (request.account, request.key)
        self._pending[name].request = request
        self._by_visit.setdefault(request.visit_id, set()).add(name)

    def _forget(self, request: Request) -> None:
        names = self._by_visit.get(request.visit_id)
        if names is not None:
            names.discard((request.account, request.key))
            if not names:
                del self._by_visit[request.visit_id]

    def _final_answers(self, visit: Visit, holder: Holder) -> list[tuple[str, str, str]]:
        rows = []
        for name in self._by_visit.get(visit.visit_id, ()):
            known = known_answer(self._pending[name].request, visit, holder)
            text = stored_answer(known) if known is not None else None
            if text is not None:
                rows.append((*name, text))
        return rows


_NO_REFERENCES, _NO_CONTACT = f',"references":{encode(References())}', f',"contact":{encode(Contact())}'


def as_asked(order: object) -> str:
    """An order as text, of which a request's digest is: of a bank card its last four digits and nothing else."""
    if isinstance(order, PhoneOrder):
        return encode(evolve(order, voucher=""))  # a token is one of minutes: the same order may come with a newer one
    if not isinstance(order, SettleOrder):
        # Left out where nothing is said: what was asked before there were such members is asked in the same words.
        return encode(order).replace(_NO_REFERENCES, "").replace(_NO_CONTACT, "")
    said: dict[str, object] = {"settlement_id": order.settlement_id, "total": order.total, "cash": order.cash}
    if order.payment.means is not Means.CASH:
        said |= {"means": order.payment.means, "card": order.payment.card.last_four if order.payment.card else ""}
    return encode(said)
