"""/metrics beside other work: what it costs the reactor comes in slices."""

from __future__ import annotations

import pytest
from twisted.internet.error import ConnectionDone
from twisted.python.failure import Failure
from twisted.web.server import NOT_DONE_YET
from twisted.web.test.requesthelper import DummyRequest

from middleware.ops import pages
from middleware.ops.metrics import Metrics
from middleware.ops.pages import MetricsPage
from middleware.ops.tables import METRICS


class Turns:
    """A clock that stands still; ``turn`` is one turn of its reactor."""

    def __init__(self):
        self.due = []

    def seconds(self):
        return 0.0

    def callLater(self, delay, call):
        assert delay == 0
        self.due.append(call)

    def turn(self):
        due, self.due = self.due, []
        for call in due:
            call()


@pytest.fixture
def scrape(monkeypatch):
    """A scrape in slices of one piece, after its first: metrics, clock, request."""
    monkeypatch.setattr(pages, "SLICE_S", 0.0)
    metrics, clock, request = Metrics("1.0"), Turns(), DummyRequest([b"metrics"])
    assert MetricsPage(metrics, None, clock).render(request) == NOT_DONE_YET
    return metrics, clock, request


def test_metrics_come_in_slices_and_as_one_whole_page(scrape):
    _, clock, request = scrape
    turns = 0
    while not request.finished:
        assert request.written == []
        assert len(clock.due) == 1
        clock.turn()
        turns += 1
    page = b"".join(request.written)

    assert turns > len(METRICS)
    for row in METRICS.values():
        assert f"# TYPE yikatong_{row.name} {row.kind}".encode() in page
    assert request.responseHeaders.getRawHeaders(b"Content-Length") == [b"%d" % len(page)]


def test_a_scrape_ends_when_whoever_asked_has_gone(scrape):
    _, clock, request = scrape
    request.processingFailed(Failure(ConnectionDone()))
    clock.turn()

    assert clock.due == []
    assert request.written == []


def test_a_scrape_that_fails_on_its_way_is_answered(monkeypatch):
    monkeypatch.setattr(pages, "SLICE_S", 0.0)
    metrics, clock, request, failed = Metrics("1.0"), Turns(), DummyRequest([b"metrics"]), []
    metrics.before_scrape(lambda: None)
    metrics.before_scrape(lambda: 1 / 0)
    request.processingFailed = failed.append
    MetricsPage(metrics, None, clock).render(request)
    clock.turn()

    assert failed[0].check(ZeroDivisionError)
    assert clock.due == []
