"""Values to the text of a message: HL7's delimiters and escapes. Pure; knows no field's meaning.

A value never becomes a delimiter: whatever text goes into a field comes out of that field, or nowhere. Blocks, and what
comes in, are ``middleware.hl7``'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from attrs import frozen

Component = str | tuple[str, ...]  # one text, or its sub-components
Repetition = tuple[Component, ...]
Field = tuple[Repetition, ...]


@frozen(slots=True)
class Segment:
    """A segment as values: ``fields[0]`` is field 1. Of MSH the first two are the delimiters themselves."""

    name: str
    fields: tuple[Field, ...]


_ESCAPES = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\x7f": "\\X7F\\"}
_ESCAPES.update({chr(code): f"\\X{code:02X}\\" for code in range(0x20)})
_SPECIAL = re.compile(r"[\\|^&~\x00-\x1f\x7f]")
ENCODING_CHARACTERS = "^~\\&"


def escape(text: str) -> str:
    """The text with every delimiter and control character written as an escape; CR becomes hex 0D."""
    return _SPECIAL.sub(_escaped, text) if _SPECIAL.search(text) else text


def _escaped(match: re.Match[str]) -> str:
    return _ESCAPES[match.group()]


def encode(segments: Iterable[Segment]) -> str:
    """The message as text, each segment ended by CR, empty ends cut. A raw delimiter can only be ours here."""
    return "".join([_segment(segment) + "\r" for segment in segments])


def _segment(segment: Segment) -> str:
    if segment.name == "MSH":
        body = "|".join([_field(value) for value in segment.fields[2:]])
        return f"MSH|{ENCODING_CHARACTERS}|{body}".rstrip("|")
    return (segment.name + "|" + "|".join([_field(value) for value in segment.fields])).rstrip("|")


def _field(value: Field) -> str:
    if not value:
        return ""
    if len(value) == 1:
        first = value[0]
        if len(first) == 1 and isinstance(first[0], str):  # as most are
            return escape(first[0])
        return _repetition(first)
    return "~".join([_repetition(repetition) for repetition in value]).rstrip("~")


def _repetition(value: Repetition) -> str:
    if len(value) == 1:
        return _component(value[0])
    return "^".join([_component(component) for component in value]).rstrip("^")


def _component(value: Component) -> str:
    if isinstance(value, str):
        return escape(value)
    return "&".join([escape(part) for part in value]).rstrip("&")
