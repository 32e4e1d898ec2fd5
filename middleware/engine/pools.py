"""Bounded pools of our own for blocking work; nothing uses the reactor's default pool (rule 6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

from sqlalchemy.exc import SQLAlchemyError
from twisted.internet.defer import Deferred, fail
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from middleware.domain.fault import Fault

P = ParamSpec("P")
T = TypeVar("T")


def _told(function: Callable[P, T]) -> Callable[P, T]:
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except SQLAlchemyError as exc:
            raise Fault("system.journal", type(getattr(exc, "orig", exc)).__name__) from exc

    return call


class Pool:
    """A few threads and a bounded queue in front of them."""

    def __init__(self, reactor: Any, name: str, threads: int, max_waiting: int) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(threads, threads, name)
        self._limit = threads + max_waiting
        self._inside = 0

    def start(self) -> None:
        """Start the threads."""
        self._pool.start()

    def stop(self) -> None:
        """End them; what runs is waited for."""
        self._pool.stop()

    def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Run it there; fails with ``Fault("system.busy")`` at once when the queue is full.

        A database that does not answer is ``Fault("system.journal")``: library errors end here (rule 8).
        """
        if self._inside >= self._limit:
            return fail(Fault("system.busy", "the pool's queue is full"))
        self._inside += 1
        done: Deferred[T] = deferToThreadPool(self._reactor, self._pool, _told(function), *args, **kwargs)
        return done.addBoth(self._left)

    def _left(self, result: T) -> T:
        self._inside -= 1
        return result
