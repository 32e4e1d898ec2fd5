"""A fault as every door shows it."""

from __future__ import annotations

from typing import Any

from middleware.domain.fault import Fault

MAX_DETAIL = 300


def fault_data(fault: Fault) -> dict[str, Any]:
    """What a program and a person need to know of a fault; the same on every door."""
    spec = fault.spec
    data = {
        "code": spec.code, "zh": spec.zh, "en": spec.en, "do_zh": spec.do_zh, "do_en": spec.do_en,
        "detail": _shown(fault.detail), "money": spec.moved.value, "retry": spec.retry.value,
    }  # fmt: skip
    if fault.tries_left is not None:
        data["tries_left"] = str(fault.tries_left)
    if fault.foreign:
        data["foreign"] = _shown(fault.foreign)
    return data


def _shown(text: str) -> str:
    # A stranger's text may hold half a surrogate pair, which no wire can carry.
    return text[:MAX_DETAIL].encode("utf-8", "replace").decode()
