"""hl7apy, alone in a process of its own: builds a whole message from values and validates it strictly.

Run as ``python -m adapters.his.hl7v2.validator``: one JSON request a line in, one JSON verdict a line out, until the
input ends - which it does when the daemon dies, however it dies.

What hl7apy 1.3.5 gets wrong, and what is done about it here:
- a Z segment with a profile writes its fields twice and takes fields that the profile does not know, because every Z
  segment "allows infinite children": the flag is taken back after the profile is set;
- ``validate()`` skips the cardinality of fields in Z segments: checked here against the same profile;
- of a segment that a structure has twice (PID of ADT_A37) it takes one: such a structure is told it as one that repeats;
- QPD-3 is "varies" to it, which takes anything: it is told the type that the query really has;
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

_PATIENT, _ENDED, _VISIT = ("ADT_A39_PATIENT",), ("BAR_P06_PATIENT",), ("BAR_P01_VISIT",)
# Where a segment stands: the groups of the tuple are there once and shared, the one beside it is new for each segment.
_GROUPS: dict[str, dict[str, tuple[tuple[str, ...], str]]] = {
    "ADT_A01": {"IN1": ((), "ADT_A01_INSURANCE")},
    "ADT_A05": {"IN1": ((), "ADT_A05_INSURANCE")},
    "ADT_A39": {"PID": (_PATIENT, ""), "MRG": (_PATIENT, "")},
    "BAR_P01": {"PV1": (_VISIT, ""), "IN1": (_VISIT, "BAR_P01_INSURANCE")},
    "BAR_P06": {"PID": (_ENDED, ""), "PV1": (_ENDED, "")},
    "DFT_P03": {
        "ORC": ((), "DFT_P03_COMMON_ORDER"), "FT1": ((), "DFT_P03_FINANCIAL"), "IN1": ((), "DFT_P03_INSURANCE"),
    },
}  # fmt: skip
_AT_THE_TOP: tuple[tuple[str, ...], str] = ((), "")
_MSH_9 = 9
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
            structure,
            reference=_profile(structure, version, segments),
            version=version,
            validation_level=VALIDATION_LEVEL.STRICT,
        )
        for name, fields in segments:
            place = name
            segment = _segment(message, _GROUPS.get(structure, {}).get(name, _AT_THE_TOP), name)
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


def _profile(structure: str, version: str, segments: list[_Values]) -> dict[str, Any]:
    """hl7apy's own structure with our segments at its end, and with the type that a query's QPD-3 really has."""
    from hl7apy import load_reference

    kind, children = load_reference(structure, "Message", version)
    if structure == "QBP_Q21":
        children = tuple(_asking(child, segments, version) if child[0] == "QPD" else child for child in children)
    if structure == "ADT_A37":
        children = tuple(_twice(children))
    for name, required in tables.OWN_OF.get(structure, {}).items():
        own = ("sequence", tuple(_own_fields(name, version)))
        children = (*children, (name, own, (1 if required else 0, 1), "SEG"))
    return {structure: (kind, children)}


def _twice(children: Any) -> list[Any]:
    """Two patients one after the other, as one segment that stands twice."""
    first = {name: (name, reference, *rest) for name, reference, *rest in reversed(children)}
    name, reference, _, *rest = first["PID"]
    return [*(first[one] for one in ("MSH", "EVN")), (name, reference, (2, 2), *rest)]


def _own_fields(name: str, version: str) -> list[Any]:
    return [
        (
            f"{name}_{row.number}",
            _field_reference(row.datatype, row.name, version),
            (1 if row.required else 0, -1 if row.repeats else 1),
            "FIE",
        )
        for row in tables.OWN[name]
    ]


def _field_reference(datatype: str, name: str, version: str) -> tuple[Any, ...]:
    from hl7apy import load_reference
    from hl7apy.core import is_base_datatype

    if is_base_datatype(datatype, version):
        return ("leaf", None, datatype, name, None, -1)
    return ("sequence", load_reference(datatype, "Datatypes_Structs", version), datatype, name, None, -1)


def _asking(child: Any, segments: list[_Values], version: str) -> Any:
    """QPD as the query's own profile has it: QPD-3 of Q23 is a CX, of every other repeats QIP."""
    header = dict(next(fields for name, fields in segments if name == "MSH"))
    event = header[_MSH_9][0][1]
    datatype, most = ("CX", 1) if event == tables.BY_NUMBER else ("QIP", -1)
    name, (kind, fields), *rest = child
    asked = ("QPD_3", _field_reference(datatype, "PARAMETERS", version), (1, most), "FIE")
    return (name, (kind, (*fields[:2], asked)), *rest)


def _segment(message: Any, place: tuple[tuple[str, ...], str], name: str) -> Any:
    if name == "MSH":
        return message.msh
    shared, own = place
    parent = message
    for group in shared:
        there = parent.children.indexes.get(group)
        parent = there[0] if there else parent.add_group(group)
    segment = (parent.add_group(own) if own else parent).add_segment(name)
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
        present = {number: len(repetitions) for number, repetitions in fields if repetitions}
        for row in tables.OWN[name]:
            if row.required and row.number not in present:
                raise Invalid(f"{name}-{row.number}: required")
            if not row.repeats and present.get(row.number, 0) > 1:
                raise Invalid(f"{name}-{row.number}: not more than once")
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
