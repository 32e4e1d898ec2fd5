"""What a reply that was taken apart stands for: code, echo and parts decide, and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Callable

from adapters.insurance.exchange import faults
from adapters.insurance.exchange.cells import BadValue, Incomplete, NotOurs, Output
from middleware.domain.centre import Call, CentreReply
from middleware.domain.outcome import Answered, Outcome, Unknown


def meaning(
    call: Call, code: str, message: str, output: Output | None, read: Callable[[Output | None], CentreReply]
) -> Outcome[CentreReply]:
    """Answered when it is a success, whole and ours by ``read``; a refusal when it is one; else Unknown."""
    verdict = faults.of_code(call, code, message, has_settlement=bool((output or {}).get("setlinfo")))
    if not isinstance(verdict, faults.Success):
        return verdict
    try:
        return Answered(read(output))
    except Incomplete as exc:
        return Unknown("incomplete", str(exc))
    except NotOurs as exc:
        return Unknown("not-ours", str(exc))
    except BadValue as exc:
        return Unknown("unreadable", str(exc))
