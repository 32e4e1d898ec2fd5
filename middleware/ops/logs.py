"""Logs: every line of ours, of the standard library and of Twisted goes one way, through one redaction."""

from __future__ import annotations

import contextlib
import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, TextIO

import structlog
from attrs import frozen
from twisted.logger import ILogObserver, LogEvent, LogLevel, formatEvent, globalLogBeginner, globalLogPublisher
from zope.interface import implementer

from config.section import one_of, setting
from middleware.domain.fault import Fault
from middleware.ops.redact import redact, redact_pair

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_FROM_TWISTED = {
    LogLevel.debug: "debug", LogLevel.info: "info", LogLevel.warn: "warning", LogLevel.error: "error",
    LogLevel.critical: "critical",
}  # fmt: skip
_MAX_FRAMES = 12
# At debug they write whole messages: patients' data.
_TALKATIVE = ("zeep", "hl7apy", "urllib3", "requests", "smartcard")
# Written by the chain itself, before anybody's data could get in.
_OWN = frozenset({"timestamp", "level", "logger"})


@frozen(slots=True)
class LogOptions:
    """[logs]: how the daemon tells what it does. It writes to standard error; the journal of the system keeps it."""

    format: str = setting("json", help="json, or console for people", validator=one_of("json", "console"))
    level: str = setting("info", help="least level written", validator=one_of(*_LEVELS))


def configure_logs(options: LogOptions, stream: TextIO | None = None) -> None:
    """From now on everything is logged to ``stream`` (standard error), redacted. May be called again."""
    level = _LEVELS[options.level]
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False, default=repr)
        if options.format == "json"
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=False),
            tell_exception,
            redact_event,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(_Sink(stream or sys.stderr)),  # type: ignore[arg-type]  # all it asks of it
        cache_logger_on_first_use=False,
    )
    _bridge_standard_library(level)
    _bridge_twisted()


class _Sink:
    """Where lines go. A sink that takes no more (its reader died, its disk is full) loses lines.

    It never costs the work of whoever wrote one: most are written between an answer and its commit.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # ValueError: the stream is closed
            self._stream.write(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def tell_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """``exc_info`` becomes what may be told of an exception."""
    given = event.pop("exc_info", None)
    found = given if isinstance(given, BaseException) else given[1] if isinstance(given, tuple) else None
    if found is None and given is True:
        found = sys.exc_info()[1]
    if found is not None:
        event.update(told(found))
    return event


def told(error: BaseException) -> dict[str, Any]:
    """An exception's type and place. Its text only when it is ours or the system's: a stranger's text quotes people."""
    frames = traceback.extract_tb(error.__traceback__)[-_MAX_FRAMES:]
    facts: dict[str, Any] = {
        "error": type(error).__name__,
        "where": " > ".join(f"{Path(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames),
    }
    if isinstance(error, Fault):
        facts["fault"] = str(error)
    elif isinstance(error, OSError) and error.strerror:
        facts["fault"] = error.strerror
    return facts


def redact_event(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The one redaction of all sinks: runs last before the renderer, so nothing is added after it."""
    for key in list(event):
        if key not in _OWN:
            event[key] = redact(event[key]) if key == "event" else redact_pair(key, event[key])
    return event


class _StandardHandler(logging.Handler):
    """Hands a record of the standard library to structlog."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            structlog.get_logger().log(record.levelno, record.getMessage(), logger=record.name, exc_info=record.exc_info)
        except Exception:  # noqa: BLE001 - a log line may never hurt whoever wrote it
            self.handleError(record)


def _bridge_standard_library(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [handler for handler in root.handlers if not isinstance(handler, _StandardHandler)]
    root.addHandler(_StandardHandler())
    root.setLevel(level)
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


@implementer(ILogObserver)
class _TwistedObserver:
    """Hands an event of Twisted to structlog; a failure becomes its type and its place."""

    def __call__(self, event: LogEvent) -> None:
        level = _FROM_TWISTED.get(event.get("log_level", LogLevel.info), "info")
        failure = event.get("log_failure") or event.get("failure")  # the second is the old kind's
        extra: dict[str, Any] = {"logger": event.get("log_namespace", "twisted")}
        text = formatEvent(event)
        if failure is not None:
            extra |= told(failure.value)
            # The old kind's text holds the traceback, and any format may quote the failure.
            quoted = "log_text" in event or not text or str(failure.value) in text
            text = str(event.get("why") or "failure") if quoted else text
        getattr(structlog.get_logger(), level)(text, **extra)


_observer = _TwistedObserver()
_begun = False


def _bridge_twisted() -> None:
    global _begun
    if not _begun:
        # Until logging has begun Twisted itself writes critical events to standard error, unredacted.
        globalLogBeginner.beginLoggingTo([], discardBuffer=True, redirectStandardIO=False)
        _begun = True
    globalLogPublisher.removeObserver(_observer)
    globalLogPublisher.addObserver(_observer)
