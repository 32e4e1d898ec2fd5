"""A scanner or stripe reader on a serial port: a scan is a card put in, taken once, and forgotten when nobody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred

from middleware.domain.card import CardRead, ReaderStatus
from middleware.domain.fault import Fault
from readers.media.layout import Code, taken_apart
from readers.media.options import ReaderOptions
from readers.serial.id_reader import TURN_S
from readers.serial.port import SerialLine
from readers.serial.scan import ScanReader
from readers.turns import Turns


class Scanner:
    """One scanner. ``tell`` is told "inserted" at a scan and "removed" when it is taken or forgotten."""

    def __init__(self, options: ReaderOptions, reactor: Any, tell: Callable[[str, str], None]) -> None:
        assert options.device is not None  # noqa: S101 - the options see to it
        self.name = options.name
        self._options = options
        self._layouts = tuple(each.layout for each in options.layouts)
        self._reactor = reactor
        self._tell = tell
        self._line = SerialLine(options.device, options.baud, reactor, options.retry_s, self._received, self._line_changed)
        self._scans = ScanReader()
        self._turns = Turns(reactor, TURN_S)
        self._scan: bytes | None = None
        self._waiting: Deferred[None] | None = None
        self._reading = False
        self._gap: Any = None
        self._forget: Any = None

    def start(self) -> None:
        """Open the port when it is there."""
        self._line.start()

    async def stop(self) -> None:
        """End a read that is going on with ``system.stopping``, close the port."""
        self._line.stop()
        self._take()
        self._stop_gap()
        self._turns.end(Fault("system.stopping"))
        self._wake(Fault("system.stopping"))

    def status(self) -> ReaderStatus:
        """How it is."""
        if self._line.fault:
            gone = self._line.fault == "reader.gone"
            return ReaderStatus(self.name, "absent" if gone else "failed", "" if gone else self._line.fault)
        if self._reading:
            return ReaderStatus(self.name, "busy")
        return ReaderStatus(self.name, "empty" if self._scan is None else "card-present")

    def trouble(self) -> Fault | None:
        """What is wrong with it now, if anything."""
        return Fault(self._line.fault, str(self._line.device)) if self._line.fault else None

    async def read(self) -> CardRead | Code:
        """The scan that came, or comes within ``wait_s``; it is taken by this, whatever it turns out to be.

        Raises ``card.absent`` (nothing was scanned), ``reader.gone`` and its kin, ``reader.busy``, and what
        ``readers.media.layout.taken_apart`` raises.
        """
        await self._turns.take()
        self._reading = True
        try:
            if self._line.fault:
                raise Fault(self._line.fault, str(self._line.device))
            if self._scan is None:
                await self._wait()
            scan = self._take()
        finally:
            self._reading = False
            self._turns.give()
        if scan is None:
            raise Fault("card.absent", "nothing was scanned")
        try:
            text = scan.decode(self._options.charset)
        except UnicodeDecodeError:
            raise Fault("medium.no_layout", f"{len(scan)} bytes that are no {self._options.charset}") from None
        return taken_apart(text, self._layouts, self.name)

    async def _wait(self) -> None:
        self._waiting = Deferred()
        limit = self._reactor.callLater(self._options.wait_s, self._wake)
        try:
            await self._waiting
        finally:
            self._waiting = None
            if limit.active():
                limit.cancel()

    def _wake(self, fault: Fault | None = None) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is None or waiting.called:
            return
        if fault is None:
            waiting.callback(None)
        else:
            waiting.errback(fault)

    def _received(self, data: bytes) -> None:
        self._stop_gap()
        for scan in self._scans.feed(data):
            self._keep(scan)
        if self._scans.is_open:
            self._gap = self._reactor.callLater(self._options.gap_s, self._end_scan)

    def _end_scan(self) -> None:
        for scan in self._scans.end():
            self._keep(scan)

    def _keep(self, scan: bytes) -> None:
        """The newest scan counts: a person who scanned twice means the second."""
        self._take()
        self._scan = scan
        self._forget = self._reactor.callLater(self._options.hold_s, self._take)
        self._tell("inserted", self.name)
        self._wake()

    def _take(self) -> bytes | None:
        scan, self._scan = self._scan, None
        if self._forget is not None and self._forget.active():
            self._forget.cancel()
        if scan is not None:
            self._tell("removed", self.name)
        return scan

    def _stop_gap(self) -> None:
        if self._gap is not None and self._gap.active():
            self._gap.cancel()

    def _line_changed(self) -> None:
        if not self._line.is_open:
            self._stop_gap()
            self._scans = ScanReader()
            self._take()
            self._wake(Fault("reader.gone", "the port went away"))
