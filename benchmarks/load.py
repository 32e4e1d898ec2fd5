"""``python -m benchmarks.load``: a load generator in a process of its own, as HIS programs would load the socket API.

It is told what to do by lines of JSON and answers each with one: ``{"do": NAME, ...}`` -> a report. Every client is a
thread with its own connection (clients/python), and every window shares one of the readers, as tills do.

``open``     port, token, clients, readers: connects them all
``register`` seconds: card.read and patient.register, again and again; the visits are kept
``settle``   settlement.quote and settlement.settle on each of the kept visits, once
``visit``    seconds: whole visits
``quote``    count: so many visits are registered and quoted; the quotes are kept
``flood``    settles all kept quotes at once, each on a connection of its own
``close``    waits until the HIS has acknowledged the last settlements, then hangs up
"""

from __future__ import annotations

import datetime as dt
import json
import sys
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from typing import Any

from attrs import define, field

from benchmarks.machine import percentile
from clients.python.yikatong_client import ApiError, Client, connect

CHINA = dt.timezone(dt.timedelta(hours=8))
DELIVERY_S = 60.0
LAST = 64  # whose delivery is waited for at the end
# catalogue code, name, unit price, quantity and amount: an ordinary outpatient bill of five lines
BILL = (
    ("S110200001", "普通门诊诊察费", "15.00", "1", "15.00"),
    ("S250101015", "血细胞分析", "20.00", "1", "20.00"),
    ("S210200001", "磁共振平扫", "480.00", "1", "480.00"),
    ("XC10ATOR0020", "阿托伐他汀钙片", "27.35", "4", "109.40"),
    ("W900000001", "营养补充剂", "39.80", "1", "39.80"),
)


@define
class Tally:
    """What the clients saw in one phase."""

    took: dict[str, list[float]] = field(factory=lambda: defaultdict(list))
    faults: Counter[str] = field(factory=Counter)
    done: int = 0

    @contextmanager
    def timed(self, method: str) -> Iterator[None]:
        """Time one request."""
        began = time.perf_counter()
        yield
        self.took[method].append(time.perf_counter() - began)


