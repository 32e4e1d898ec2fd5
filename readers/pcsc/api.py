"""The raw PC/SC calls, typed: a context, a connected card, and nothing of pyscard's above them.

Every call may block (PC/SC has no time-outs of its own), so these objects belong to threads that may be lost. Every
failure is a ``Fault``. A context is one connection to the service and serves one thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from middleware.domain.fault import Fault
from readers.pcsc import tables
from readers.pcsc.faults import from_exception, from_result

SETTLE_MS = 1000  # pcscd looks at a slot every 400 ms: by then a pulled card is known to be gone
_FIRST_GIVEN_CODE = 10_000

Scard = Any
"""The module ``smartcard.scard``; it carries no types."""
Load = Callable[[], Scard]


def load_scard() -> Scard:
    """Import pyscard's lowest layer, late: a machine without it still starts. Raises ``reader.service_down``."""
    try:
        from smartcard import scard
    except Exception as exc:  # a broken libpcsclite shows as OSError or SystemError
        raise from_exception(exc if isinstance(exc, ImportError) else ImportError(), "import") from exc
    return scard


@frozen(slots=True)
class SlotState:
    """What the service says of one reader; ``events`` counts insertions and removals."""

    raw: int
    atr: bytes = b""

    @property
    def present(self) -> bool:
        """Whether a card is in, answering or not."""
        return bool(self.raw & tables.STATE_PRESENT)

    @property
    def mute(self) -> bool:
        """A card is in and gave no answer to reset."""
        return bool(self.raw & tables.STATE_MUTE)

    @property
    def gone(self) -> bool:
        """The reader itself is not there."""
        return bool(self.raw & (tables.STATE_UNKNOWN | tables.STATE_UNAVAILABLE))

    @property
    def events(self) -> int:
        """Insertions and removals since the service started."""
        return self.raw >> tables.EVENT_SHIFT


class PcscContext:
    """One connection to the card service."""

    def __init__(self, load: Load) -> None:
        self._scard = load()
        result, self._handle = self._call("establish", "SCardEstablishContext", self._scard.SCARD_SCOPE_USER)
        if result:
            raise from_result(result, "establish")

    def readers(self) -> tuple[str, ...]:
        """The names of all readers; none is no fault."""
        result, names = self._call("list readers", "SCardListReaders", self._handle, [])
        if result == tables.NO_READERS:
            return ()
        if result:
            raise from_result(result, "list readers")
        return tuple(names)

    def wait(self, known: Mapping[str, int], timeout_ms: int, *, hotplug: bool = True) -> dict[str, SlotState]:
        """The state of each reader in ``known`` after a change from it, or after the time; {} when one is gone.

        With sixteen readers a plugged-in one is seen after the time only: pcsc-lite takes no more states at once.

        ``known`` maps a name to the raw state last seen (0 = not seen: answers at once).
        """
        asked = list(known.items())
        if hotplug and len(asked) < tables.MAX_STATES:
            asked.append((tables.PNP_READER, tables.STATE_UNAWARE))
        result, states = self._call("wait", "SCardGetStatusChange", self._handle, timeout_ms, asked)
        if result in {tables.UNKNOWN_READER, tables.CANCELLED}:
            return {}
        if result not in {0, tables.TIMEOUT}:
            raise from_result(result, "wait")
        return {
            name: SlotState(int(raw) & tables.MASK & ~tables.STATE_CHANGED, bytes(atr))
            for name, raw, atr in states
            if name in known
        }

    def connect(self, reader: str) -> PcscCard:
        """Take the card in that reader for ourselves alone. Waits without end while another holds a transaction."""
        scard = self._scard
        protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        result, card, protocol = self._call(
            "connect", "SCardConnect", self._handle, reader, scard.SCARD_SHARE_EXCLUSIVE, protocols
        )
        if result:
            raise from_result(result, "connect")
        return PcscCard(self, reader, card, protocol)

    def describe(self, reader: str) -> tuple[bytes, int]:
        """What the reader itself says: its serial number and its channel (PC/SC part 3); empty and 0 where it says nothing.

        Touches no card, and waits without end while another program holds a transaction.
        """
        scard = self._scard
        result, handle, _ = self._call(
            "describe", "SCardConnect", self._handle, reader, scard.SCARD_SHARE_DIRECT, tables.PROTOCOL_UNDEFINED
        )
        if result:
            raise from_result(result, "describe")
        try:
            known = [self._call("describe", "SCardGetAttrib", handle, attribute) for attribute in tables.ATTRIBUTES]
        finally:
            with contextlib.suppress(Exception):
                scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
        serial, channel = (bytes(rest[0]) if not result and rest else b"" for result, *rest in known)
        return serial, int.from_bytes(channel[:4], "little")

    def release(self) -> None:
        """Give the connection back; never raises, for there is nothing better to do."""
        with contextlib.suppress(Exception):
            self._scard.SCardReleaseContext(self._handle)

    def _call(self, where: str, name: str, *args: object) -> Any:
        """One raw call; the result code comes first and unsigned."""
        try:
            answer = getattr(self._scard, name)(*args)
        except Exception as exc:
            raise from_exception(exc, where) from exc
        if isinstance(answer, (list, tuple)):
            return (int(answer[0]) & tables.MASK, *answer[1:])
        return (int(answer) & tables.MASK,)


