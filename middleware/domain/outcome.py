"""The four ends of a command that may leave the house (rule 2); there is no fifth.

| evidence | outcome |
|---|---|
| nothing of the request left | NotSent |
| parsed reply, success, our ids echoed, required parts present | Answered |
| parsed reply, refusal by the business layer | Refused |
| anything else | Unknown |
"""

from __future__ import annotations

from typing import Generic, TypeVar

from attrs import frozen

Reply = TypeVar("Reply")


@frozen(slots=True)
class Answered(Generic[Reply]):
    """The other side did it and said so; ``reply`` is in our words."""

    reply: Reply


@frozen(slots=True)
class Refused:
    """The other side's business layer said no. Nothing happened there. ``message`` is a stranger's text."""

    code: str
    message: str = ""


@frozen(slots=True)
class NotSent:
    """Certainly nothing happened: not one byte of the request left. ``fault`` is our fault code."""

    fault: str
    detail: str = ""


@frozen(slots=True)
class Unknown:
    """It may have happened. ``cause`` is one of CAUSES; never treated as a no, never sent again with money."""

    cause: str
    detail: str = ""


Outcome = Answered[Reply] | Refused | NotSent | Unknown

CAUSES = (
    "time-out",  # our total deadline passed
    "connection-lost",  # cut before or in the reply
    "http-status",  # not a 2xx
    "not-soap",  # HTML, empty, wrong content type
    "not-json",  # the same where the centre speaks JSON
    "too-long",  # more bytes than the bound
    "unreadable",  # not well-formed, wrong namespace, wrong element
    "fault-without-code",  # zeep #563: a gateway's page dressed as a Fault
    "soap-fault",  # a Fault with a code: something went wrong, not that nothing was done
    "incomplete",  # success without setl_id or another required part
    "bank-code",  # a response code that does not say whether it was done
    "not-ours",  # the reply names another person or visit
    "crash",  # our own process ended while it was in flight
    "stopping",  # our own process was told to stop
)