class Windows:
    """All the clients and what they have in common."""

    def __init__(self) -> None:
        self._clients: list[Client] = []
        self._readers: list[tuple[str, threading.Lock]] = []
        self._visits: deque[str] = deque()
        self._settled: deque[str] = deque(maxlen=LAST)
        self._quotes: deque[dict[str, Any]] = deque()
        self._begun: Iterator[int] = count()
        self._keys = 0
        self._prefix = ""
        self._token = ""
        self._port = 0

    def carry_out(self, order: dict[str, Any]) -> dict[str, Any]:
        """One order, one report."""
        match order["do"]:
            case "open":
                return self._open(order)
            case "register":
                return self._phase(self._until(order["seconds"], self._register))
            case "settle":
                return self._phase(self._settle_kept)
            case "visit":
                return self._phase(self._until(order["seconds"], self._whole))
            case "quote":
                return self._phase(partial(self._quote_until, order["count"]))
            case "flood":
                return self._flood()
            case "close":
                return self._close()
        raise ValueError("unknown order")

    def _quote_until(self, wanted: int, number: int, client: Client, tally: Tally) -> None:
        while next(self._begun) < wanted:
            self._count(tally, partial(self._register_and_quote, number, client, tally))

    def _register_and_quote(self, number: int, client: Client, tally: Tally) -> None:
        self._register(number, client, tally)
        self._quotes.append(self._quote(client, tally, self._visits.popleft()))

    def _flood(self) -> dict[str, Any]:
        """As many clients as there are quotes, all at once."""
        while len(self._clients) < len(self._quotes):
            client = connect(port=self._port)
            client.hello(self._token)
            self._clients.append(client)

        def work(_number: int, client: Client, tally: Tally) -> None:
            self._count(tally, lambda: self._confirm(client, tally, self._quotes.popleft()))

        return self._phase(work)

    def _open(self, order: dict[str, Any]) -> dict[str, Any]:
        self._prefix, self._port, self._token = order["prefix"], order["port"], order["token"]
        self._readers = [(name, threading.Lock()) for name in order["readers"]]
        for _ in range(order["clients"]):
            client = connect(port=self._port)
            client.hello(self._token)
            self._clients.append(client)
        return {}

    def _phase(self, work: Callable[[int, Client, Tally], None]) -> dict[str, Any]:
        """All clients at once, each in its thread; the report when the last has ended."""
        tallies = [Tally() for _ in self._clients]
        broken: list[BaseException] = []

        def run(number: int) -> None:
            try:
                work(number, self._clients[number], tallies[number])
            except BaseException as exc:  # noqa: BLE001 - a thread hands over whatever ended it
                broken.append(exc)

        began = time.perf_counter()
        threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(tallies))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if broken:
            raise broken[0]
        return _report(tallies, time.perf_counter() - began)

    def _until(self, seconds: float, once: Callable[[int, Client, Tally], None]) -> Callable[[int, Client, Tally], None]:
        def work(number: int, client: Client, tally: Tally) -> None:
            end = time.perf_counter() + seconds
            while time.perf_counter() < end:
                self._count(tally, partial(once, number, client, tally))

        return work

    @staticmethod
    def _count(tally: Tally, work: Callable[[], None]) -> None:
        try:
            work()
        except ApiError as error:
            tally.faults[error.code] += 1
        else:
            tally.done += 1

    def _settle_kept(self, number: int, client: Client, tally: Tally) -> None:
        while True:
            try:
                visit_id = self._visits.popleft()
            except IndexError:
                return
            self._count(tally, partial(self._settle, number, client, tally, visit_id))

    def _whole(self, number: int, client: Client, tally: Tally) -> None:
        self._register(number, client, tally)
        self._settle(number, client, tally, self._visits.popleft())  # any kept visit is as good: each is settled once

    def _register(self, number: int, client: Client, tally: Tally) -> None:
        reader, lock = self._readers[number % len(self._readers)]
        with lock, tally.timed("card.read"):
            read = client.call("card.read", {"reader": reader})
        with tally.timed("patient.register"):
            visit = client.call(
                "patient.register",
                {
                    "request_id": self._key(),
                    "card_read_id": read["card_read_id"],
                    "department_code": "0301",
                    "department_name": "呼吸内科",
                    "specialty": "A03",
                    "doctor_code": "D3301001",
                    "doctor_name": "李医生",
                    "begun_at": _now(),
                },
            )
        self._visits.append(visit["visit_id"])

    def _settle(self, _number: int, client: Client, tally: Tally, visit_id: str) -> None:
        self._confirm(client, tally, self._quote(client, tally, visit_id))

    def _quote(self, client: Client, tally: Tally, visit_id: str) -> dict[str, Any]:
        with tally.timed("settlement.quote"):
            quote: dict[str, Any] = client.call(
                "settlement.quote",
                {
                    "request_id": self._key(),
                    "visit_id": visit_id,
                    "diagnoses": [{"code": "J06.900", "name": "急性上呼吸道感染"}],
                    "lines": [_line(place, *item) for place, item in enumerate(BILL, 1)],
                },
            )
        return quote

    def _confirm(self, client: Client, tally: Tally, quote: dict[str, Any]) -> None:
        split, settlement_id = quote["split"], quote["settlement_id"]
        confirmed = {"settlement_id": settlement_id, "total": split["total"], "cash": split["cash"]}
        with tally.timed("settlement.settle"):
            client.call("settlement.settle", {"request_id": self._key(), **confirmed})
        self._settled.append(settlement_id)

    def _close(self) -> dict[str, Any]:
        """The outbox is strict in order: when the last settlements are delivered, all are."""
        began = time.monotonic()
        for settlement_id in tuple(self._settled):
            while not self._clients[0].call("settlement.get", {"settlement_id": settlement_id})["delivered"]:
                if time.monotonic() - began > DELIVERY_S:
                    raise TimeoutError("the HIS was not told of everything")
                time.sleep(0.02)
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._visits.clear()
        self._settled.clear()
        return {"seconds": time.monotonic() - began}

    def _key(self) -> str:
        self._keys += 1  # a race here would give two requests one key, and the daemon would refuse one of them
        return f"{self._prefix}-{threading.get_ident()}-{self._keys}"


def _report(tallies: list[Tally], seconds: float) -> dict[str, Any]:
    took: dict[str, list[float]] = defaultdict(list)
    faults: Counter[str] = Counter()
    for tally in tallies:
        faults.update(tally.faults)
        for method, times in tally.took.items():
            took[method] += times
    return {
        "seconds": seconds,
        "done": sum(tally.done for tally in tallies),
        "faults": faults,
        "methods": {
            method: {"count": len(times), "p50_ms": percentile(times, 0.5) * 1e3, "p99_ms": percentile(times, 0.99) * 1e3}
            for method, times in took.items()
        },
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
        "charged_at": _now(),
        "department_code": "0301",
        "department_name": "呼吸内科",
        "doctor_code": "D3301001",
        "doctor_name": "李医生",
    }


def _now() -> str:
    return dt.datetime.now(CHINA).isoformat(timespec="seconds")


def main() -> int:
    """Orders on standard input, reports on standard output; ends with the input."""
    windows = Windows()
    for line in sys.stdin:
        print(json.dumps(windows.carry_out(json.loads(line))), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
