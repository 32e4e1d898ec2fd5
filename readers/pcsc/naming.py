"""Names of readers that stay theirs: pcscd and Windows number identical readers in the order of their plugging in.

A reader keeps its name over re-plugging and restarts by what tells it apart from its twin: its serial number, where it
has one of its own; else the USB port it is plugged into; else nothing, and its name is the service's, by order, which is
said.

    ACS ACR38U (A1B2C3) 00          by serial, and its slot
    ACS ACR38U @usb-1-2.3 00        by USB port
    ACS ACR38U 01 00                by order
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog
from attrs import field, frozen

from middleware.domain.fault import Fault
from readers.pcsc.api import Load, PcscContext

log = structlog.get_logger()

SYSFS = Path("/sys/bus/usb/devices")
ASK_S = 1.0  # a reader that another program holds is named by order rather than waited for
_USB = 0x0020
_PCSCLITE = re.compile(r"(?P<model>.+?)(?: \((?P<serial>[^()]*)\))? (?P<index>[0-9A-F]{2}) (?P<slot>[0-9A-F]{2})")
_WINDOWS = re.compile(r"(?P<model>.+?) (?P<index>\d{1,2})")
_SERIAL = re.compile(r"[!-~]{2,64}")


@frozen(slots=True)
class Mark:
    """What a reader says of itself: its serial number, and where it is plugged in; "" where it says nothing."""

    serial: str = ""
    port: str = ""


@frozen(slots=True)
class Named:
    """A reader's own name, and by what it was given: "serial", "usb" or "order"."""

    name: str
    by: str


def named(address: str, mark: Mark, taken: Iterable[str]) -> Named:
    """The name of the reader that the service calls ``address``; never one of ``taken``."""
    found = _PCSCLITE.fullmatch(address) or _WINDOWS.fullmatch(address)
    if found is None:
        return Named(address, "order")
    parts = found.groupdict()
    slot = f" {parts['slot']}" if parts.get("slot") else ""
    serial = mark.serial or parts.get("serial") or ""
    others = set(taken)
    if _own(serial) and (name := f"{parts['model']} ({serial}){slot}") not in others:
        return Named(name, "serial")
    if mark.port and (name := f"{parts['model']} @usb-{mark.port}{slot}") not in others:
        return Named(name, "usb")
    return Named(address, "order")


def by_order(names: Iterable[str]) -> tuple[str, ...]:
    """Of these readers those that only the order of plugging in tells apart from a twin."""
    twins: dict[tuple[str, str], list[str]] = {}
    for name in names:
        found = _PCSCLITE.fullmatch(name) or _WINDOWS.fullmatch(name)
        if found is not None and not found.groupdict().get("serial"):
            twins.setdefault((found["model"], found.groupdict().get("slot") or ""), []).append(name)
    return tuple(sorted(name for group in twins.values() if len(group) > 1 for name in group))


def _own(serial: str) -> bool:
    """Whether it can tell two readers apart: makers who save money give all of them 000000."""
    return _SERIAL.fullmatch(serial) is not None and len(set(serial)) > 1


def usb_port(channel: int, devices: Path = SYSFS) -> str:
    """The USB port of a reader by its channel (PC/SC part 3: 0020 bus address), as "1-2.3"; "" where nobody can say.

    The address is another after each plugging, the port is the same.
    """
    if channel >> 16 != _USB:
        return ""
    bus, address = channel >> 8 & 0xFF, channel & 0xFF
    try:
        for device in sorted(devices.iterdir()):
            if _number(device / "busnum") == bus and _number(device / "devnum") == address:
                return device.name
    except OSError:
        pass
    return ""


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return -1


@frozen(slots=True)
class Namer:
    """Gives each reader its name when it is first seen, and keeps it while it is there. For the watcher's thread.

    A reader is asked in a thread that may be lost: the service waits without end while another program holds a
    transaction.
    """

    load: Load
    devices: Path = SYSFS
    ask_s: float = ASK_S
    _known: dict[str, Named] = field(factory=dict, init=False)

    def names(self, addresses: Iterable[str]) -> dict[str, str]:
        """The service's name of each reader -> its own."""
        present = list(addresses)
        for gone in self._known.keys() - set(present):
            del self._known[gone]
        new = [address for address in present if address not in self._known]
        marks = self._marks(new)
        for address in new:
            given = named(address, marks.get(address, Mark()), (known.name for known in self._known.values()))
            self._known[address] = given
            log.info("reader_named", address=address, reader=given.name, by=given.by)
        return {address: self._known[address].name for address in present}

    def _marks(self, addresses: list[str]) -> dict[str, Mark]:
        marks: dict[str, Mark] = {}
        threads = [
            threading.Thread(target=self._ask, args=(address, marks.__setitem__), name="pcsc-namer", daemon=True)
            for address in addresses
        ]
        for thread in threads:
            thread.start()
        patience = self.ask_s
        for thread in threads:
            thread.join(patience)
            if thread.is_alive():
                patience = 0.0  # it was given to all of them together
        return dict(marks)

    def _ask(self, address: str, tell: Callable[[str, Mark], None]) -> None:
        try:
            context = PcscContext(self.load)
            try:
                serial, channel = context.describe(address)
            finally:
                context.release()
        except Fault:
            return  # by order, then
        text = serial.rstrip(b"\0").decode("ascii", errors="replace").strip()
        tell(address, Mark(text, usb_port(channel, self.devices)))
