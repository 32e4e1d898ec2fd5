"""An answer in time, whatever the work does."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

import structlog
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from middleware.ports import Clock

T = TypeVar("T")
log = structlog.get_logger()


class DeadlinePassed(Exception):  # noqa: N818 - it says what happened; the caller makes a Fault of it
    """The work has not ended in time. It goes on: nothing that may be inside a commit is ever cancelled."""


class Work(Generic[T]):
    """One piece of work begun at once; ``answer`` waits for it no longer than its time.

    ``on_end`` is called exactly once when the work really ends, in time or late: that is what frees its place.
    """

    def __init__(self, clock: Clock, coroutine: Coroutine[Any, Any, T], on_end: Callable[[], None] | None = None) -> None:
        self._clock = clock
        self._on_end = on_end
        self._waiting: Deferred[T] | None = None
        self._done: Deferred[T] = Deferred.fromCoroutine(coroutine)
        self._ended = False
        self._done.addBoth(self._end)

    async def answer(self, seconds: float) -> T:
        """The work's result or exception, or ``DeadlinePassed`` after ``seconds``. Call it once."""
        if self._ended:
            return await self._done
        self._waiting = Deferred()
        timer = self._clock.callLater(seconds, self._late)
        try:
            return await self._waiting
        except DeadlinePassed:
            # Nobody waits any more: a late failure is logged by its type and ends there.
            self._done.addErrback(lambda failure: log.warning("work.failed_late", error=type(failure.value).__name__))
            raise
        finally:
            if timer.active():
                timer.cancel()

    def _late(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.errback(DeadlinePassed())

    def _end(self, result: T | Failure) -> T | Failure | None:
        # Twisted gives a late result no other place to go than a callback.
        self._ended = True
        if self._on_end is not None:
            self._on_end()
        waiting, self._waiting = self._waiting, None
        if waiting is None:
            return result
        waiting.callback(result)
        return None
