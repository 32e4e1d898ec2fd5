"""Every value against its data type, and the shape of a message; one walk gives both. Pure.

hl7apy's verdict on a message depends on which fields are there, how often, and whether each value fits its data type.
The second is checked here for every message, so two messages of one shape get one verdict and hl7apy need not be asked
twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.frame import Component, Repetition, Segment
from middleware.domain.fault import Fault

# A value that a receiver could take for the end of a line, for half a character, or for HL7's null ("").
_REFUSED = re.compile("[\x80-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
_HL7_NULL = '""'
_ESCAPED = re.compile(r"[|^&~]")
_HARD = re.compile(r"[\\\x00-\x1f\x7f]")
_SI = re.compile(r"(0|[1-9]\d{0,3})\Z", re.ASCII)
_NM = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?\Z", re.ASCII)
_DT = re.compile(r"\d{8}\Z", re.ASCII)
_DTM = re.compile(r"\d{8}(\d{6})?\Z", re.ASCII)
_LONG = 100

Leaf = Callable[[str], str]  # the value's class in the shape; raises ValueError naming the rule


def _text(limit: int) -> Leaf:
    def check(value: str) -> str:
        if len(value) > limit:
            raise ValueError(f"longer than {limit} characters")
        if value.isalnum():
            return "P" if len(value) > _LONG else "p"
        if value == _HL7_NULL or _REFUSED.search(value):
            raise ValueError("holds a character that no field may hold")
        if _HARD.search(value):
            return "x"
        return "d" if _ESCAPED.search(value) else "p"

    return check


def _shaped(pattern: re.Pattern[str], limit: int, what: str) -> Leaf:
    def check(value: str) -> str:
        if len(value) > limit or not pattern.match(value):
            raise ValueError(f"is not {what}")
        return "-" if value[0] == "-" else "n"

    return check


_LEAVES: dict[str, Leaf] = {
    **{kind: _text(tables.MAX_LENGTH[kind]) for kind in ("ST", "IS", "ID")},
    "SI": _shaped(_SI, tables.MAX_LENGTH["SI"], "a sequence number of at most four digits"),
    "NM": _shaped(_NM, tables.MAX_LENGTH["NM"], "a number of at most 16 characters"),
    "DT": _shaped(_DT, tables.MAX_LENGTH["DT"], "a date"),
    "DTM": _shaped(_DTM, tables.MAX_LENGTH["DTM"], "a date or a time to the second"),
}

Rule = tuple[tuple[Leaf, ...], ...]  # of a field: per component, its sub-components


def _rule(datatype: str, limit: int | None) -> Rule:
    if datatype in _LEAVES:
        return ((_text(limit) if limit else _LEAVES[datatype],),)
    components: list[tuple[Leaf, ...]] = []
    for component in tables.COMPOSITES[datatype]:
        if component in _LEAVES:
            components.append((_LEAVES[component],))
        else:
            components.append(tuple(_LEAVES[_base(part)] for part in tables.COMPOSITES[component]))
    return tuple(components)


def _base(datatype: str) -> str:
    """Sub-components are base types; a composite there (TS in DR's second part) is its first one."""
    return datatype if datatype in _LEAVES else _base(tables.COMPOSITES[datatype][0])


def rules_of(version: str) -> dict[str, dict[int, Rule]]:
    """The rule of each field that we fill, for that version."""
    found: dict[str, dict[int, Rule]] = {}
    for name, fields in tables.FIELDS.items():
        for number, standard in fields.items():
            datatype = tables.FIELDS_OF_24.get((name, number), standard) if version == "2.4" else standard
            found.setdefault(name, {})[number] = _rule(datatype, tables.FIELD_LENGTH.get((name, number)))
    return found


_REPEATED = frozenset({"FT1", "ORC"})


def check(segments: Sequence[Segment], rules: dict[str, dict[int, Rule]]) -> str:
    """Check every value and give the message's shape. Raises ``Fault("his.message")`` naming segment and field.

    Repeated segments (FT1, ORC) stand in the shape as the set of their shapes and the order of magnitude of their number:
    each stands in a group of its own, so their order and exact number change nothing of the verdict.
    """
    single: list[str] = []
    repeated: dict[str, int] = {}
    for segment in segments:
        shape = _segment_shape(segment, rules[segment.name])
        if segment.name in _REPEATED:
            repeated[shape] = repeated.get(shape, 0) + 1
        else:
            single.append(shape)
    size = sum(repeated.values()).bit_length()
    return "\n".join([*single, str(size), *sorted(repeated)])


def _segment_shape(segment: Segment, rules: dict[int, Rule]) -> str:
    parts = [segment.name]
    for number, repetitions in enumerate(segment.fields, 1):
        if not repetitions:
            continue
        rule = rules[number]
        shapes = []
        for repetition in repetitions:
            try:
                shapes.append(_repetition_shape(repetition, rule))
            except ValueError as exc:
                # The rule's words only: the value stays here.
                raise Fault("his.message", f"{segment.name}-{number}: {exc}") from None
        parts.append(f"{number}:{'~'.join(shapes)}")
    return "|".join(parts)


def _repetition_shape(repetition: Repetition, rule: Rule) -> str:
    if len(repetition) == 1:  # as most are
        return _component_shape(repetition[0], rule[0])
    return "^".join([_component_shape(component, leaves) for component, leaves in zip(repetition, rule, strict=False)])


def _component_shape(component: Component, leaves: tuple[Leaf, ...]) -> str:
    if isinstance(component, str):
        return leaves[0](component) if component else ""
    return "&".join([leaf(part) if part else "" for part, leaf in zip(component, leaves, strict=False)])
