"""What goes wrong on the line to the bank -> our faults and causes."""

from __future__ import annotations

from middleware.domain.outcome import NotSent, Unknown


def unreachable(why: str) -> NotSent:
    """No byte left."""
    return NotSent("payment.unreachable", why)


def busy() -> NotSent:
    """The bound of messages in flight is reached: no byte left."""
    return NotSent("payment.line_busy", "")


TIMED_OUT = Unknown("time-out")
LOST = Unknown("connection-lost")
STOPPING = Unknown("stopping")
