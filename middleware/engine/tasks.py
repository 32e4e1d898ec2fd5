"""Running things whose end nobody awaits, and waiting by the clock."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import structlog
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.ports import Clock

log = structlog.get_logger()


def spawn(coroutine: Coroutine[Any, Any, None], what: str) -> None:
    """Run it; whatever it raises is ours to see, never lost."""
    done = ensureDeferred(coroutine)
    done.addErrback(lambda failure: log.error("engine.task_failed", what=what, exc_info=failure.value))


def fire(waiter: Deferred[None]) -> None:
    """Fire it, unless it has fired."""
    if not waiter.called:
        waiter.callback(None)


def sleep(clock: Clock, seconds: float) -> Deferred[None]:
    """Fires after ``seconds`` of the clock."""
    done: Deferred[None] = Deferred()
    clock.callLater(seconds, done.callback, None)
    return done
