"""A card that is held: powered, ours alone, from one step to the next, whichever driver's reader it is in.

It is one long use of the reader. The driver's thread has the card and waits for steps; the reactor gives them, one at a
time. Whatever ends the use - the card is pulled or reset, the reader or the service goes, the time is over - ends the
held card for good: it is never powered anew, for what was proved would be gone and the card might be another.
"""

from __future__ import annotations

import queue
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from middleware.domain.card import CardEvent
from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.cards.social_security_read import CardContext
from readers.running import outcome_of

T = TypeVar("T")
Procedure = Callable[[Exchange, CardContext], T]

# After these nobody can say that the power session still is: the step's answer is the end of the session.
ENDS = frozenset({"card.withdrawn", "card.mute", "card.absent", "card.session_gone", "system.stopping"})
SLACK_S = 15.0  # the use of the reader outlives the lease by so much, so that the lease is what ends it


@runtime_checkable
class Usable(Protocol):
    """A driver whose readers can be used by any procedure, as ``readers.pcsc.link.PcscReaders``."""

    async def use(self, reader: str, procedure: Procedure[T], *, limit_s: float | None = None) -> T:
        """Run it in the reader's thread with the card powered for us alone; at most ``limit_s`` in all."""

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """Call it at each insertion and removal."""


class HeldCard:
    """One power session of one card. Reactor thread only; ``reactor``: callFromThread."""

    def __init__(self, reader: str, reactor: Any) -> None:
        self.reader = reader
        self.gone: Fault | None = None
        self.on_end: Callable[[], None] = lambda: None
        self._reactor = reactor
        self._steps: queue.SimpleQueue[Procedure[Any] | None] = queue.SimpleQueue()
        self._waiting: Deferred[Any] | None = None
        self._ended: Deferred[None] = Deferred()
        self._opened = False
        self._unwatch: Callable[[], None] = lambda: None

    async def begin(self, readers: Usable, first: Procedure[T], limit_s: float) -> T:
        """Take the card and do the first step: what it gave. Nothing is held when this raises."""
        waiting: Deferred[T] = Deferred()
        self._waiting = waiting
        self._steps.put(first)
        self._unwatch = readers.watch(self._event)
        Deferred.fromCoroutine(readers.use(self.reader, self._serve, limit_s=limit_s + SLACK_S)).addBoth(self._over)
        try:
            opened = await waiting
        except BaseException:
            self.close()
            raise
        self._opened = True
        return opened

    async def run(self, step: Procedure[T]) -> T:
        """One more step. Raises what it raises, ``card.session_gone`` once the card is lost, ``reader.busy`` beside one."""
        if self.gone is not None:
            raise self.gone
        if self._waiting is not None:
            raise Fault("reader.busy", "a step of this session is under way")
        waiting: Deferred[T] = Deferred()
        self._waiting = waiting
        self._steps.put(step)
        return await waiting

    def close(self, why: str = "closed") -> None:
        """Let the card go, reset, as soon as the step under way has ended. May be called twice."""
        self._end(Fault("card.session_gone", why))

    async def closed(self) -> None:
        """When the reader is free again."""
        self.close()
        if not self._ended.called:
            await self._ended

    # -- in the reader's thread

    def _serve(self, exchange: Exchange, context: CardContext) -> None:
        while (step := self._steps.get()) is not None:
            outcome = outcome_of(self.reader, partial(step, exchange, context))
            self._reactor.callFromThread(self._answered, outcome)
            if ends(outcome):
                raise outcome

    # -- in the reactor's

    def _answered(self, outcome: Any) -> None:
        waiting, self._waiting = self._waiting, None
        if ends(outcome):
            self._end(Fault("card.session_gone", outcome.code))
        if waiting is None or waiting.called:
            return
        if isinstance(outcome, Fault):
            # Before anything was opened there was no session, and what is wrong is the card's own fault.
            waiting.errback(self.gone if self._opened and self.gone is not None and ends(outcome) else outcome)
        else:
            waiting.callback(outcome)

    def _over(self, result: Any) -> None:
        """The reader was given back, or was never had."""
        fault = result.value if isinstance(result, Failure) and isinstance(result.value, Fault) else None
        waiting, self._waiting = self._waiting, None
        self._end(Fault("card.session_gone", fault.code if fault is not None else "ended"))
        assert self.gone is not None  # noqa: S101 - ended just now, or before
        if waiting is not None and not waiting.called:
            waiting.errback(self.gone if self._opened or fault is None else fault)
        if not self._ended.called:
            self._ended.callback(None)

    def _event(self, event: CardEvent) -> None:
        if event.reader == self.reader and event.kind == "removed":
            self._end(Fault("card.session_gone", "card.withdrawn"))

    def _end(self, why: Fault) -> None:
        if self.gone is not None:
            return
        self.gone = why
        self._steps.put(None)
        self._unwatch()
        self.on_end()


def ends(outcome: object) -> bool:
    """Whether what a step gave is the end of the session: card, reader, service or link is lost."""
    return isinstance(outcome, Fault) and (outcome.code in ENDS or outcome.code.startswith("reader."))
