"""A serial port that comes and goes: opened when it is there, opened again when it returns, ours alone meanwhile.

Twisted's own serial transport and no thread: an open port costs a file descriptor, silence is a timer of whoever asked, and
nothing can be lost inside a call, for the port is opened and read without blocking. What is written and not yet sent is
thrown away before closing, because the kernel would else wait for it.
"""

# Twisted annotates parts of itself only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure

from middleware.domain.fault import Fault

log = structlog.get_logger()

_FAULTS = {
    errno.ENOENT: "reader.gone",
    errno.ENODEV: "reader.gone",
    errno.ENXIO: "reader.gone",
    errno.EACCES: "reader.denied",
    errno.EPERM: "reader.denied",
    errno.EBUSY: "reader.shared",
    errno.EAGAIN: "reader.shared",
}


class PortProtocol(Protocol):
    """What Twisted tells of an open port."""

    def __init__(self, received: Callable[[bytes], None], lost: Callable[[], None]) -> None:
        self._received = received
        self._lost = lost

    def dataReceived(self, data: bytes) -> None:  # noqa: N802 - Twisted's name
        """Bytes came."""
        self._received(data)

    def connectionLost(self, _reason: Failure = connectionDone) -> None:  # noqa: N802 - Twisted's name
        """It was unplugged, or closed by us."""
        self._lost()


class SerialLine:
    """One port by the path of its device. ``changed`` is called when it was opened and when it was lost.

    ``fault`` is why it is not open, "" when it is. Reactor thread only.
    """

    def __init__(
        self,
        device: Path,
        baud: int,
        reactor: Any,
        retry_s: float,
        received: Callable[[bytes], None],
        changed: Callable[[], None],
    ) -> None:
        self.device = device
        self.fault = "reader.gone"
        self._baud = baud
        self._reactor = reactor
        self._retry_s = retry_s
        self._received = received
        self._changed = changed
        self._port: Any = None
        self._identity: tuple[int, int] | None = None
        self._timer: Any = None
        self._stopped = True

    def start(self) -> None:
        """Open it, now or as soon as it is there."""
        self._stopped = False
        self._look()

    def stop(self) -> None:
        """Close it and look no more."""
        self._stopped = True
        if self._timer is not None and self._timer.active():
            self._timer.cancel()
        self._close()

    @property
    def is_open(self) -> bool:
        """Whether bytes may be written."""
        return self._port is not None

    def write(self, data: bytes) -> None:
        """Send; nothing happens while the port is not open."""
        if self._port is not None:
            self._port.write(data)

    def _look(self) -> None:
        """Each ``retry_s``: whether the file is still the one that is open, or there again."""
        if self._port is not None and self._now() != self._identity:
            self._close()
        if self._port is None:
            self._open()
        if not self._stopped:
            self._timer = self._reactor.callLater(self._retry_s, self._look)

    def _now(self) -> tuple[int, int] | None:
        try:
            found = self.device.stat()
        except OSError:
            return None
        return found.st_rdev, found.st_ino

    def _open(self) -> None:
        before, self._identity = self.fault, self._now()
        try:
            self._port = _opened(str(self.device), self._baud, self._reactor, PortProtocol(self._received, self._lost))
        except Fault as fault:
            self.fault = fault.code
            if fault.code != before:
                log.warning("serial_port_not_opened", device=str(self.device), fault=fault.code, detail=fault.detail)
            return
        self.fault = ""
        log.info("serial_port_opened", device=str(self.device))
        self._changed()

    def _close(self) -> None:
        port = self._port
        if port is None:
            return
        with contextlib.suppress(Exception):  # the device may be gone already
            port.flushOutput()
        port.connectionLost(Failure(ConnectionDone()))  # at once, and not when a dead device has taken what was written

    def _lost(self) -> None:
        if self._port is None:
            return
        self._port, self.fault = None, "reader.gone"
        if not self._stopped:
            log.warning("serial_port_lost", device=str(self.device))
            self._changed()


def _opened(device: str, baud: int, reactor: Any, protocol: PortProtocol) -> Any:
    """An open port that no other program opens, or ``reader.gone``, ``.denied``, ``.shared``, ``system.config``."""
    try:
        from serial import SerialException
        from twisted.internet.serialport import SerialPort
    except ImportError:
        raise Fault("system.config", "pyserial is not installed") from None
    try:
        port = SerialPort(protocol, device, reactor, baudrate=baud)
    except (SerialException, OSError, ValueError) as exc:
        number = getattr(exc, "errno", None)
        if number is None and exc.args and isinstance(exc.args[0], int):
            number = exc.args[0]
        name = errno.errorcode.get(number, "?") if number is not None else type(exc).__name__
        raise Fault(_FAULTS.get(number or 0, "reader.gone"), f"{device}: {name}") from None
    try:
        _claim(port.fileno())
    except OSError as exc:
        port.connectionLost(Failure(ConnectionDone()))
        raise Fault(_FAULTS.get(exc.errno or 0, "reader.shared"), f"{device}: held by another program") from None
    return port


def _claim(descriptor: int) -> None:
    """No other program opens it meanwhile; on Windows a port is exclusive by itself."""
    try:
        import fcntl
        import termios
    except ImportError:
        return
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.ioctl(descriptor, termios.TIOCEXCL)
