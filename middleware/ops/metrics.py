"""What is counted: one table of metrics, and the one object that everybody counts with."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from middleware.domain.card import READER_STATES, ReaderStatus
from middleware.domain.health import Condition, PartHealth, asked
from middleware.ops.tables import METRICS, Metric

PREFIX = "yikatong_"
# A label whose values come from outside the tables keeps the first so many; the rest are counted together.
MAX_OPEN_VALUES = 32
OTHER = "other"

_KINDS: dict[str, Any] = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
_CONDITIONS = {Condition.GOOD: 0, Condition.DEGRADED: 1, Condition.DOWN: 2}


class Metrics:
    """A registry of its own with every row of the table. Counting never raises for a value and never grows unbounded."""

    content_type = CONTENT_TYPE_LATEST

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        self._families = {row.name: _family(row, self.registry) for row in METRICS.values()}
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._before: list[Callable[[], None]] = []
        ProcessCollector(registry=self.registry)
        self.set("build_info", 1, version, platform.python_version())

    def count(self, name: str, *labels: str, by: float = 1) -> None:
        """Add to a counter."""
        self._child(name, labels).inc(by)

    def set(self, name: str, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._child(name, labels).set(value)

    def observe(self, name: str, value: float, *labels: str) -> None:
        """Add to a histogram; never below zero, whatever a clock says."""
        self._child(name, labels).observe(max(0.0, value))

    def before_scrape(self, collect: Callable[[], None]) -> None:
        """Call this before each rendering, to set gauges that are cheaper to ask for than to keep."""
        self._before.append(collect)

    def watch_parts(self, health: Sequence[Callable[[], PartHealth]]) -> None:
        """Keep ``part_condition`` from these answers."""

        def collect() -> None:
            for part in asked(health):
                self.set("part_condition", _CONDITIONS[part.condition], part.part)

        self.before_scrape(collect)

    def pieces(self) -> Iterator[bytes]:
        """The text that Prometheus reads, family by family: all of it is about 20 ms for 700 series, on the reactor."""
        for collect in self._before:
            collect()
            yield b""
        for family in self.registry.collect():
            yield generate_latest(_Alone(family))

    # -- the hooks that parts are given, so that no part imports this module

    def api_request(self, method: str, outcome: str, seconds: float) -> None:
        """``doors.local_api`` tells each answer."""
        self.count("api_requests_total", method, outcome)
        self.observe("api_request_duration_seconds", seconds, method)
        if method.startswith("settlement."):
            self.count("settlement_requests_total", method, outcome)
            self.observe("settlement_duration_seconds", seconds, method)
        elif method == "card.read":
            self.count("card_reads_total", outcome)

    def feed_request(self, route: str, outcome: str, rows: int) -> None:
        """``doors.feed`` tells each answer."""
        self.count("feed_requests_total", route, outcome)
        self.count("feed_rows_total", by=rows)

    def centre_call(self, call: str, outcome: str, seconds: float) -> None:
        """One call to the centre ended: ``outcome`` is answered, refused, not-sent or unknown."""
        self.count("centre_calls_total", call, outcome)
        self.observe("centre_call_duration_seconds", seconds, call)

    def hl7_message(self, kind: str, result: str, destination: str) -> None:
        """One message to a destination ended."""
        self.count("hl7_messages_total", destination, kind, result)

    def journal_commit(self, seconds: float, rows: int) -> None:
        """One durable commit."""
        self.observe("journal_commit_duration_seconds", seconds)
        self.observe("journal_batch_rows", rows)

    def reader_states(self, statuses: Sequence[ReaderStatus]) -> None:
        """What is known of each reader: 1 for the state it is in, 0 for every other."""
        for status in statuses:
            for state in READER_STATES:
                self.set("reader_state", float(state == status.state), status.name, state)

    def _child(self, name: str, values: tuple[str, ...]) -> Any:
        row, family = METRICS[name], self._families[name]
        if not row.labels:
            return family
        bounded = [self._bounded(name, label, value) for label, value in zip(row.labels, values, strict=True)]
        return family.labels(*bounded)

    def _bounded(self, metric: str, label: tuple[str, tuple[str, ...]], value: str) -> str:
        name, permitted = label
        if permitted:
            return value if value in permitted else OTHER
        seen = self._seen.setdefault((metric, name), set())
        if value in seen:
            return value
        if len(seen) >= MAX_OPEN_VALUES:
            return OTHER
        seen.add(value)
        return value


class _Alone(Collector):
    """One family as if it were all."""

    def __init__(self, family: Family) -> None:
        self._family = family

    def collect(self) -> Iterable[Family]:
        """See ``Collector``."""
        return (self._family,)


def _family(row: Metric, registry: CollectorRegistry) -> Any:
    more = {"buckets": row.buckets} if row.kind == "histogram" else {}
    labels = [name for name, _ in row.labels]
    return _KINDS[row.kind](PREFIX + row.name, row.help, labels, registry=registry, **more)
