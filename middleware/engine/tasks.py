"""Running things whose end nobody awaits, and waiting by the clock."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

import structlog
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred

from middleware.ports import Clock

log = structlog.get_logger()
T = TypeVar("T")


def spawn(coroutine: Coroutine[Any, Any, None], what: str) -> Deferred[None]:
    """Run it; whatever it raises is ours to see, never lost. Fires at its end, however it ended."""
    done = ensureDeferred(coroutine)
    done.addErrback(lambda failure: log.error("engine.task_failed", what=what, exc_info=failure.value))
    return done


async def together(coroutines: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run them side by side and wait for all; their results in order, or what the first that failed raised."""
    ends: list[tuple[bool, Any]] = await DeferredList([ensureDeferred(one) for one in coroutines], consumeErrors=True)
    for good, result in ends:
        if not good:
            raise result.value
    return [result for _, result in ends]


def fire(waiter: Deferred[None]) -> None:
    """Fire it, unless it has fired."""
    if not waiter.called:
        waiter.callback(None)


def sleep(clock: Clock, seconds: float) -> Deferred[None]:
    """Fires after ``seconds`` of the clock."""
    done: Deferred[None] = Deferred()
    clock.callLater(seconds, done.callback, None)
    return done
