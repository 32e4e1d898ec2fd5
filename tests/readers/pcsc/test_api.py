"""The raw calls against a card service that is a table: what is asked of it, and how much at once."""

from __future__ import annotations

from typing import Any

import pytest

from readers.pcsc.api import PcscContext
from readers.pcsc.tables import MAX_STATES, PNP_READER, STATE_EMPTY


class Service:
    """Takes sixteen states at once, as pcsc-lite does."""

    SCARD_SCOPE_USER = 0

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    def SCardEstablishContext(self, scope: int) -> tuple[int, int]:
        return 0, 1

    def SCardGetStatusChange(self, handle: int, timeout_ms: int, states: list[tuple[str, int]]) -> tuple[int, Any]:
        self.asked.append([name for name, _ in states])
        if len(states) > 16:
            return 0x80100004, []  # SCARD_E_INVALID_PARAMETER
        return 0, [(name, STATE_EMPTY, b"") for name, _ in states]


@pytest.mark.parametrize(("readers", "hotplug"), [(1, True), (15, True), (16, False)])
def test_sixteen_readers_are_watched_and_fewer_leave_room_for_the_news_of_another(readers: int, hotplug: bool) -> None:
    service = Service()
    names = [f"reader {number}" for number in range(readers)]
    states = PcscContext(lambda: service).wait(dict.fromkeys(names, 0), 500)

    assert (sorted(states), MAX_STATES) == (sorted(names), 16)
    assert service.asked == [[*names, PNP_READER] if hotplug else names]
