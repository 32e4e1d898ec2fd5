"""An order by phone whose answers go wrong, at the simulated channel: 6301 must say what the centre's own books have."""

from __future__ import annotations

from daemon.conformance.mobile import SAID, Order, bill_of, give_back, opened, place, question, refunded, stands, upload
from daemon.conformance.repertoire import Desk, registered
from daemon.conformance.sandbox import Sandbox
from daemon.conformance.table import End, Note
from middleware.domain.centre import Call, VisitFacts
from middleware.domain.mobile import Standing
from simulators.centre.ledger import Ledger, State

LOST = Note("已处理，应答前断线", "carried out, cut before the answer")
DROPPED = Note("未处理即断线", "cut, not carried out")
SAID_NO = Note("业务层拒绝", "refused by the business layer")
FORGED = Note("应答的签名不是渠道的", "an answer with a signature that is not the channel's")
WORTHLESS = Note("订单作废：没有令牌，谁也付不了", "dropped: without its token nobody can pay it")

# What goes wrong, how it must be judged, and how 6301 must show the order afterwards (None: nobody can ask about it).
FAILURES: tuple[tuple[Call, str, End, Standing | None, Note], ...] = (
    (Call.OPEN_ORDER, "lose-reply", End.UNKNOWN, None, LOST),
    (Call.PLACE_ORDER, "refuse", End.REFUSED, Standing.UNDECIDED, SAID_NO),
    (Call.PLACE_ORDER, "lose-reply", End.UNKNOWN, Standing.INSURANCE_PAID, LOST),
    (Call.PLACE_ORDER, "drop-before", End.UNKNOWN, Standing.UNDECIDED, DROPPED),
    (Call.PLACE_ORDER, "garbage", End.UNKNOWN, Standing.INSURANCE_PAID, FORGED),
    (Call.QUERY_ORDER, "lose-reply", End.UNKNOWN, Standing.INSURANCE_PAID, LOST),
    (Call.REFUND_ORDER, "refuse", End.REFUSED, Standing.INSURANCE_PAID, SAID_NO),
    (Call.REFUND_ORDER, "lose-reply", End.UNKNOWN, Standing.CANCELLED, LOST),
    (Call.REFUND_ORDER, "drop-before", End.UNKNOWN, Standing.INSURANCE_PAID, DROPPED),
)


async def play(desk: Desk, sandbox: Sandbox, ledger: Ledger) -> None:
    """An order for each of them; what leads up to it, and what follows, makes no lines."""
    talk = desk.talk
    talk.silent = True
    visit, _ = await registered(desk)
    for call, action, expected, standing, what in FAILURES:
        if standing is None:
            bill = await bill_of(desk, visit)
            sandbox.channel.faults.next(call.value, action)
            talk.silent = False
            await talk.say(upload(desk, bill, talk.new_id()), expected, what)
            talk.remark(WORTHLESS)
            talk.silent = True
        else:
            order = await _gone_wrong(desk, sandbox, visit, (call, action, expected, what))
            await _as_it_is(desk, ledger, order, standing)


async def _gone_wrong(desk: Desk, sandbox: Sandbox, visit: VisitFacts, how: tuple[Call, str, End, Note]) -> Order:
    """The one line."""
    call, action, expected, what = how
    talk, order = desk.talk, await opened(desk, visit)
    if call is not Call.PLACE_ORDER:
        await place(desk, order)
    known = await stands(desk, order, Standing.INSURANCE_PAID) if call is Call.REFUND_ORDER else None
    sandbox.channel.faults.next(call.value, action)
    talk.silent = False
    if known is not None:
        await refunded(desk, order, known, expected, what)
    elif call is Call.PLACE_ORDER:
        await place(desk, order, expected, what)
    else:
        await talk.say(question(order), expected, what)
    talk.silent = True
    return order


async def _as_it_is(desk: Desk, ledger: Ledger, order: Order, standing: Standing) -> None:
    """6301 and the books agree, and what is paid can still be given back."""
    known = await stands(desk, order, standing)
    paid = standing is Standing.INSURANCE_PAID
    if known.standing is not standing or _is_paid(ledger, order) is not paid:
        desk.talk.spoil(Note("6301 或账上与预期不符", "6301 or the ledger does not have what it should"))
        return
    desk.talk.remark(Note(f"6301：{SAID[standing].zh}", f"6301: {SAID[standing].en}"))
    await give_back(desk, order, known)
    if _is_paid(ledger, order):
        desk.talk.spoil(Note("退不回来", "it cannot be given back"))


def _is_paid(ledger: Ledger, order: Order) -> bool:
    settlement = ledger.by_message(order.trace)
    return settlement is not None and settlement.state is State.APPROVED
