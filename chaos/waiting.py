"""Waiting for things: threads for what blocks, and a limit on every wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from twisted.internet.defer import Deferred

P = ParamSpec("P")
T = TypeVar("T")
POLL_S = 0.02


class OverdueError(Exception):
    """What was waited for did not come; the text says what."""


def in_thread(reactor: Any, function: Callable[P, T], *args: P.args, **named: P.kwargs) -> Deferred[T]:
    """What ``function`` gives or raises, from a thread of its own."""
    done: Deferred[T] = Deferred()

    def work() -> None:
        try:
            value = function(*args, **named)
        except BaseException as exc:  # noqa: BLE001 - whatever it was is the caller's to see
            reactor.callFromThread(done.errback, exc)
        else:
            reactor.callFromThread(done.callback, value)

    threading.Thread(target=work, daemon=True).start()
    return done


async def until(reactor: Any, true: Callable[[], T], what: str, limit_s: float) -> T:
    """The first truthy value of ``true``, which is called in a thread. ``OverdueError`` after ``limit_s``."""

    def work() -> T:
        limit = time.monotonic() + limit_s
        while not (found := true()):
            if time.monotonic() > limit:
                raise OverdueError(f"{what}: not within {limit_s:.0f} s")
            time.sleep(POLL_S)
        return found

    return await in_thread(reactor, work)


async def within(reactor: Any, deferred: Deferred[T], what: str, limit_s: float) -> T:
    """What ``deferred`` gives. ``OverdueError`` after ``limit_s``."""
    late = False

    def cancel() -> None:
        nonlocal late
        late = True
        deferred.cancel()

    call = reactor.callLater(limit_s, cancel)
    try:
        return await deferred
    except Exception as exc:
        if late:
            raise OverdueError(f"{what}: not within {limit_s:.0f} s") from exc
        raise
    finally:
        if call.active():
            call.cancel()
