"""What a scanner, a stripe or a wedge hands over, taken apart by configured layouts: fixed positions and separators.

There are no patterns with a life of their own: a layout is a few plain conditions and where its parts stand. The first one
that fits decides, in the order of the configuration. The text may hold a person's data, so no fault says any of it.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import frozen

from middleware.domain.card import CardRead, MediumRead, UnlinkedError
from middleware.domain.credential import Credential, Shown
from middleware.domain.fault import Fault
from middleware.domain.identity import MediumNumber
from readers.media.options import Layout, Part
from readers.media.person import id_number_of, identity, name_of

MAX_TEXT = 2048  # the longest there is: a QR code of version 40 holds some 2,300 alphanumeric characters, codes far fewer
MAX_NUMBER = 64
# Where a track begins in what a stripe reader sends, and where it ends (ISO/IEC 7813).
_STARTS = {1: "%", 2: ";", 3: "+"}
_END = "?"


@frozen(slots=True, repr=False)
class Code:
    """A text that only a service can read: whose it is stands nowhere in it."""

    kind: str
    text: str

    def __repr__(self) -> str:
        return f"Code({self.kind})"


def cleaned(raw: str) -> str:
    """What a front end hands over: without the line's end. Raises ``medium.no_layout`` beyond the bound or on controls."""
    text = raw.strip("\r\n\x02\x03\x00 ")
    if not text or len(text) > MAX_TEXT or not text.isprintable():
        raise Fault("medium.no_layout", f"{len(text)} characters")
    return text


def taken_apart(raw: str, layouts: Iterable[Layout], reader: str) -> CardRead | Code:
    """An identity, or a code for a service.

    Raises ``UnlinkedError`` with the number of a medium that says no more; ``medium.no_layout``; ``card.id_number`` and
    ``card.malformed`` that name layout and part.
    """
    text = cleaned(raw)
    for layout in layouts:
        parts = _fitting(text, layout)
        if parts is not None:
            return _meaning(parts, layout, reader)
    raise Fault("medium.no_layout", f"{len(text)} characters")


def _fitting(text: str, layout: Layout) -> list[str] | None:
    """The text's fields when the layout fits it, else None."""
    if layout.track:
        text = track_of(text, layout.track)
    if not (layout.min_length <= len(text) <= layout.max_length and text.startswith(layout.prefix)):
        return None
    if layout.characters == "digits" and not (text.isascii() and text.isdecimal()):
        return None
    if layout.characters == "alphanumeric" and not (text.isascii() and text.isalnum()):
        return None
    fields = text.split(layout.separator) if layout.separator else [text]
    return fields if layout.fields in {0, len(fields)} else None


def track_of(text: str, track: int) -> str:
    """The content of one track of a stripe, "" when it is not there."""
    start = text.find(_STARTS[track])
    if track == 3 and start < 0 and text.count(_STARTS[2]) > 1:  # noqa: PLR2004 - some readers mark track 3 as track 2
        start = text.rfind(_STARTS[2])
    end = text.find(_END, start)
    return text[start + 1 : end] if 0 <= start < end else ""


def _meaning(fields: list[str], layout: Layout, reader: str) -> CardRead | Code:
    where = f"{reader}: {layout.name}"
    if layout.is_code:
        return Code(layout.kind, layout.separator.join(fields))
    if layout.id_number is not None:
        number = id_number_of(_part(fields, layout.id_number, f"{where} id_number"), f"{where} id_number")
        name = name_of(_part(fields, layout.person, f"{where} name"), f"{where} name") if layout.person else None
        assert name is not None  # noqa: S101 - the options see to it
        return identity(layout.kind, reader, Credential(Shown.IDENTITY), number, name)
    assert layout.number is not None  # noqa: S101 - the options see to it
    number_text = _part(fields, layout.number, f"{where} number").strip()
    if not number_text or len(number_text) > MAX_NUMBER:
        raise Fault("card.malformed", f"{where} number: 1-{MAX_NUMBER} characters")
    raise UnlinkedError(MediumRead(layout.kind, MediumNumber(number_text), reader))


def _part(fields: list[str], part: Part, where: str) -> str:
    """The characters of a part, whole or not at all."""
    if part.field > len(fields):
        raise Fault("card.malformed", f"{where}: no field {part.field}")
    text = fields[part.field - 1]
    if part.last == 0:
        return text
    if part.last > len(text):
        raise Fault("card.malformed", f"{where}: shorter than {part.last} characters")
    return text[part.first - 1 : part.last]
