"""One block's bytes -> is it taken, and if not why. Pure: knows no connection and no disk."""

from __future__ import annotations

from attrs import evolve, frozen

from middleware.domain.fault import Fault
from middleware.doors.mllp.matters import refusal
from middleware.hl7.acknowledge import MAX_CONTROL_ID, Header, header_of
from middleware.hl7.message import Message, decode

VERSIONS = frozenset(
    (b"2.1", b"2.2", b"2.3", b"2.3.1", b"2.3.2", b"2.4", b"2.5", b"2.5.1", b"2.6", b"2.7", b"2.7.1", b"2.8", b"2.8.1",
     b"2.8.2", b"2.9", b"2.9.1", b"")
)  # fmt: skip
_SHORT = 7  # "ADT^A04"


@frozen(slots=True)
class Judged:
    """``fault`` "" = it is taken. ``control_id`` and ``type`` are ASCII, "" where there is nothing usable."""

    header: Header
    control_id: str
    type: str
    fault: str


def judge(payload: bytes, charset: str, types: tuple[str, ...]) -> Judged:
    """A whole block. ``charset``: of a message that declares none; ``types``: what the link takes beside the table."""
    try:
        message = decode(payload, charset)
    except Fault as fault:
        return Judged(Header(), "", "", fault.code)
    header = header_of(message)
    return _judged(header, _fault_of(message, header, types))


def judge_broken(payload: bytes, charset: str, fault: str) -> Judged:
    """What is refused for that fault whatever it says; its MSH is read so that the answer can name it."""
    try:
        return _judged(header_of(decode(payload, charset)), fault)
    except Fault:
        return Judged(Header(), "", "", fault)


def _fault_of(message: Message, header: Header, types: tuple[str, ...]) -> str:
    if header.type == b"ACK" or message.first(b"MSA"):
        return "hl7.stray_ack"
    if message.codec is None:
        return "hl7.charset_name"
    if not message.readable():
        return "hl7.charset"
    if not usable(header.control_id):
        return "hl7.control_id"
    if header.plain_version not in VERSIONS:
        return "hl7.version"
    return refusal(header.type, header.event, types)


def _judged(header: Header, fault: str) -> Judged:
    control_id = header.control_id.decode("ascii") if usable(header.control_id) else ""
    kind = b"^".join((header.type, header.event)) if header.event else header.type
    shown = kind.decode("ascii") if len(kind) <= _SHORT and kind.replace(b"^", b"").isalnum() and kind.isascii() else ""
    if fault.startswith("hl7.charset"):
        header = _echoable(header)
    elif fault:  # its answer is kept in clear: what can be no number and no event may be anything, a name too
        event = header.event if header.event.isascii() else b""
        header = evolve(header, event=event, control_id=control_id.encode("ascii"))
    return Judged(header, control_id, shown, fault)


def usable(control_id: bytes) -> bool:
    """Whether a message can be known again by it."""
    if not control_id.isascii() or len(control_id) > MAX_CONTROL_ID or not control_id.strip():
        return False
    return control_id.decode("ascii").isprintable()


def _echoable(header: Header) -> Header:
    """Of a message in an unknown charset only what is ASCII goes back, and not the charset's name."""

    def plain(raw: bytes) -> bytes:
        return raw if raw.isascii() else b""

    return evolve(
        header,
        sending=(plain(header.sending[0]), plain(header.sending[1])),
        receiving=(plain(header.receiving[0]), plain(header.receiving[1])),
        event=plain(header.event), control_id=plain(header.control_id), processing=plain(header.processing),
        version=plain(header.version), country=plain(header.country), charset=b"",
    )  # fmt: skip
