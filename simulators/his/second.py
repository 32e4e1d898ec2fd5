"""The HIS as a client: what it made of our messages, said over a connection that it opens to us, each until we took it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from simulators.his.reading import END, RETURN, START, split_blocks

AGAIN_S = 0.1


class Second:
    """Sends blocks one by one to our door; ``answers`` holds what came back for each."""

    def __init__(self, reactor: Any, port: int, host: str = "127.0.0.1") -> None:
        self._reactor = reactor
        self._endpoint = TCP4ClientEndpoint(reactor, host, port)
        self._line: deque[bytes] = deque()
        self._connection: _Client | None = None
        self._connecting = False
        self._again: Any = None
        self._stopped = False
        self.answers: list[bytes] = []

    def say(self, payload: bytes) -> None:
        """One more, behind those that wait."""
        self._line.append(payload)
        if len(self._line) == 1:
            self._next()

    def stop(self) -> None:
        """Say nothing more."""
        self._stopped = True
        if self._again is not None and self._again.active():
            self._again.cancel()
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.abortConnection()  # type: ignore[attr-defined]  # every stream transport has it

    def _next(self) -> None:
        if self._stopped or not self._line:
            return
        if self._connection is not None and self._connection.transport is not None:
            self._connection.transport.write(START + self._line[0] + END + RETURN)
        elif not self._connecting:
            self._connecting = True
            client = _Client(self._answered, self._lost)
            made: Deferred[Any] = connectProtocol(self._endpoint, client)  # type: ignore[no-untyped-call]  # Twisted's
            made.addCallbacks(self._connected, self._refused)

    def _connected(self, connection: _Client) -> None:
        self._connecting, self._connection = False, connection
        self._next()

    def _refused(self, _failure: Failure) -> None:
        self._connecting = False
        self._later()

    def _lost(self) -> None:
        self._connection = None
        self._later()

    def _later(self) -> None:
        if not self._stopped and (self._again is None or not self._again.active()):
            self._again = self._reactor.callLater(AGAIN_S, self._next)

    def _answered(self, payload: bytes) -> None:
        self.answers.append(payload)
        if self._line:
            self._line.popleft()
        self._next()


class _Client(Protocol):
    def __init__(self, answered: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._answered = answered
        self._gone = lost
        self._buffer = b""

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        blocks, self._buffer = split_blocks(self._buffer + data)
        for payload in blocks:
            self._answered(payload)

    def connectionLost(self, reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        del reason
        self._gone()
