"""The load: counter windows that use the public socket door as a HIS does, and never forget what they were told.

Each window is a thread with a connection of its own. Whatever ends without an answer is asked again with the same key, for
as long as it takes: that is what the product's documentation tells its callers to do. Every business is kept as a ``Bill``;
``acknowledged`` is the daemon's word that money moved, and from then on it may never be untrue.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import random
import secrets
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

from attrs import define, field, frozen

from clients.python.yikatong_client import ApiError, Client, connect

CHINA = dt.timezone(dt.timedelta(hours=8))
PAUSE_S = 0.1
ANSWER_S = 30.0  # a caller's patience with one connection; then it asks again on another
MAX_BILLS = 50_000
# catalogue code, name, unit price, quantity, amount
LINES = (
    ("S110200001", "普通门诊诊察费", "15.00", "1", "15.00"),
    ("S250101015", "血细胞分析", "20.00", "1", "20.00"),
    ("XC10ATOR0020", "阿托伐他汀钙片", "27.35", "4", "109.40"),
)
# What the asker is told to do about these is to wait, and not to ask for the same money again.
IN_DOUBT = frozenset({"settlement.outcome_unknown", "settlement.busy", "visit.locked", "system.internal"})
CANCELLED_EVERY = 9  # one bill in so many


@frozen(slots=True)
class Answered:
    """What the daemon said, word for word."""

    result: dict[str, Any]


@frozen(slots=True)
class Refused:
    """A refusal that is for good."""

    code: str


End = Answered | Refused | None


@define
class Bill:
    """One business: one bill that somebody wants to pay once. ``end`` is None while nobody could say how it ended."""

    visit_id: str
    settlement_id: str
    order: dict[str, Any]  # settlement.settle's parameters, its key among them
    end: End = None
    undoing: dict[str, Any] | None = None  # settlement.cancel's
    undone: End = None

    @property
    def acknowledged(self) -> bool:
        """Somebody was told that it is settled."""
        return isinstance(self.end, Answered)

    @property
    def open(self) -> bool:
        """Something was asked and not answered for good."""
        return self.end is None or (self.undoing is not None and self.undone is None)


@define
class Heard:
    """All that the callers know, over all lives of the daemon."""

    bills: list[Bill] = field(factory=list)
    faults: Counter[str] = field(factory=Counter)
    broken: int = 0  # connections that ended before the answer
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def add(self, bill: Bill) -> None:
        """Before it is asked for. ``RuntimeError`` beyond the bound."""
        with self._lock:
            if len(self.bills) >= MAX_BILLS:
                raise RuntimeError("too many bills for one run")
            self.bills.append(bill)

    def fault(self, code: str) -> None:
        """One refusal heard, for good or not."""
        with self._lock:
            self.faults[code] += 1

    @property
    def acknowledged(self) -> list[Bill]:
        """Those of which somebody was told that they are settled, oldest first."""
        return [bill for bill in tuple(self.bills) if bill.acknowledged]

    @property
    def open(self) -> list[Bill]:
        """Those whose end nobody knows yet."""
        return [bill for bill in tuple(self.bills) if bill.open]


class StoppedError(Exception):
    """The load is being stopped."""


class Windows:
    """``start``, then ``stop``; ``ask_again`` afterwards, until every bill has an end.

    ``port`` of the socket door, ``token`` of an account of role his. All windows share the readers, one at a time each.
    """

    def __init__(self, port: int, token: str, readers: Sequence[str], heard: Heard, *, count: int = 6) -> None:
        self._port = port
        self._token = token
        self._readers = [(name, threading.Lock()) for name in readers]
        self._count = count
        self._run = secrets.token_hex(4)
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._crash: BaseException | None = None
        self.heard = heard

    def start(self) -> None:
        """Open the windows."""
        self._stopping.clear()
        self._threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(self._count)]
        for thread in self._threads:
            thread.start()

    def stop(self, wait_s: float = ANSWER_S + 10) -> None:
        """Close them and wait for what is under way; raises what ended a window that should not have ended."""
        self._stopping.set()
        limit = time.monotonic() + wait_s
        for thread in self._threads:
            thread.join(max(0.0, limit - time.monotonic()))
        if self._crash is not None:
            raise self._crash

    def ask_again(self, bills: Sequence[Bill], limit_s: float) -> None:
        """Ask with the same keys until each of ``bills`` has an end or ``limit_s`` is over."""
        until = time.monotonic() + limit_s
        window = _Window(self, until)
        for bill in bills:
            while bill.open and time.monotonic() < until:
                with contextlib.suppress(StoppedError):
                    window.finish(bill)
                if bill.open:
                    time.sleep(PAUSE_S)
        window.close()

    def repeated(self, bills: Sequence[Bill]) -> list[Bill]:
        """Those of ``bills`` whose request, asked again, did not get the very same answer."""
        window = _Window(self, time.monotonic() + 60 + len(bills))
        different = [bill for bill in bills if bill.acknowledged and window.once(*_settling(bill)) != bill.end]
        window.close()
        return different

    # -- for the windows

    def connect(self) -> Client:
        """A new session."""
        client = connect(port=self._port, timeout=5.0)
        try:
            client.hello(self._token)
        except BaseException:
            client.close()
            raise
        return client

    def ended(self) -> bool:
        """Whether the load is being stopped."""
        return self._stopping.is_set()

    def _work(self, number: int) -> None:
        window = _Window(self, None)
        rng = random.Random(f"{self._run} {number}")
        try:
            while not self._stopping.is_set():
                with contextlib.suppress(StoppedError):
                    window.visit(f"{self._run}-{number}", self._readers[number % len(self._readers)], rng)
        except BaseException as exc:  # noqa: BLE001 - handed over to whoever stops the load
            self._crash = exc
        finally:
            window.close()


class _Window:
    """One window: used by one thread."""

    def __init__(self, windows: Windows, until: float | None) -> None:
        self._windows = windows
        self._until = until  # monotonic; None: until the load is stopped
        self._client: Client | None = None
        self._keys = 0

    def close(self) -> None:
        """Hang up."""
        if self._client is not None:
            self._client.close()
            self._client = None

    # -- a visit

    def visit(self, prefix: str, reader: tuple[str, threading.Lock], rng: random.Random) -> None:
        """One patient: card, registration, quote, settlement, and now and then a cancel."""
        visit = self._register(self._key(prefix), *reader)
        if visit is None:
            return
        quote = self.once("settlement.quote", _quote(self._key(prefix), visit["visit_id"]))
        if not isinstance(quote, Answered):
            return
        bill = Bill(visit["visit_id"], quote.result["settlement_id"], _settle(self._key(prefix), quote.result))
        self._windows.heard.add(bill)
        if rng.randrange(CANCELLED_EVERY) == 0:
            bill.undoing = {"request_id": self._key(prefix), "settlement_id": bill.settlement_id, "reason": "退费"}
        self.finish(bill)

    def finish(self, bill: Bill) -> None:
        """Ask for what of it has no end."""
        if bill.end is None:
            bill.end = self.once(*_settling(bill))
        if bill.undoing is not None and bill.end is not None and bill.undone is None:
            bill.undone = self.once("settlement.cancel", bill.undoing) if bill.acknowledged else Refused("not-settled")

    def _register(self, key: str, reader: str, lock: threading.Lock) -> dict[str, Any] | None:
        """A registration under one key, with as many card reads as that takes."""
        while True:
            with lock:
                read = self.once("card.read", {"reader": reader})
            if not isinstance(read, Answered):
                self._pause()
                continue
            visit = self.once("patient.register", _registration(key, read.result["card_read_id"]))
            if isinstance(visit, Answered):
                return visit.result
            if not isinstance(visit, Refused) or visit.code != "card.read_expired":
                return None

    # -- asking

    def once(self, method: str, params: dict[str, Any]) -> End:
        """Ask until there is an answer for good, or word that nobody can say yet (None)."""
        while True:
            try:
                if self._client is None:
                    self._client = self._windows.connect()
                return Answered(self._client.call(method, params, timeout=ANSWER_S))
            except ApiError as error:
                self._windows.heard.fault(error.code)
                retry = error.data.get("retry")
                if error.code in IN_DOUBT:
                    return None
                if retry not in {"same-key", "after-fix"} or error.code.startswith(("card.", "settlement.manual")):
                    return Refused(error.code)
            except (OSError, ValueError):
                # Cut off, refused, timed out, or the end of a line torn off: what was asked may have been done.
                self._windows.heard.broken += self._client is not None
                self.close()
            self._pause()

    def _pause(self) -> None:
        over = self._windows.ended() if self._until is None else time.monotonic() > self._until
        if over:
            raise StoppedError
        time.sleep(PAUSE_S)

    def _key(self, prefix: str) -> str:
        self._keys += 1
        return f"{prefix}-{self._keys}"


def _registration(key: str, card_read_id: str) -> dict[str, Any]:
    return {
        "request_id": key,
        "card_read_id": card_read_id,
        "department_code": "0301",
        "department_name": "呼吸内科",
        "specialty": "A03",
        "doctor_code": "D3301001",
        "doctor_name": "李医生",
        "begun_at": dt.datetime.now(CHINA).isoformat(timespec="seconds"),
    }


def _quote(key: str, visit_id: str) -> dict[str, Any]:
    return {
        "request_id": key,
        "visit_id": visit_id,
        "diagnoses": [{"code": "J06.900", "name": "急性上呼吸道感染"}],
        "lines": [_line(place, *item) for place, item in enumerate(LINES, 1)],
    }


def _line(place: int, code: str, name: str, price: str, quantity: str, amount: str) -> dict[str, Any]:
    return {
        "line_id": f"L{place:03d}",
        "catalogue_code": code,
        "hospital_code": f"Y{code[-8:]}",
        "name": name,
        "unit_price": price,
        "quantity": quantity,
        "amount": amount,
        "charged_at": dt.datetime.now(CHINA).isoformat(timespec="seconds"),
        "department_code": "0301",
        "department_name": "呼吸内科",
        "doctor_code": "D3301001",
        "doctor_name": "李医生",
    }


def _settle(key: str, quote: dict[str, Any]) -> dict[str, Any]:
    split = quote["split"]
    return {
        "request_id": key,
        "settlement_id": quote["settlement_id"],
        "total": split["total"],
        "cash": split["cash"],
    }


def _settling(bill: Bill) -> tuple[str, dict[str, Any]]:
    return "settlement.settle", bill.order
