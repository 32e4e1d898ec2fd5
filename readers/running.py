"""A procedure's outcome, whatever it does: what it returned, or a fault; no exception, and no value of a card in a log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import structlog

from middleware.domain.fault import Fault

log = structlog.get_logger()


def outcome_of(reader: str, work: Callable[[], Any]) -> Any:
    """What ``work`` returned, or the ``Fault`` that it raised; a mistake of ours is ``system.internal`` with its place."""
    try:
        return work()
    except Fault as fault:
        return fault
    except Exception as exc:  # noqa: BLE001 - a mistake of ours must not end the reader's thread
        # No traceback text: its message could carry a value from the card.
        last = exc.__traceback__
        while last is not None and last.tb_next is not None:
            last = last.tb_next
        log.error(  # noqa: TRY400 - see above
            "card_read_failed_inside",
            reader=reader,
            error=type(exc).__name__,
            line=last.tb_lineno if last else 0,
            file=last.tb_frame.f_code.co_filename.rpartition("/")[2] if last else "",
        )
        return Fault("system.internal", f"card read: {type(exc).__name__}")
