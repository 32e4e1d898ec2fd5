"""What a call gave: its value, or the ``Fault`` it raised. Anything else that it raises is a test failure."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from middleware.domain.fault import Fault

T = TypeVar("T")


def attempt(call: Callable[[], T]) -> T | Fault:
    try:
        return call()
    except Fault as fault:
        return fault
