"""The code lists of the counter's transactions, as data: list name -> code -> Chinese name.

Regions add codes of their own in their profile; an unknown code in a *reply* is kept and shown, never dropped
(insurance.md 1.6).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType


def _read() -> Mapping[str, Mapping[str, str]]:
    raw = json.loads((Path(__file__).parent / "dictionaries.json").read_text(encoding="utf-8"))
    return MappingProxyType({name: MappingProxyType(entry["values"]) for name, entry in raw.items()})


DICTIONARIES: Mapping[str, Mapping[str, str]] = _read()


def name_of(dictionary: str, code: str) -> str:
    """The code's Chinese name, or the code itself when the list has none: nothing is hidden."""
    return DICTIONARIES[dictionary].get(code, code)
