"""Several kinds of readers under the one port of the engine: PC/SC of this machine, serial, remote ones, one list of names.

The promise: whatever one kind does - it does not start, it hangs, it raises what it must not - the others are listed and
read as if it were not there, and health says which one it is. A name means one reader: where two kinds give the same, the
one that came later carries its kind behind it, for as long as its kind lists it.

A member is a whole ``middleware.ports.Readers``. Everything runs in the reactor thread.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import structlog
from attrs import evolve, frozen
from twisted.internet.defer import Deferred, DeferredList

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth, overall
from readers.auth.holding import Procedure, T, Usable

if TYPE_CHECKING:
    from middleware.ports import Readers

log = structlog.get_logger()

PART = "readers"


@frozen(slots=True)
class ReaderKind:
    """One member. ``name`` is short and unique ("pcsc", "remote", "serial"): it tells apart what is called the same."""

    name: str
    readers: Readers


class ReaderFleet:
    """Implements ``middleware.ports.Readers`` over its members, in their order."""

    def __init__(self, kinds: Sequence[ReaderKind]) -> None:
        self._kinds = tuple(kinds)
        self._broken: dict[str, Fault] = {}  # by kind: why it did not start
        self._named: dict[tuple[str, str], str] = {}  # (kind, its own name) -> the name that callers use
        self._meant: dict[str, tuple[ReaderKind, str]] = {}  # the same, the other way

    # -- Part

    def start(self) -> None:
        """Start all; one that cannot says so by ``health`` and is left out."""
        for kind in self._kinds:
            try:
                kind.readers.start()
            except Fault as fault:
                self._broken[kind.name] = fault
                log.error("reader_kind_not_started", kind=kind.name, fault=fault.code, detail=fault.detail)  # noqa: TRY400 - a fault says all
            except Exception as exc:
                self._broken[kind.name] = Fault("system.internal", f"{kind.name} readers: {type(exc).__name__}")
                log.exception("reader_kind_not_started", kind=kind.name)

    async def stop(self) -> None:
        """Stop all at once, each within its own bound."""
        await DeferredList([Deferred.fromCoroutine(self._stop(kind)) for kind in self._kinds])

    async def _stop(self, kind: ReaderKind) -> None:
        try:
            await kind.readers.stop()
        except Exception:
            log.exception("reader_kind_not_stopped", kind=kind.name)

    def health(self) -> PartHealth:
        """The worst of all members."""
        parts = [ask() for ask in self.healths()]
        worst = overall(parts)
        return next((part for part in parts if part.condition is worst), PartHealth(PART, Condition.GOOD))

    def healths(self) -> tuple[Callable[[], PartHealth], ...]:
        """One part of the health page for each member."""
        return tuple(partial(self._health, kind) for kind in self._kinds)

    def _health(self, kind: ReaderKind) -> PartHealth:
        part = kind.readers.health()
        fault = self._broken.get(kind.name)
        return part if fault is None else PartHealth(part.part, Condition.DOWN, fault.code, fault.detail)

    # -- Readers

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """What is known of each reader of each kind, by name."""
        found: list[ReaderStatus] = []
        listed: set[tuple[str, str]] = set()
        for kind in self._kinds:
            try:
                statuses = kind.readers.statuses()
            except Exception:
                log.exception("reader_kind_not_listed", kind=kind.name)
                continue
            listed.update((kind.name, status.name) for status in statuses)
            found += [evolve(status, name=self._name(kind, status.name)) for status in statuses]
        for gone in self._named.keys() - listed:
            del self._meant[self._named.pop(gone)]
        return tuple(sorted(found, key=lambda status: status.name))

    async def read_card(self, reader: str) -> CardRead:
        """See the port; ``reader.unknown`` when no kind has it."""
        kind, name = self.member(reader)
        read = await kind.readers.read_card(name)
        return read if read.reader == reader else evolve(read, reader=reader)

    async def use(self, reader: str, procedure: Procedure[T], *, limit_s: float | None = None) -> T:
        """Any procedure on the powered card of a reader whose kind can do that; else ``reader.no_sessions``."""
        kind, name = self.member(reader)
        if not isinstance(kind.readers, Usable):
            raise Fault("reader.no_sessions", kind.name)
        return await kind.readers.use(name, procedure, limit_s=limit_s)

    async def present(self, reader: str, text: str) -> CardRead:
        """See ``middleware.ports.Hands``; ``reader.unknown`` when that kind takes nothing by hand."""
        kind, name = self.member(reader)
        hand = getattr(kind.readers, "present", None)
        if hand is None:
            raise Fault("reader.unknown", "this reader takes nothing by hand")
        read: CardRead = await hand(name, text)
        return read if read.reader == reader else evolve(read, reader=reader)

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """See the port: the events of all kinds, under the names of ``statuses``."""
        ends = [kind.readers.watch(self._renamed(kind, observer)) for kind in self._kinds]

        def end() -> None:
            for one in ends:
                one()

        return end

    def member(self, reader: str) -> tuple[ReaderKind, str]:
        """Whose reader that is, and what it is called there.

        Raises ``reader.unknown``, or why a kind that may have it lists nothing now.
        """
        if reader not in self._meant:
            statuses = self.statuses()  # names are given when they are first seen
            if reader not in self._meant:
                raise self._unknown(statuses)
        return self._meant[reader]

    def _unknown(self, statuses: tuple[ReaderStatus, ...]) -> Fault:
        if not statuses:
            for kind in self._kinds:
                part = self._health(kind)
                if part.condition is Condition.DOWN:
                    return Fault(part.fault, part.detail)
        return Fault("reader.unknown")

    def _renamed(self, kind: ReaderKind, observer: Callable[[CardEvent], None]) -> Callable[[CardEvent], None]:
        return lambda event: observer(evolve(event, reader=self._name(kind, event.reader)))

    def _name(self, kind: ReaderKind, own: str) -> str:
        known = self._named.get((kind.name, own))
        if known is not None:
            return known
        name, number = own, 1
        while name in self._meant:
            name = f"{own} ({kind.name})" if number == 1 else f"{own} ({kind.name} {number})"
            number += 1
        self._named[kind.name, own] = name
        self._meant[name] = (kind, own)
        return name


if TYPE_CHECKING:
    _KEEPS_THE_PORT: type[Readers] = ReaderFleet
