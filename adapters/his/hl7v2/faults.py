"""What goes wrong on this edge -> our words: how a connection failed, and what an acknowledgement says."""

from __future__ import annotations

from twisted.internet import defer, error
from twisted.python.failure import Failure

from adapters.his.hl7v2.mapping import Ack
from adapters.his.hl7v2.tables import ACK_CODES, COMMIT_ACCEPTED
from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, Outcome, Refused, Unknown

# Our word for each way in which a connection cannot be had; a library's own text may name hosts and files.
_CONNECT: tuple[tuple[type[BaseException], str], ...] = (
    (error.ConnectionRefusedError, "connection refused"),
    (error.TimeoutError, "no connection in time"),
    (error.TCPTimedOutError, "no connection in time"),
    (error.DNSLookupError, "host name not found"),
    (error.NoRouteError, "no route to the host"),
    (defer.TimeoutError, "no handshake in time"),
    (error.ConnectError, "cannot connect"),
    (error.ConnectionClosed, "closed while connecting"),
    (OSError, "the network is not usable"),
)


def connect_detail(failure: Failure) -> str:
    """Why there is no link, in a few safe words."""
    for kind, words in _CONNECT:
        if isinstance(failure.value, kind):
            return words
    if type(failure.value).__module__.startswith(("OpenSSL", "service_identity")):
        return "TLS handshake failed"
    return "cannot connect"


def lost_detail(failure: Failure) -> str:
    """Why the link ended, in a few safe words."""
    return "closed by the HIS" if isinstance(failure.value, error.ConnectionDone) else "connection lost"


def outcome_of(ack: Ack, *, elsewhere: bool = False) -> Outcome[HisAccepted]:
    """What a matched acknowledgement means. A code that table 0008 does not know proves nothing.

    ``elsewhere``: CA says only that the message is there, and AA or AE come over another connection.
    """
    accepted = ACK_CODES.get(ack.code)
    if accepted is None:
        return Unknown("unreadable", "MSA-1 is no acknowledgement code")
    if accepted:
        return Answered(HisAccepted(ack.patient_number, committed=elsewhere and ack.code == COMMIT_ACCEPTED))
    return Refused(ack.code, ack.text)
