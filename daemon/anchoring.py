"""Anchors by the clock: the heads of both chains, signed, to a place outside this machine."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daemon.settings import AnchorOptions
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.store.anchors import append, load_key

log = structlog.get_logger()

_LATE = 3  # intervals without a new anchor, and somebody should look


class Anchoring:
    """A part of its own: ``anchor``. Without a path it does nothing and says so.

    Each anchor is written by a thread of its own: a place on another machine may hang, and then it holds that thread, not
    a reader's, and not the end of the process. No second one is begun meanwhile.
    """

    def __init__(
        self,
        options: AnchorOptions,
        database: sa.Engine,
        institution: str,
        reactor: Any,
        now: Callable[[], dt.datetime],
    ) -> None:
        self._options = options
        self._place = options.place
        self._key = load_key(options.key_file) if options.key_file is not None else None
        self._database = database
        self._institution = institution
        self._reactor = reactor
        self._now = now
        self._timer: Any = None
        self._running = False
        self._writing = False
        self._newest_s = 0.0
        self._fault = ""
        self._detail = "off" if self._key is None else "none yet"

    def start(self) -> None:
        """The first anchor now, the others by the clock."""
        if self._key is not None:
            self._running = True
            self._newest_s = self._reactor.seconds()
            self._turn(self._key)

    def stop(self) -> None:
        """No more anchors."""
        self._running = False
        if self._timer is not None and self._timer.active():
            self._timer.cancel()

    def health(self) -> PartHealth:
        """DOWN when the journal does not extend its anchors or none can be written; DEGRADED when they are late."""
        if self._fault:
            return PartHealth("anchor", Condition.DOWN, "system.anchor", self._fault)
        if self._running and self._reactor.seconds() - self._newest_s > _LATE * self._options.every_s:
            return PartHealth("anchor", Condition.DEGRADED, "system.anchor", "the place of the anchors does not answer")
        return PartHealth("anchor", Condition.GOOD, "", self._detail)

    def _turn(self, key: Ed25519PrivateKey) -> None:
        if not self._writing:
            self._writing = True
            threading.Thread(target=self._write, args=(key,), name="anchor", daemon=True).start()
        self._timer = self._reactor.callLater(self._options.every_s, self._turn, key)

    def _write(self, key: Ed25519PrivateKey) -> None:
        fault, detail = "", ""
        try:
            if self._place is not None:
                made = append(self._database, self._place, key, self._institution, self._now())
                detail = f"anchor {made.number} at row {made.journal.sequence}"
        except Fault as exc:
            fault = exc.detail
        except sa.exc.SQLAlchemyError as exc:
            fault = f"the database cannot be read: {type(exc).__name__}"
        self._reactor.callFromThread(self._written, fault, detail)

    def _written(self, fault: str, detail: str) -> None:
        self._writing = False
        if fault:
            if fault != self._fault:
                log.error("anchor.failed", why=fault)
        else:
            self._newest_s, self._detail = self._reactor.seconds(), detail
        self._fault = fault