class PcscCard:
    """A powered card that is ours alone until ``disconnect``."""

    def __init__(self, context: PcscContext, reader: str, handle: int, protocol: int) -> None:
        self._context = context
        self._reader = reader
        self._handle = handle
        scard = context._scard  # noqa: SLF001 - one edge in two classes
        self._pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        self._reset = scard.SCARD_RESET_CARD

    def atr(self) -> bytes:
        """The answer to reset."""
        result, *rest = self._context._call("status", "SCardStatus", self._handle)  # noqa: SLF001 - one edge
        if result:
            raise from_result(result, "status")
        return bytes(rest[-1])

    def exchange(self, command: bytes) -> bytes:
        """One command and its answer, raw. Blocks as long as the card is silent.

        Raises ``card.withdrawn``, ``card.mute``, ``reader.gone``, ``reader.service_down``, ``reader.shared``.
        """
        result, answer = self._context._call(  # noqa: SLF001 - one edge
            "exchange", "SCardTransmit", self._handle, self._pci, list(command)
        )
        if not result and answer:
            return bytes(answer)
        if result in tables.UNDECIDED:
            raise self._why_lost()
        raise from_result(result, "exchange")

    def control(self, code: int, data: bytes) -> bytes:
        """SCardControl: ``code`` below 10000 is the argument of SCARD_CTL_CODE, above it a code that the reader gave.

        ``card.no_pin_pad`` when the reader knows no such thing. Blocks as long as the holder types.
        """
        scard = self._context._scard  # noqa: SLF001 - one edge
        whole = scard.SCARD_CTL_CODE(code) if code < _FIRST_GIVEN_CODE else code
        result, *rest = self._context._call("control", "SCardControl", self._handle, whole, list(data))  # noqa: SLF001 - one edge
        if result:
            raise Fault("card.no_pin_pad", f"control: PC/SC result {result:08X}")
        return bytes(rest[-1]) if rest else b""

    def disconnect(self) -> None:
        """Reset the card, so that no right won in our session outlives it, and let it go; never raises."""
        with contextlib.suppress(Exception):
            self._context._scard.SCardDisconnect(self._handle, self._reset)  # noqa: SLF001 - one edge

    def _why_lost(self) -> Fault:
        """The exchange failed: pulled out, or there and silent? pcscd knows after its next look at the slot."""
        now = self._context.wait({self._reader: tables.STATE_UNAWARE}, 0, hotplug=False).get(self._reader)
        if now is not None and now.present:
            later = self._context.wait({self._reader: now.raw}, SETTLE_MS, hotplug=False).get(self._reader)
            if later is not None and later.present and later.events == now.events:
                return Fault("card.mute", "exchange failed with the card in place")
            now = later
        if now is None or now.gone:
            return Fault("reader.gone", "during an exchange")
        return Fault("card.withdrawn", "during an exchange")
