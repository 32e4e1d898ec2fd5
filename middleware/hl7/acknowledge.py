"""Acknowledgements as bytes: what an answer echoes of the message it answers, in that message's delimiters and charset.

What is echoed is echoed byte for byte, and only where it is safe: short, and not undecodable. Sources: HL7 2.3 to 2.8,
chapter 2 (MSA, ERR, tables 0008, 0155, 0357); IHE's ITI-TF for ERR-2.
"""

from __future__ import annotations

from attrs import frozen

from middleware.hl7.message import USUAL, Marks, Message

MAX_CONTROL_ID = 199  # 2.7; older versions say 20
MAX_ECHO = 227  # the longest HD of any version
ACCEPTED, REFUSED = "A", "R"  # the second letter of MSA-1; E is for whoever reads what a message says
ALWAYS, NEVER, ON_ERROR, ON_SUCCESS = b"AL", b"NE", b"ER", b"SU"
_ERR_BY_COMPONENT = (b"2.1", b"2.2", b"2.3", b"2.3.1", b"2.4")  # ERR-1; later versions have ERR-2, 3, 4 and 8
_PLAIN_TYPE = (b"2.1", b"2.2", b"2.3")  # MSH-9 of an ACK is "ACK" alone


@frozen(slots=True)
class Header:
    """MSH as raw bytes, for whoever routes and answers. The default is that of a message without a usable MSH."""

    marks: Marks = USUAL
    sending: tuple[bytes, bytes] = (b"", b"")  # MSH-3, 4
    receiving: tuple[bytes, bytes] = (b"", b"")  # MSH-5, 6
    type: bytes = b""  # MSH-9.1
    event: bytes = b""  # MSH-9.2
    control_id: bytes = b""  # MSH-10
    processing: bytes = b""  # MSH-11
    version: bytes = b""  # MSH-12
    accept: bytes = b""  # MSH-15
    application: bytes = b""  # MSH-16
    country: bytes = b""  # MSH-17
    charset: bytes = b""  # MSH-18

    @property
    def plain_version(self) -> bytes:
        """MSH-12.1."""
        return self.version.partition(self.marks.component or b"\x00")[0]

    @property
    def enhanced(self) -> bool:
        """MSH-15 or MSH-16 says something: then they rule, and the empty one of the two means "never"."""
        return bool(self.accept or self.application)


def header_of(message: Message) -> Header:
    """The header of a decoded message."""
    msh = message.header()
    msh += (b"",) * (19 - len(msh))
    what = message.split(msh[9], message.marks.component)
    return Header(
        marks=message.marks,
        sending=(msh[3], msh[4]),
        receiving=(msh[5], msh[6]),
        type=what[0],
        event=what[1] if len(what) > 1 else b"",
        control_id=msh[10],
        processing=msh[11],
        version=msh[12],
        accept=msh[15].strip(),
        application=msh[16].strip(),
        country=msh[17],
        charset=msh[18],
    )


@frozen(slots=True)
class Trouble:
    """Why not: table 0357's code and name, where it stands (MSH field, 0 = nowhere), and our own words in ASCII."""

    number: int
    name: str
    field: int
    text: str


def wanted(condition: bytes, *, good: bool) -> bool:
    """Whether table 0155's condition asks for an answer. A word that is not in the table asks for one."""
    if condition in {b"", NEVER}:
        return False
    if condition == ON_ERROR:
        return not good
    return good or condition != ON_SUCCESS


def codes(header: Header, verdict: str, *, declared: bool = True) -> tuple[str, ...]:
    """MSA-1 of each answer, in order. ``verdict`` is ``ACCEPTED`` or ``REFUSED``.

    Original mode: one application answer. Enhanced mode: an accept answer as MSH-15 says, then an application answer as
    MSH-16 says; what was not accepted has no application answer, unless MSH-15 wants none. ``declared`` False: the link
    answers in original mode whatever the message says.
    """
    if not declared or not header.enhanced:
        return ("A" + verdict,)
    good = verdict == ACCEPTED
    accept = ("C" + verdict,) if wanted(header.accept, good=good) else ()
    application = ("A" + verdict,) if wanted(header.application, good=good) else ()
    return accept + application if good else (accept or application)


def acknowledgement(header: Header, code: str, ours: bytes, at: bytes, trouble: Trouble | None = None) -> bytes:
    """One ACK, not yet in a block. ``ours`` is its MSH-10, ``at`` its MSH-7."""
    marks = header.marks
    bar = marks.field
    encoding = marks.component + marks.repetition + marks.escape + marks.subcomponent
    msh = [
        b"MSH", encoding, *map(_echo, header.receiving), *map(_echo, header.sending), at, b"", _type_of(header), ours,
        _echo(header.processing) or b"P", _echo(header.version) or b"2.4",
        b"", b"", NEVER if header.enhanced else b"", NEVER if header.enhanced else b"",
        _echo(header.country), _echo(header.charset),
    ]  # fmt: skip
    lines = [bar.join(msh).rstrip(bar), bar.join((b"MSA", code.encode(), _echo(header.control_id, MAX_CONTROL_ID)))]
    if trouble is not None:
        lines[1] += bar + _plain(trouble.text, marks)
        lines.append(_err(header, trouble))
    return b"".join(line + b"\r" for line in lines)


def _type_of(header: Header) -> bytes:
    if header.plain_version in _PLAIN_TYPE or not header.event or not header.marks.component:
        return b"ACK"
    parts = (b"ACK", _echo(header.event), b"ACK")
    return header.marks.component.join(parts[:2] if header.plain_version == b"2.3.1" else parts)


def _err(header: Header, trouble: Trouble) -> bytes:
    marks = header.marks
    bar, hat, amp = marks.field, marks.component, marks.subcomponent
    place = hat.join((b"MSH", b"1", b"%d" % trouble.field)) if trouble.field else b""
    number, name, text = b"%d" % trouble.number, _plain(trouble.name, marks), _plain(trouble.text, marks)
    if header.plain_version in _ERR_BY_COMPONENT and amp:
        old = hat.join((place or hat * 2, amp.join((number, name, b"HL70357"))))
        return bar.join((b"ERR", old))
    return bar.join((b"ERR", b"", place, hat.join((number, name, b"HL70357")), b"E", b"", b"", b"", text))


def _echo(raw: bytes, most: int = MAX_ECHO) -> bytes:
    """The field as it came; nothing of one that is too long to be what it says it is."""
    return raw if len(raw) <= most else b""


def _plain(text: str, marks: Marks) -> bytes:
    """Our words, without what is a delimiter in this message."""
    each = (marks.field, marks.component, marks.repetition, marks.escape, marks.subcomponent)
    raw = text.encode("ascii", "replace")
    for mark in each:
        if mark:
            raw = raw.replace(mark, b" ")
    return raw
