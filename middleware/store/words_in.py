"""Whether a value holds words of somebody else: its types are asked once, the value each time.

To search the text of a visit for them cost the writer as much as writing that text. Types that are not known to be plain
are said to hold words: then the text is searched after all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import msgspec.inspect as shape

Look = Callable[[Any], bool]

_PLAIN = (
    shape.BoolType, shape.DateTimeType, shape.DateType, shape.DecimalType, shape.EnumType, shape.IntType, shape.NoneType,
    shape.StrType,
)  # fmt: skip
_MANY = (shape.ListType, shape.VarTupleType)


def looking_for(names: Collection[str], kind: type) -> Look:
    """Says of a value of that kind whether a member of one of these names, wherever in it, may hold anything.

    False is certain. ``kind`` is a record of attrs whose types msgspec can read by.
    """
    return _look(shape.type_info(kind), frozenset(names)) or _nothing


def _nothing(_value: Any) -> bool:
    return False


def _look(kind: shape.Type, names: frozenset[str]) -> Look | None:
    """None where no value of that kind can hold any."""
    if isinstance(kind, _PLAIN):
        return None
    if isinstance(kind, shape.DataclassType):
        return _in_record(kind, names)
    if isinstance(kind, _MANY):
        inner = _look(kind.item_type, names)
        return None if inner is None else _in_each(inner)
    if isinstance(kind, shape.UnionType):
        some = [one for one in kind.types if not isinstance(one, shape.NoneType)]
        looks = [look for one in some if (look := _look(one, names)) is not None]
        if not looks:
            return None
        return looks[0] if len(some) == 1 else bool
    return bool


def _in_each(inner: Look) -> Look:
    def look(values: Any) -> bool:
        for value in values:  # noqa: SIM110 - most are empty, and a generator costs more than they do
            if inner(value):
                return True
        return False

    return look


def _in_record(kind: shape.DataclassType, names: frozenset[str]) -> Look | None:
    words = tuple(member.name for member in kind.fields if member.encode_name in names)
    found = [(member.name, _look(member.type, names)) for member in kind.fields if member.name not in words]
    parts = tuple((name, inner) for name, inner in found if inner is not None)
    if not words and not parts:
        return None

    def look(value: Any) -> bool:
        for name in words:
            if getattr(value, name):
                return True
        for name, inner in parts:
            part = getattr(value, name)
            if part is not None and inner(part):
                return True
        return False

    return look
