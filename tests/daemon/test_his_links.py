"""Letters that wait for somebody who is not configured any more are told at the start, and by health from then on."""

from __future__ import annotations

import structlog

from daemon.his_links import Outboxes
from middleware.domain.health import Condition


class Box:
    """An outbox as far as this needs one."""

    started = False

    def start(self):
        self.started = True


def test_what_nobody_delivers_is_said_at_the_start_and_stays_on_the_health_page():
    async def count():
        return {"his": 2, "pharmacy": 3}

    box = Box()
    outboxes = Outboxes({"his": box}, lambda: {"his": 2, "pharmacy": 3}, count)
    with structlog.testing.capture_logs() as logs:
        outboxes.start()

    assert box.started
    assert [(one["event"], one["destination"], one["waiting"]) for one in logs] == [("outbox.left", "pharmacy", 3)]
    health = outboxes.left_health()
    assert (health.part, health.condition, health.fault) == ("outbox.left", Condition.DEGRADED, "his.destination")
    assert health.detail == "pharmacy 3"


def test_where_all_are_configured_nothing_is_said():
    async def count():
        return {"his": 2}

    outboxes = Outboxes({"his": Box()}, lambda: {"his": 2}, count)
    with structlog.testing.capture_logs() as logs:
        outboxes.start()

    assert logs == []
    assert outboxes.left_health().condition is Condition.GOOD
