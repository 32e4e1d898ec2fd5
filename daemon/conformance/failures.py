"""A settlement whose answer goes wrong in every way that was seen (insurance.md 5.4), at the simulated centre.

After each, the centre's own ledger is asked whether it was carried out, and where the region reverses, 2601 must agree.
"""

from __future__ import annotations

from adapters.insurance.profile import Profile
from daemon.conformance.money import quote
from daemon.conformance.repertoire import Desk, charged, registered, who
from daemon.conformance.stand import IMPATIENT_S, PATIENT_S, Stand
from daemon.conformance.table import End, Note
from middleware.domain.centre import Call, Reverse, Settle
from middleware.domain.charge import bill_total
from middleware.domain.outcome import Answered, Refused

# What goes wrong, how it must be judged, and whether the simulator carries it out.
FAILURES: tuple[tuple[str, End, bool, Note], ...] = (
    ("refuse", End.REFUSED, False, Note("业务层拒绝", "refused by the business layer")),
    ("lose-reply", End.UNKNOWN, True, Note("已处理，应答前断线", "carried out, cut before the answer")),
    ("drop-before", End.UNKNOWN, False, Note("未处理即断线", "cut, not carried out")),
    ("cut-mid-reply", End.UNKNOWN, True, Note("应答中途断线", "cut in the middle of the answer")),
    ("garbage", End.UNKNOWN, True, Note("应答不是报文", "an answer that is none")),
    ("html-200", End.UNKNOWN, True, Note("维护页面，状态 200", "a page of maintenance with status 200")),
    ("page-504", End.UNKNOWN, True, Note("网关 504 页面", "a gateway's page with status 504")),
    ("gateway-401", End.UNKNOWN, False, Note("网关 401", "a gateway's 401")),
    ("soap-fault", End.UNKNOWN, False, Note("服务内部错误（500）", "the service's internal error (500)")),
    ("wrong-namespace", End.UNKNOWN, True, Note("应答的命名空间不对", "an answer in another namespace")),
    ("missing-setl_id", End.UNKNOWN, True, Note("成功但无结算号", "a success without the settlement's number")),
    ("other-person", End.UNKNOWN, True, Note("应答是他人的", "an answer about another person")),
    ("slow", End.UNKNOWN, True, Note("已处理，超时未答", "carried out, no answer in time")),
    ("drip", End.UNKNOWN, True, Note("应答逐字节缓发", "an answer byte by byte, too slowly")),
)
SLOW = {"slow": 4.0, "drip": 0.5}  # seconds until the answer, and between two bytes of it


def failures_of(profile: Profile) -> tuple[tuple[str, End, bool, Note], ...]:
    """Those that the dialect can have: only SOAP has namespaces."""
    return tuple(one for one in FAILURES if one[0] != "wrong-namespace" or profile.dialect.startswith("soap"))


async def play(desk: Desk, ends: Stand, without: frozenset[str] = frozenset()) -> None:
    """One settlement for each of them but ``without``; what leads up to it makes no lines."""
    talk, centre = desk.talk, ends.simulator
    talk.silent = True
    await who(desk)
    visit, _ = await registered(desk)
    for action, expected, carried_out, what in failures_of(ends.profile):
        if action in without:
            continue
        bill = await charged(desk, visit)
        quoted = await quote(talk, bill)
        centre.faults.next(Call.SETTLE.value, action, seconds=SLOW.get(action, 0.0))
        request = Settle(
            visit, bill.holder, bill.batch, bill_total(bill.lines), use_account=bill.use_account, quoted=quoted
        )
        talk.silent = False
        ends.wait(IMPATIENT_S if action in SLOW else PATIENT_S)
        message_id, _ = await talk.say(request, expected, what)
        ends.wait(PATIENT_S)
        talk.silent = True
        if (centre.ledger.by_message(message_id) is not None) is not carried_out:
            talk.spoil(Note("账上与预期不符", "the ledger does not have what it should"))
        if Call.SETTLE.value in desk.reversible and expected is End.UNKNOWN:
            _, outcome = await talk.say(Reverse(visit, message_id, Call.SETTLE))
            if not isinstance(outcome, Answered if carried_out else Refused):
                talk.spoil(Note("冲正的应答与账不符", "2601 does not agree with the ledger"))
            else:
                talk.remark(Note("已冲正", "reversed") if carried_out else Note("冲正：查无", "2601 found nothing"))
