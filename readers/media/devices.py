"""Readers of ``[[readers]]`` that have no line of their own: what a front end hands in, and services with own scanners."""

from __future__ import annotations

from typing import Protocol

from middleware.domain.card import CardRead, ReaderStatus
from middleware.domain.fault import Fault
from readers.media.layout import Code, taken_apart
from readers.media.options import ReaderOptions


class Device(Protocol):
    """One reader, as the port of all of them wants it."""

    name: str

    def start(self) -> None:
        """Begin; a device that is not there yet is waited for."""

    async def stop(self) -> None:
        """End, and with it a read that is going on."""

    def status(self) -> ReaderStatus:
        """How it is; never blocks."""

    def trouble(self) -> Fault | None:
        """What is wrong with it now, if anything."""

    async def read(self) -> CardRead | Code:
        """What is shown now."""


class Handed:
    """A name under which a front end hands in what a keyboard wedge typed; the daemon itself sees no keyboard."""

    def __init__(self, options: ReaderOptions) -> None:
        self.name = options.name
        self._layouts = tuple(each.layout for each in options.layouts)

    def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    def status(self) -> ReaderStatus:
        """Always there."""
        return ReaderStatus(self.name, "empty")

    def trouble(self) -> Fault | None:
        """Nothing can be wrong with it."""
        return None

    async def read(self) -> CardRead | Code:
        """Nothing lies in it: what was typed comes with ``card.present``."""
        raise Fault("card.absent", "hand the text in with card.present")

    def take(self, text: str) -> CardRead | Code:
        """What was typed, by the same layouts and bounds as a scan."""
        return taken_apart(text, self._layouts, self.name)


class OwnScanner:
    """A code service that has a scanner of its own and is only asked."""

    def __init__(self, options: ReaderOptions) -> None:
        self.name = options.name
        self._kind = options.code

    def start(self) -> None:
        """Nothing to open."""

    async def stop(self) -> None:
        """Nothing to close."""

    def status(self) -> ReaderStatus:
        """Whether something was scanned, only the service knows."""
        return ReaderStatus(self.name, "empty")

    def trouble(self) -> Fault | None:
        """The service's own trouble is told of the service."""
        return None

    async def read(self) -> CardRead | Code:
        """A code without a text."""
        return Code(self._kind, "")
