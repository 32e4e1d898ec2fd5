"""All readers of ``[[readers]]``, as the engine sees them: ``middleware.ports.Readers``."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import structlog
from twisted.internet.defer import Deferred, DeferredList

from middleware.domain.card import CardEvent, CardRead, ReaderStatus
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from readers.media.devices import Device, Handed, OwnScanner
from readers.media.layout import Code
from readers.media.options import HANDED, SCANNER, SERIAL_ID, ReaderOptions
from readers.qr.channel import Channel, Open
from readers.qr.options import CodeOptions
from readers.qr.service import CodeService
from readers.serial.id_reader import IdReader
from readers.serial.scanner import Scanner

if TYPE_CHECKING:
    from middleware.ports import Readers

log = structlog.get_logger()

PART = "readers_media"


class MediaReaders:
    """Id-card readers, scanners, hands and code services of one configuration. Reactor thread only.

    ``reactor``: Twisted's own, for ports are opened with it. ``today`` and ``now`` are the hospital's. ``channel_of``
    gives what lies between a code service and its wire.
    """

    def __init__(
        self,
        readers: Sequence[ReaderOptions],
        codes: Sequence[CodeOptions],
        reactor: Any,
        today: Callable[[], dt.date],
        now: Callable[[], dt.datetime],
        channel_of: Callable[[CodeOptions], Channel] = lambda _options: Open(),
    ) -> None:
        self._now = now
        self._options = {options.name: options for options in readers}
        self._services = {options.kind: CodeService(options, reactor, channel_of(options)) for options in codes}
        self._devices = {options.name: self._device(options, reactor, today) for options in readers}
        self._observers: dict[object, Callable[[CardEvent], None]] = {}
        self._stopping = False

    def _device(self, options: ReaderOptions, reactor: Any, today: Callable[[], dt.date]) -> Device:
        if options.kind == SERIAL_ID:
            return IdReader(options, reactor, today, self._tell)
        if options.kind == SCANNER:
            return Scanner(options, reactor, self._tell)
        return Handed(options) if options.kind == HANDED else OwnScanner(options)

    # -- Part

    def start(self) -> None:
        """Begin all; a port that is not there is waited for and told by ``health``."""
        for device in self._devices.values():
            device.start()

    async def stop(self) -> None:
        """End all reads with ``system.stopping`` and close the ports."""
        self._stopping = True
        for service in self._services.values():
            service.stop()
        await DeferredList([Deferred.fromCoroutine(device.stop()) for device in self._devices.values()])
        self._observers.clear()

    def health(self) -> PartHealth:
        """DEGRADED with the first trouble there is: a reader's, or that of a code service at its last question."""
        for name, device in self._devices.items():
            trouble = device.trouble()
            if trouble is not None:
                return PartHealth(PART, Condition.DEGRADED, trouble.code, f"{name}: {trouble.detail}")
        for kind, service in self._services.items():
            if service.last is not None:
                return PartHealth(PART, Condition.DEGRADED, service.last.code, f"{kind}: {service.last.detail}")
        return PartHealth(PART, Condition.GOOD, detail=f"{len(self._devices)} readers")

    # -- Readers

    def statuses(self) -> tuple[ReaderStatus, ...]:
        """What is known of each, by name."""
        return tuple(self._devices[name].status() for name in sorted(self._devices))

    async def read_card(self, reader: str) -> CardRead:
        """See the port. Raises ``UnlinkedError`` (``medium.no_identity``) for what has only a number."""
        return await self._identified(reader, await self._known(reader).read())

    async def present(self, reader: str, text: str) -> CardRead:
        """The same for what a front end hands in; ``reader.unknown`` when that reader takes nothing by hand."""
        device = self._known(reader)
        if not isinstance(device, Handed):
            raise Fault("reader.unknown", "this reader takes nothing by hand")
        return await self._identified(reader, device.take(text))

    def watch(self, observer: Callable[[CardEvent], None]) -> Callable[[], None]:
        """See the port."""
        token = object()
        self._observers[token] = observer

        def end() -> None:
            self._observers.pop(token, None)

        return end

    def _known(self, reader: str) -> Device:
        if self._stopping:
            raise Fault("system.stopping")
        device = self._devices.get(reader)
        if device is None:
            raise Fault("reader.unknown")
        return device

    async def _identified(self, reader: str, shown: CardRead | Code) -> CardRead:
        if isinstance(shown, CardRead):
            return shown
        service = self._services.get(shown.kind)
        if service is None:
            raise Fault("code.not_configured", shown.kind)
        return await service.identify(self._options[reader], shown.text)

    def _tell(self, kind: str, reader: str) -> None:
        event = CardEvent(kind, reader, self._now())
        for observer in list(self._observers.values()):
            try:
                observer(event)
            except Exception as exc:  # noqa: BLE001 - one observer's mistake silences no other
                log.error("card_observer_failed", reader=reader, kind=kind, error=type(exc).__name__)  # noqa: TRY400 - the text could carry data


if TYPE_CHECKING:
    _KEEPS_THE_PORT: type[Readers] = MediaReaders
