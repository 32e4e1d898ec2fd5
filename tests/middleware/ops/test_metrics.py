from __future__ import annotations

import time

from twisted.internet.task import Clock

from middleware.domain.card import ReaderStatus
from middleware.domain.health import Condition, PartHealth
from middleware.ops.metrics import MAX_OPEN_VALUES, Metrics
from middleware.ops.tables import METRICS
from middleware.ops.tick import TickProbe


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value("yikatong_" + name, labels)


def test_every_row_of_the_table_is_rendered_under_our_prefix():
    text = b"".join(Metrics("1.2").pieces()).decode()
    for row in METRICS.values():
        assert f"# TYPE yikatong_{row.name} {row.kind}" in text
    assert 'yikatong_build_info{python="' in text
    assert 'version="1.2"' in text


def test_requests_are_counted_by_method_and_outcome_and_those_about_money_once_more():
    metrics = Metrics("1")
    metrics.api_request("settlement.settle", "ok", 0.2)
    metrics.api_request("settlement.settle", "centre.refused", 0.2)
    metrics.api_request("card.read", "card.absent", 0.2)
    assert value(metrics, "api_requests_total", method="settlement.settle", outcome="ok") == 1
    assert value(metrics, "settlement_requests_total", method="settlement.settle", outcome="centre.refused") == 1
    assert value(metrics, "settlement_duration_seconds_count", method="settlement.settle") == 2
    assert value(metrics, "settlement_requests_total", method="card.read", outcome="card.absent") is None
    assert value(metrics, "card_reads_total", outcome="card.absent") == 1


def test_no_label_grows_without_bound():
    metrics = Metrics("1")
    for number in range(1000):
        metrics.hl7_message(f"T{number}", "acknowledged", "his")
        metrics.centre_call(f"{number}", f"o{number}", 0.1)
        metrics.api_request("m", f"o{number}", -1.0)
    kinds = {
        sample.labels["type"]
        for family in metrics.registry.collect()
        for sample in family.samples
        if "type" in sample.labels
    }
    assert len(kinds) == MAX_OPEN_VALUES + 1
    assert (
        value(metrics, "hl7_messages_total", destination="his", type="other", result="acknowledged")
        == 1000 - MAX_OPEN_VALUES
    )
    assert value(metrics, "centre_calls_total", call="other", outcome="other") == 1000
    assert value(metrics, "api_requests_total", method="m", outcome="other") == 1000


def test_gauges_are_asked_for_at_the_scrape():
    metrics, condition = Metrics("1"), [Condition.GOOD]
    metrics.watch_parts([lambda: PartHealth("centre", condition[0])])
    b"".join(metrics.pieces())
    assert value(metrics, "part_condition", part="centre") == 0
    condition[0] = Condition.DOWN
    b"".join(metrics.pieces())
    assert value(metrics, "part_condition", part="centre") == 2


def test_a_reader_is_in_one_state():
    metrics = Metrics("1")
    metrics.reader_states([ReaderStatus("r", "empty")])
    metrics.reader_states([ReaderStatus("r", "mute")])
    assert value(metrics, "reader_state", reader="r", state="mute") == 1
    assert value(metrics, "reader_state", reader="r", state="empty") == 0


def test_a_scrape_of_a_busy_day_costs_the_reactor_little():
    metrics = Metrics("1")
    for method in range(12):
        for outcome in ("ok", "card.absent", "centre.refused"):
            metrics.api_request(f"settlement.m{method}", outcome, 0.1)
    began = time.process_time()
    b"".join(metrics.pieces())
    assert time.process_time() - began < 0.5


def test_the_probe_tells_how_late_the_reactor_is():
    clock, seen = Clock(), []
    probe = TickProbe(clock, seen.append)
    probe.start()
    clock.advance(1.0)
    clock.rightNow += 0.5
    clock.advance(1.0)
    assert [round(lag, 3) for lag in seen] == [0.0, 0.5]
    probe.stop()
    assert clock.getDelayedCalls() == []
