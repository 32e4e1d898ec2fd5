"""One whole run: at the simulated centre with all failures, or at a real one with none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from adapters.insurance.mobile.beside import CentreWithMobile
from adapters.insurance.profile import Profile
from daemon.conformance import failures, mobile_failures
from daemon.conformance.catalogues import catalogues
from daemon.conformance.data import TestData, simulated
from daemon.conformance.mobile import mobile
from daemon.conformance.repertoire import Desk, outpatient, pharmacy, reversals, stay, who
from daemon.conformance.sandbox import Sandbox
from daemon.conformance.services import asked, filed, of_settlement
from daemon.conformance.stand import INSTITUTION, left_out, stand
from daemon.conformance.statements import signing_out, statements
from daemon.conformance.table import Line, Note, Report
from daemon.conformance.talk import Notebook, Talk
from middleware.domain.message_id import MessageIds
from simulators.centre.server import china_now

# A daemon that lives beside this run has the first parts of each second's serials.
SLOT, SLOTS = 9, 10
PARTS = (
    (Note("签到与人员", "signing in, person"), who),
    (Note("门诊", "outpatient"), outpatient),
    (Note("药店", "pharmacy"), pharmacy),
    (Note("住院", "stay"), stay),
    (Note("查询", "queries"), asked),
    (Note("备案", "filings"), filed),
    (Note("冲正", "reversal"), reversals),
    (Note("移动支付", "mobile"), mobile),
    (Note("对账", "statement"), statements),
    (Note("目录", "catalogues"), catalogues),
    (Note("签退", "signing out"), signing_out),
)
FAILING = Note("故障", "failures")


async def repertoire(
    centre: CentreWithMobile,
    profile: Profile,
    data: TestData,
    institution: str,
    now: Callable[[], dt.datetime],
    notes: Notebook,
    against: str = "",
    sandbox: Sandbox | None = None,
) -> Report:
    """Everything that the profile can do, part after part. ``against`` names a real centre."""
    talk = Talk(centre, MessageIds(institution, None, SLOT, SLOTS), now, notes, bool(against))
    by_phone = centre.mobile is not None
    desk = Desk(talk, profile, data, when_settled=of_settlement, by_phone=by_phone, sandbox=sandbox)
    for name, play in PARTS:
        await desk.part(name, play)
    return Report(profile.name, profile.dialect, against or "simulator", tuple(talk.lines), tuple(talk.left.values()))


async def simulated_run(reactor: Any, profile: Profile) -> Report:
    """The repertoire and the failures, each at a fresh simulated centre."""
    data = simulated()
    with Notebook() as notes:
        async with stand(reactor, profile) as ends:
            report = await repertoire(ends.centre, ends.profile, data, INSTITUTION, china_now, notes, sandbox=ends.sandbox)
        lines = [*report.lines, *await _failing(reactor, profile, data)]
    skipped = left_out(profile)
    against = "simulator" + (f" (without {', '.join(skipped)})" if skipped else "")
    return Report(profile.name, profile.dialect, against, tuple(lines), report.left)


async def _failing(reactor: Any, profile: Profile, data: TestData) -> list[Line]:
    async with stand(reactor, profile) as ends:
        with Notebook() as notes:
            talk = Talk(ends.centre, MessageIds(INSTITUTION, None, SLOT, SLOTS), china_now, notes, real=False)
            desk = Desk(talk, ends.profile, data)

            async def play(_desk: Desk) -> None:
                await failures.play(desk, ends)
                if ends.sandbox is not None:
                    await mobile_failures.play(desk, ends.sandbox, ends.simulator.ledger)

            await desk.part(FAILING, play)
            return talk.lines
