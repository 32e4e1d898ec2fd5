"""The socket door as a part of the daemon: it opens, it stops in bounded time, it says how it is."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import structlog
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError

from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.doors.local_api.dispatch import Dispatcher, Observe, observe_nothing
from middleware.doors.local_api.handlers import Business
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.local_api.server import LineDoor
from middleware.doors.tokens import TokenTable
from middleware.listening import tls_context

log = structlog.get_logger()

_STOP_POLL_S = 0.05
_SOCKET_MODE = 0o660
_HEADROOM = 0.9


class LocalApi:
    """The socket door. ``reactor`` is Twisted's; ``observe`` is told of each request's end."""

    def __init__(
        self,
        options: LocalApiOptions,
        business: Business,
        tokens: TokenTable,
        reactor: Any,
        observe: Observe = observe_nothing,
    ) -> None:
        self._options = options
        self._reactor = reactor
        self._clock = business.clock
        self._dispatcher = Dispatcher(business, tokens, options, observe, reactor.callFromThread)
        self._door = LineDoor(self._dispatcher, options, business.clock)
        self._ports: list[Any] = []
        self.tcp_port = 0  # the real one, once started

    @property
    def connections(self) -> int:
        """How many clients are connected now."""
        return len(self._door.connections)

    @property
    def in_flight(self) -> int:
        """How many requests are in flight now."""
        return self._dispatcher.in_flight

    def start(self) -> None:
        """Listen; ``system.config`` when that cannot be done."""
        options = self._options
        try:
            if options.unix_path is not None:
                self._ports.append(self._listen_unix(options.unix_path))
            if options.tcp_port != 0:
                self._listen_tcp(options.tcp_port)
        except (CannotListenError, OSError, ValueError) as exc:
            raise Fault("system.config", f"local_api cannot listen: {exc}") from exc

    async def stop(self) -> None:
        """Listen no more, refuse new requests, let those in flight end within the grace, then close everything."""
        self._dispatcher.stopping = True
        for port in self._ports:
            await _maybe(port.stopListening())
        self._ports.clear()
        until = self._clock.seconds() + self._options.stop_grace_s
        while self._dispatcher.in_flight and self._clock.seconds() < until:
            await self._pause(_STOP_POLL_S)
        for connection in tuple(self._door.connections):
            connection.stop()
        until = self._clock.seconds() + 2 * _STOP_POLL_S
        while self._door.connections and self._clock.seconds() < until:
            await self._pause(_STOP_POLL_S / 5)
        for connection in tuple(self._door.connections):
            connection.transport.abortConnection()

    def health(self) -> PartHealth:
        """Down when it does not listen, degraded when nearly all connections or places are taken."""
        if not self._ports:
            return PartHealth("local_api", Condition.DOWN, "system.stopping", "not listening")
        detail = f"{self.connections} connections, {self.in_flight} in flight"
        crowded = (
            self.connections > _HEADROOM * self._options.connections
            or self.in_flight > _HEADROOM * self._options.in_flight_total
        )
        if crowded:
            return PartHealth("local_api", Condition.DEGRADED, "system.busy", detail)
        return PartHealth("local_api", Condition.GOOD, detail=detail)

    def _listen_tcp(self, port: int) -> None:
        options = self._options
        if options.certificate is not None and options.private_key is not None:
            context = tls_context(options.certificate, options.private_key, options.client_ca)
            listening = self._reactor.listenSSL(port, self._door, context, interface=options.tcp_host)
        else:
            listening = self._reactor.listenTCP(port, self._door, interface=options.tcp_host)
        self._ports.append(listening)
        self.tcp_port = listening.getHost().port
        log.info("api.listening", host=options.tcp_host, port=self.tcp_port, tls=options.certificate is not None)

    def _listen_unix(self, path: Path) -> Any:
        _clear_stale(path)
        # Born with its mode: between bind and chmod the socket would be open to everybody.
        before = os.umask(0o777 & ~_SOCKET_MODE)
        try:
            listening = self._reactor.listenUNIX(str(path), self._door, mode=_SOCKET_MODE, wantPID=False)
        finally:
            os.umask(before)
        log.info("api.listening", unix=str(path))
        return listening

    async def _pause(self, seconds: float) -> None:
        woken: Deferred[None] = Deferred()
        self._clock.callLater(seconds, woken.callback, None)
        await woken


async def _maybe(result: Any) -> None:
    if isinstance(result, Deferred):
        await result


def _clear_stale(path: Path) -> None:
    """Remove the socket of a process that is gone; ``ValueError`` when something lives there.

    By asking it, and not by Twisted's pid file: in a container the new daemon has the old one's pid.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ValueError(f"{path} exists and is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink(missing_ok=True)
            return
    raise ValueError(f"another process listens on {path}")
