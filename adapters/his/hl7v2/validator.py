"""hl7apy, alone in a process of its own: builds a whole message from values and validates it strictly.

Run as ``python -m adapters.his.hl7v2.validator``: one JSON request a line in, one JSON verdict a line out, until the
input ends - which it does when the daemon dies, however it dies.

What hl7apy 1.3.5 gets wrong, and what is done about it here:
- a Z segment with a profile writes its fields twice and takes fields that the profile does not know, because every Z
  segment "allows infinite children": the flag is taken back after the profile is set;
- ``validate()`` skips the cardinality of fields in Z segments: checked here against the same profile;
- it escapes neither CR nor a backslash that looks like an escape: such values are given to it already escaped;
- a string given to a composite field is parsed, so a ``^`` makes components: only leaves are ever given a string;
- its errors quote values: only the segment, the field and the name of the rule leave this process.
"""

from __future__ import annotations

import json
import re
import signal
import sys
from typing import IO, Any

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.frame import escape

_GROUPS = {
    "ADT_A01": {"IN1": "ADT_A01_INSURANCE"},
    "ADT_A05": {"IN1": "ADT_A05_INSURANCE"},
    "DFT_P03": {"FT1": "DFT_P03_FINANCIAL", "IN1": "DFT_P03_INSURANCE"},
}
_HARD = re.compile(r"[\\\x00-\x1f\x7f]")
_Values = list[Any]  # one segment: [name, [[field number, [repetition: [component: text or [texts]]]]]]


class Invalid(Exception):  # noqa: N818 - a verdict, not an error
    """hl7apy refuses the message; the text names the place and the rule, never a value."""


def er7(structure: str, version: str, segments: list[_Values]) -> str:
    """The message as hl7apy writes it, after strict building and validation; raises ``Invalid``."""
    from hl7apy.consts import VALIDATION_LEVEL
    from hl7apy.core import Message
    from hl7apy.exceptions import HL7apyException

    place = structure
    try:
        message = Message(
            structure, reference=_profile(structure, version), version=version, validation_level=VALIDATION_LEVEL.STRICT
        )
        for name, fields in segments:
            place = name
            segment = _segment(message, _GROUPS[structure].get(name, ""), name)
            for number, repetitions in fields:
                place = f"{name}-{number}"
                if (name, number) not in {("MSH", 1), ("MSH", 2)}:  # the delimiters are the message's own
                    _fill(segment, f"{name}_{number}", repetitions)
        place = structure
        message.validate()
        _check_own_segments(message, segments)
        return str(message.to_er7()) + "\r"
    except (HL7apyException, ValueError, KeyError, AttributeError, IndexError, TypeError) as exc:
        raise Invalid(f"{place}: hl7apy refuses it ({type(exc).__name__})") from exc


def _profile(structure: str, version: str) -> dict[str, Any]:
    """hl7apy's own structure, with ZST declared at the end of a DFT^P03."""
    from hl7apy import load_reference

    kind, children = load_reference(structure, "Message", version)
    if structure == "DFT_P03":
        children = (*children, ("ZST", ("sequence", tuple(_zst_fields(version))), (1, 1), "SEG"))
    return {structure: (kind, children)}


def _zst_fields(version: str) -> list[Any]:
    from hl7apy import load_reference
    from hl7apy.core import is_base_datatype

    fields = []
    for row in tables.ZST:
        if is_base_datatype(row.datatype, version):
            reference: tuple[Any, ...] = ("leaf", None, row.datatype, row.name, None, -1)
        else:
            components = load_reference(row.datatype, "Datatypes_Structs", version)
            reference = ("sequence", components, row.datatype, row.name, None, -1)
        fields.append((f"ZST_{row.number}", reference, (1 if row.required else 0, 1), "FIE"))
    return fields


def _segment(message: Any, group: str, name: str) -> Any:
    if name == "MSH":
        return message.msh
    segment = (message.add_group(group) if group else message).add_segment(name)
    if name.startswith("Z"):
        segment.allow_infinite_children = False
    return segment


def _fill(segment: Any, name: str, repetitions: list[_Values]) -> None:
    for index, components in enumerate(repetitions):
        present = index == 0 and bool(segment.children.indexes.get(name))
        if present:  # hl7apy has put MSH-7 and MSH-12 there by itself
            segment.children.remove_by_name(name)
        field = segment.add_field(name)
        for position, component in enumerate(components, 1):
            parts = [component] if isinstance(component, str) else component
            if any(parts):
                _component(field, position, parts)


def _component(field: Any, position: int, parts: list[str]) -> None:
    from hl7apy.core import SubComponent, is_base_datatype

    version, level = field.version, field.validation_level
    base = is_base_datatype(field.datatype, version)
    component = field.add_component(field.datatype if base else f"{field.datatype}_{position}")
    for number, text in enumerate(parts, 1):
        if not text:
            continue
        if is_base_datatype(component.datatype, version):
            if number > 1:
                raise ValueError("a sub-component of a base type")
            part = SubComponent(datatype=component.datatype, version=version, validation_level=level)
            component.add(part)
        else:
            part = component.add_subcomponent(f"{component.datatype}_{number}")
            if not is_base_datatype(part.datatype, version):
                raise ValueError("a composite below a sub-component")
        part.value = _value(part.datatype, text, version, level)


def _value(datatype: str, text: str, version: str, level: int) -> Any:
    from hl7apy.factories import datatype_factory

    value = datatype_factory(datatype, text, version, level)
    if _HARD.search(text):
        escaped = escape(text)
        value.to_er7 = lambda _encoding_chars=None: escaped
    return value


def _check_own_segments(message: Any, segments: list[_Values]) -> None:
    """Presence of required fields in our own segment, which hl7apy's validation passes over."""
    for name, fields in segments:
        if not name.startswith("Z"):
            continue
        present = {number for number, repetitions in fields if repetitions}
        for row in tables.ZST:
            if row.required and row.number not in present:
                raise Invalid(f"{name}-{row.number}: required")
        if len(getattr(message, name.lower())) != 1:
            raise Invalid(f"{name}: not exactly once")


def serve(requests: IO[str], verdicts: IO[str]) -> None:
    """Answer each request line, until there are no more."""
    for line in requests:
        request = json.loads(line)
        try:
            answer = {"er7": er7(request["structure"], request["version"], request["segments"])}
        except Invalid as exc:
            answer = {"invalid": str(exc)}
        verdicts.write(json.dumps(answer) + "\n")
        verdicts.flush()


def main() -> None:
    """The process: a keyboard's interrupt is the daemon's to handle; this ends with its input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(sys.stdin, sys.stdout)


if __name__ == "__main__":
    main()
