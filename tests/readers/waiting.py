"""Waiting for the thing itself: come back as soon as it is so, fail after a long patience."""

from __future__ import annotations

from collections.abc import Callable

from twisted.internet import reactor
from twisted.internet.defer import Deferred

PATIENCE_S = 15.0


async def until(condition: Callable[[], bool], what: Callable[[], str]) -> None:
    done: Deferred[None] = Deferred()
    started = reactor.seconds()

    def look() -> None:
        if condition():
            done.callback(None)
        elif reactor.seconds() - started > PATIENCE_S:
            done.errback(AssertionError(f"never came: {what()}"))
        else:
            reactor.callLater(0.005, look)

    look()
    await done
