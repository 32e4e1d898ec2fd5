"""Stand-ins for cards that are held open, and for the driver's functions: they answer in the engine's shapes."""

from __future__ import annotations

from middleware.domain.card_key import KeyChallenge, OpenedCard
from middleware.domain.identity import CardIdCode, CardNumber
from middleware.engine.driver import DriverAnswer


class FakeCards:
    """One card that takes everything."""

    def __init__(self, counter, reader, until) -> None:
        self._counter, self._reader, self._until = counter, reader, until

    def _card(self, reader):
        code, number = CardIdCode("9999000000000000000000115A1C7E01"), CardNumber("A10000015")
        return OpenedCard(
            reader, "social-security-card", "999900", code, number, "3.00", "03", "00" * 13, "2020-01-01", "2030-01-01",
            needs_key=True,
        )  # fmt: skip

    async def open(self, _caller, reader, _why):
        return "C1", self._card(reader), self._until

    async def challenge(self, _caller, _session_id, ask):
        return KeyChallenge(ask, "03", "999900", "00" * 13, *(bytes(8),) * 4)

    def card(self, _caller, _session_id):
        return self._card("r")

    async def unblock_challenge(self, *_):
        return bytes(8)

    async def unblock_pin(self, *_, reload): ...

    async def prove(self, *_): ...

    async def identity(self, caller, _session_id, _why):
        return None, await self._counter.read_card(caller, self._reader)

    async def files(self, _caller, _session_id, asks, _why, *, psam):
        return tuple(("x",) * len(ask.tags) for ask in asks)

    async def verify_pin(self, *_): ...

    async def change_pin(self, *_): ...

    async def close(self, *_): ...


class FakeDriver:
    """Every function answers one field."""

    def __getattr__(self, _name):
        async def answer(*_args, **_more):
            return DriverAnswer("x|", "C1")

        return answer
