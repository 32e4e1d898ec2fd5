"""Evidence -> outcome, the table of SETTLEMENT.md: the one place where a call's end is decided."""

from __future__ import annotations

import re

from attrs import frozen

from adapters.insurance.exchange.frame import MAX_REFUSAL_TEXT, GatewayRefusal, Unusable
from middleware.domain.centre import MONEY_CALLS, Call, CentreReply
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown

_SUCCESS = re.compile(r"0+\Z", re.ASCII)  # "0" and 0 alike (insurance.md 1.3)
_REFUSAL = re.compile(r"-?\d{1,9}\Z", re.ASCII)  # N4 by the document; some centres use more digits


@frozen(slots=True)
class Switches:
    """What a site may change: see the profile and the options."""

    gateway_401_is_refusal: bool = False
    refusing_fault_codes: frozenset[str] = frozenset()


@frozen(slots=True)
class Success:
    """The centre said that it did it; what it sent still has to be read."""


def of_unusable(evidence: Unusable) -> Outcome[CentreReply]:
    """Non-2xx, HTML, empty, another encoding: Unknown, always."""
    return Unknown(evidence.cause, evidence.detail)


def of_gateway(evidence: GatewayRefusal, switches: Switches) -> Outcome[CentreReply]:
    """A gateway's 401: a refusal only where the site confirmed that the service never saw the message."""
    if switches.gateway_401_is_refusal:
        return Refused(evidence.code, evidence.message)
    return Unknown("http-status", "a gateway's 401")


def of_soap_fault(code: str, switches: Switches) -> Outcome[CentreReply]:
    """A Fault says that something went wrong, not that nothing was done: Unknown, but for codes the region lists."""
    if not code:
        return Unknown("fault-without-code")
    if code in switches.refusing_fault_codes:
        return Refused(code)
    return Unknown("soap-fault", code)


def of_code(call: Call, code: str, message: str, *, has_settlement: bool) -> Success | Outcome[CentreReply]:
    """A parsed reply by its infcode. A refusal of a money call that carries a settlement contradicts itself: Unknown."""
    if _SUCCESS.match(code):
        return Success()
    if not code:
        return Unknown("incomplete", "no infcode")
    if not _REFUSAL.match(code):
        return Unknown("unreadable", "infcode is no number")
    if call in MONEY_CALLS and has_settlement:
        return Unknown("unreadable", "a refusal that carries a settlement")
    return Refused(code, message[:MAX_REFUSAL_TEXT])


def of_lost(*, sent: bool, cause: str, detail: str) -> Outcome[CentreReply]:
    """No reply at all: before the first byte certainly nothing happened, after it nobody knows."""
    return Unknown(cause, detail) if sent else NotSent("centre.unreachable", detail)


def is_definite(outcome: Outcome[CentreReply]) -> bool:
    """Whether a late outcome settles anything."""
    return isinstance(outcome, (Answered, Refused))
