"""What a section of the configuration is made of."""

from __future__ import annotations

from typing import Any

import attrs


def setting(default: Any = attrs.NOTHING, *, help: str, validator: Any = None, unit: str = "") -> Any:  # noqa: A002
    """One key: its default, its sentence for the sample file, its range check and its unit.

    A mutable default is given as ``attrs.Factory``. Without a default the key is required.
    """
    return attrs.field(default=default, validator=validator, metadata={"help": help, "unit": unit})


def between(low: float, high: float) -> Any:
    """A range check whose message says the range."""

    def check(_instance: object, attribute: attrs.Attribute[Any], value: float) -> None:
        if not low <= value <= high:
            raise ValueError(f"应在 {low} 和 {high} 之间 / {attribute.name} must be between {low} and {high}, got {value}")

    return check


def one_of(*choices: str) -> Any:
    """A choice check whose message says the choices."""

    def check(_instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
        if value not in choices:
            raise ValueError(f"只能取所列之一 / {attribute.name} must be one of {', '.join(choices)}, got {value!r}")

    return check


def matching(pattern: str, meaning: str) -> Any:
    """A shape check whose message says the shape in words."""
    import re

    compiled = re.compile(pattern)

    def check(_instance: object, attribute: attrs.Attribute[Any], value: str) -> None:
        if not compiled.fullmatch(value):
            raise ValueError(f"形式不对 / {attribute.name} must be {meaning}, got {value!r}")

    return check
