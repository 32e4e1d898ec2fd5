"""A hospital's desk at the simulator, through the real adapter: the steps of a visit in one line each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import attrs
from twisted.internet import reactor

from adapters.insurance.exchange.link import CentreLink
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.opening import centre_of
from adapters.insurance.profile import Profile, load_profile
from middleware.domain.centre import (
    Call,
    CancelSettlement,
    CentreRequest,
    PreSettle,
    QueryPerson,
    RegisterVisit,
    Reverse,
    Settle,
    UploadCharges,
    UploadVisit,
    VisitFacts,
)
from middleware.domain.charge import ChargeLine, Diagnosis, bill_total
from middleware.domain.message_id import MessageIds
from middleware.domain.outcome import Answered
from middleware.domain.split import Split
from simulators.centre.server import CentreSimulator, china_now
from tests.adapters.insurance.requests import holder, line

INSTITUTION = "H99990000001"


class Desk:
    def __init__(self, simulator: CentreSimulator, centre: CentreLink, ids: MessageIds) -> None:
        self.simulator = simulator
        self.centre = centre
        self.ids = ids
        self.sent: list[str] = []
        self.late: list[Any] = []
        self.first_bytes = 0

    async def call(self, request: CentreRequest, message_id: str = "") -> Any:
        now = china_now()
        message_id = message_id or self.ids.next(now)
        prepared = await self.centre.prepare(message_id, request, now)
        self.sent.append(message_id)
        return await self.centre.send(prepared, self._first_byte, self.late.append)

    def _first_byte(self) -> None:
        self.first_bytes += 1

    async def sign_in(self) -> None:
        assert isinstance(await self.call(self.centre.sign_in_request()), Answered)

    async def register(self, key: str = "employee") -> VisitFacts:
        """Signed in, person known, visit registered and described."""
        if self.centre.needs_sign_in(china_now()):
            await self.sign_in()
        now = china_now()
        known = (await self.call(QueryPerson(holder(key), now))).reply
        assert known.same_person
        cover = next(one for one in known.insurances if one.kind != "510")
        request = RegisterVisit(
            holder(key), known.person_number, cover.kind, cover.person_type, cover.region, now, "OP1", "D1", "内科", "A03",
            "DR1", "测试医生",
        )  # fmt: skip
        number = (await self.call(request)).reply.visit_number
        visit = VisitFacts(known.person_number, number, cover.kind, cover.person_type, cover.region, "11")
        diagnoses = (Diagnosis("J06.900", "急性上呼吸道感染"),)
        assert isinstance(await self.call(UploadVisit(visit, now, diagnoses, "内科", "DR1", "测试医生")), Answered)
        return visit

    async def charge(self, visit: VisitFacts, lines: tuple[ChargeLine, ...], batch: str = "B1") -> Any:
        return await self.call(UploadCharges(visit, batch, lines))

    async def quote(
        self, visit: VisitFacts, lines: tuple[ChargeLine, ...], key: str = "employee", batch: str = "B1"
    ) -> Split:
        outcome = await self.call(PreSettle(visit, holder(key), batch, bill_total(lines), use_account=True))
        return outcome.reply.split

    async def settle(
        self, visit: VisitFacts, lines: tuple[ChargeLine, ...], quoted: Split, key: str = "employee", batch: str = "B1"
    ) -> Any:
        return await self.call(Settle(visit, holder(key), batch, bill_total(lines), use_account=True, quoted=quoted))

    async def settled(self, key: str = "employee", lines: tuple[ChargeLine, ...] = ()) -> tuple[VisitFacts, Any]:
        """A whole visit, up to the outcome of its 2207."""
        bill = lines or LINES
        visit = await self.register(key)
        await self.charge(visit, bill)
        quoted = await self.quote(visit, bill, key)
        return visit, await self.settle(visit, bill, quoted, key)

    async def cancel(self, visit: VisitFacts, number: str) -> Any:
        return await self.call(CancelSettlement(visit, number))

    async def reverse(self, visit: VisitFacts, message_id: str, call: Call = Call.SETTLE) -> Any:
        return await self.call(Reverse(visit, message_id, call))


LINES = (
    line("L1"),
    line("L2", catalogue_code="S210200001", unit_price=line().unit_price * 0 + 600, quantity=line().quantity * 0 + 1, amount=attrs.evolve(line().amount, fen=60_000)),
)  # fmt: skip


@asynccontextmanager
async def open_desk(
    simulator: CentreSimulator | None = None,
    clock: Callable[[], Any] = china_now,
    profile: Profile | None = None,
    **changes: Any,
):
    """A desk and its centre, both ended afterwards; keyword arguments change the adapter's options."""
    centre_simulator = simulator or CentreSimulator(reactor, clock=clock)
    centre_simulator.start()
    values = {"total_deadline_s": 5.0, "late_reply_s": 5.0, "connect_s": 2.0} | changes
    rules = profile or load_profile("999900-test")
    options = CentreOptions(
        url=centre_simulator.national_url if rules.dialect == "national" else centre_simulator.url,
        institution_code=INSTITUTION, institution_name="测试医院", profile="999900-test", operator="0001",
        operator_name="操作员", **values,
    )  # fmt: skip
    centre = centre_of(options, reactor, china_now, rules)
    centre.start()
    try:
        yield Desk(centre_simulator, centre, MessageIds(INSTITUTION, None))
    finally:
        await centre.stop()
        await centre_simulator.stop()
