"""Asks hl7apy, in its own process, what it makes of a message; bounded, timed, and replaced when it dies.

Why a process and not a thread: hl7apy is pure Python and holds the interpreter lock, so a thread that builds a message
makes every turn of the reactor wait for the lock. Measured with a 40-line DFT^P03 (95 ms) and ticks of 1 ms on 2 cores:
beside a thread each tick was 5.1 ms late and the worst 39 ms; beside a process 0.06 ms and 0.8 ms, as when idle.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from typing import Any, Protocol

import structlog
from attrs import frozen
from twisted.internet import defer, error, protocol
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorTime
from twisted.python.failure import Failure

from adapters.his.hl7v2.frame import Segment
from middleware.domain.fault import Fault

log = structlog.get_logger()

MAX_VERDICT_BYTES = 4 << 20
DEFAULT_TIMEOUT_S = 30.0  # 500 lines take hl7apy about 2 s on one core of 2.45 GHz
TRIES = 2  # a process that died in between is replaced once before we give up


@frozen(slots=True)
class Shape:
    """One message to be judged: its structure, version and values."""

    structure: str
    version: str
    segments: tuple[Segment, ...]

    def values(self) -> list[Any]:
        """The segments as plain lists, empty fields left out."""
        return [
            [segment.name, [[number, field] for number, field in enumerate(segment.fields, 1) if field]]
            for segment in self.segments
        ]


class Checker(Protocol):
    """Builds and validates the same message by other means."""

    def start(self) -> None:
        """Be ready soon."""

    async def check(self, shape: Shape) -> str:
        """The message as the other means writes it; raises ``Fault("his.message")`` when it is not valid."""

    def stop(self) -> None:
        """End at once; a check under way fails."""


class InlineChecker:
    """The same in this very thread: for simulations with a seed, and for tests."""

    def start(self) -> None:
        """Nothing to prepare."""

    async def check(self, shape: Shape) -> str:
        """Blocks for as long as hl7apy needs."""
        from adapters.his.hl7v2 import validator

        try:
            return validator.er7(shape.structure, shape.version, json.loads(json.dumps(shape.values())))
        except validator.Invalid as exc:
            raise Fault("his.message", str(exc)) from None

    def stop(self) -> None:
        """Nothing to end."""


class _Child(protocol.ProcessProtocol):
    """One process: a line out, a line in, one at a time."""

    def __init__(self) -> None:
        self.alive = True
        self._answer: defer.Deferred[bytes] | None = None
        self._buffer = bytearray()

    def ask(self, line: bytes) -> defer.Deferred[bytes]:
        self._buffer.clear()
        answer: defer.Deferred[bytes] = defer.Deferred()
        self._answer = answer
        self._process().write(line)
        return answer

    def _process(self) -> IProcessTransport:
        if self.transport is None:
            raise Fault("system.internal", "the process was asked before it was started")
        return self.transport

    def end(self) -> None:
        self.alive = False
        with contextlib.suppress(error.ProcessExitedAlready):
            self._process().signalProcess("KILL")

    def outReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        self._buffer += data
        if len(self._buffer) > MAX_VERDICT_BYTES:
            self.end()
        elif self._buffer.endswith(b"\n") and self._answer is not None:
            answer, self._answer = self._answer, None
            answer.callback(bytes(self._buffer))

    def errReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        log.warning("his.checker.stderr", length=len(data))  # a traceback may quote values: its length only

    def childConnectionLost(self, childFD: int) -> None:  # noqa: N802, N803 - Twisted's names
        if childFD == 1:
            self._ended()

    def processEnded(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        del reason
        self._ended()

    def _ended(self) -> None:
        self.alive = False
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer.errback(error.ConnectionDone())


class ProcessChecker:
    """A one-worker pool of its own: one hl7apy process, one question at a time, each with a deadline."""

    def __init__(self, reactor: Any, *, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self._processes: IReactorProcess = reactor
        self._clock: IReactorTime = reactor
        self._timeout_s = timeout_s
        self._turn = defer.DeferredLock()
        self._child: _Child | None = None
        self._stopped = False
        self.started = 0

    def start(self) -> None:
        """Start the process, so that the first message does not wait for it."""
        self._stopped = False
        self._ready()

    async def check(self, shape: Shape) -> str:
        """See :class:`Checker`; a process that dies or hangs is replaced once, then ``Fault("system.busy")``."""
        request = {"structure": shape.structure, "version": shape.version, "segments": shape.values()}
        line = json.dumps(request).encode() + b"\n"
        await self._turn.acquire()
        try:
            for _ in range(TRIES):
                if self._stopped:
                    raise Fault("system.stopping", "his")
                verdict = await self._ask(line)
                if verdict is not None:
                    return _er7(verdict)
        finally:
            self._turn.release()
        raise Fault("system.busy", "his: hl7apy could not be asked")

    def stop(self) -> None:
        """End the process."""
        self._stopped = True
        if self._child is not None:
            self._child.end()
            self._child = None

    async def _ask(self, line: bytes) -> Any:
        child = self._ready()
        answer = child.ask(line)
        answer.addTimeout(self._timeout_s, self._clock)
        try:
            return json.loads(await answer)
        except (defer.TimeoutError, error.ConnectionDone, ValueError) as exc:
            child.end()
            log.warning("his.checker.lost", cause=type(exc).__name__)
            return None

    def _ready(self) -> _Child:
        if self._child is None or not self._child.alive:
            self._child = _Child()
            self._processes.spawnProcess(
                self._child,
                sys.executable,
                [sys.executable, "-m", "adapters.his.hl7v2.validator"],
                env=_environment(),
            )
            self.started += 1
        return self._child


def _environment() -> dict[str, str]:
    """What Python needs to start and find us; none of the daemon's secrets."""
    kept = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH", "LD_LIBRARY_PATH") if name in os.environ}
    return kept | {"PYTHONPATH": os.pathsep.join(part for part in sys.path if part), "PYTHONUTF8": "1"}


def _er7(verdict: Any) -> str:
    if not isinstance(verdict, dict) or not isinstance(verdict.get("er7"), str):
        reason = verdict.get("invalid", "") if isinstance(verdict, dict) else ""
        raise Fault("his.message", str(reason)[:200])
    return str(verdict["er7"])
