"""Paying by phone: orders are opened, placed, asked about and given back, so that nothing of them stays paid.

The order is the product's own: whatever 6202 and 6203 are answered, 6301 says what is so; neither is ever sent twice. At a
real channel nobody pays the own share: what insurance paid is given back at once. At the simulated one the person pays in
time, too late and at the worst moment, and the channel tells by itself (6302), once, twice and forged.
"""

from __future__ import annotations

import attrs

from daemon.conformance.money import Bill, Booked, quote
from daemon.conformance.repertoire import Desk, charged, registered
from daemon.conformance.sandbox import Sandbox
from daemon.conformance.table import End, Note
from daemon.conformance.talk import name_of
from middleware.domain.centre import (
    Call,
    CentreReply,
    Settled,
    SettlementCancelled,
    VisitFacts,
    WithdrawCharges,
    WithdrawVisit,
)
from middleware.domain.charge import bill_total
from middleware.domain.fault import Fault
from middleware.domain.mobile import (
    MobileOrder,
    OrderOpened,
    OrderStands,
    PlaceOrder,
    QueryOrder,
    Refund,
    RefundOrder,
    Standing,
    UploadBill,
)
from middleware.domain.outcome import NotSent, Outcome, Refused
from middleware.domain.split import Split
from middleware.flow.desk import undoing
from middleware.flow.requests import given_back

VOUCHER, NOTICE = "6101", "6302"
ENDS = {"code.refused": End.REFUSED, "code.unreachable": End.NOT_SENT}
CODE = "CODE-employee-{}"  # what the simulated service knows
ALL = Note("移动支付", "payment by phone")
NOT_OFFERED = Note("地区文件：不提供移动支付", "the profile: mobile.offered = false")
NO_OUTPATIENTS = Note("地区文件：不办理门诊", "the profile: no outpatients")
NO_KEYS = Note("未给 --mobile，或 --config 的 [mobile] 无密钥", "no --mobile, or no keys in [mobile] of --config")
NO_FEE_TYPE = Note("地区文件：mobile.fee_type 为空", "mobile.fee_type of the profile is empty")
NO_VOUCHER = Note("测试数据无 voucher（ecToken）", "the test person's file has no voucher (ecToken)")
SAID = {
    Standing.INSURANCE_PAID: Note("医保已付，个人未付", "insurance paid, the person did not"),
    Standing.SETTLED: Note("已付清", "all is paid"),
    Standing.CANCELLED: Note("已退回，没有留下", "given back, nothing stands"),
    Standing.BROKEN: Note("渠道自称异常", "not in order, says the channel"),
    Standing.UNDECIDED: Note("未付", "not paid"),
}


@attrs.frozen(slots=True)
class Order:
    """One order. ``trace`` is the message id of its 6202, by which the centre's books know it."""

    bill: Bill
    quoted: Split
    our_number: str
    opened: OrderOpened
    trace: str


async def mobile(desk: Desk) -> None:
    """6201, 6202, 6301, 6203, the notice 6302 and, simulated, 6101; or a line that says why not."""
    if (why := _not_here(desk)) is not None:
        desk.talk.leave_out(Call.OPEN_ORDER, why, ALL)
        return
    if desk.sandbox is not None:
        await _shown(desk, desk.sandbox)
    visit, ours = await registered(desk)
    await _in_time(desk, visit)
    if desk.sandbox is not None:
        await _too_late(desk, desk.sandbox, visit)
        await _meanwhile(desk, desk.sandbox, visit)
    await desk.talk.say(WithdrawCharges(visit))
    await desk.talk.say(WithdrawVisit(visit, ours))


def _not_here(desk: Desk) -> Note | None:
    form = desk.profile.mobile
    reasons = (
        (form.offered, NOT_OFFERED),
        (desk.profile.outpatient.allowed, NO_OUTPATIENTS),
        (form.fee_type, NO_FEE_TYPE),
        (desk.by_phone, NO_KEYS),
        (desk.data.person.voucher, NO_VOUCHER),
    )
    return next((why for there, why in reasons if not there), None)


async def _shown(desk: Desk, sandbox: Sandbox) -> None:
    """6101 by the reader of codes: its token pays for the orders of this run."""
    await _code(
        desk, sandbox, Note("应答的签名不是渠道的", "an answer with a signature that is not the channel's"), 1, forged=True
    )
    token = await _code(desk, sandbox, None, 2)
    await _code(desk, sandbox, Note("同一码再用一次", "the same code once more"), 2, expected=End.REFUSED)
    if token:
        desk.data = attrs.evolve(desk.data, person=attrs.evolve(desk.data.person, voucher=token))


async def _code(
    desk: Desk, sandbox: Sandbox, what: Note | None, number: int, *, expected: End = End.ANSWERED, forged: bool = False
) -> str:
    token, wrong, detail, end = "", Note(), "", End.ANSWERED
    try:
        shown = await sandbox.show(CODE.format(number), forged=forged)
        token = shown.credential.token.reveal()
        if shown.id_number != desk.data.holder().id_number:
            wrong = Note("应答的证件号码不是持码人的", "the id number is not that of whose code it is")
    except Fault as fault:
        end, detail = ENDS.get(fault.code, End.UNKNOWN), fault.code
    desk.talk.see(VOUCHER, what or name_of(VOUCHER), End.UNKNOWN if forged else expected, end, detail, wrong)
    return token


# -- the three days of an order


async def _in_time(desk: Desk, visit: VisitFacts) -> None:
    """Made, paid, told, and given back as a whole; at a real channel nobody pays the own share."""
    order = await opened(desk, visit)
    known = await placed(desk, order)
    if desk.sandbox is not None:
        desk.sandbox.pay(order.opened.order_number)
        await _told(desk, desk.sandbox, order)
        known = await stands(desk, order, Standing.SETTLED)
    await give_back(desk, order, known)


async def _too_late(desk: Desk, sandbox: Sandbox, visit: VisitFacts) -> None:
    """The order's time is over: what insurance paid goes back, and who pays then pays nothing."""
    order = await opened(desk, visit)
    known = await placed(desk, order)
    refund = await refunded(
        desk, order, known, what=Note("时限已过：退回医保已付", "its time is over: insurance's part goes back")
    )
    sandbox.pay(order.opened.order_number)
    await gone(desk, order, refund, Note("退回后才付款：付不了", "paid after that: it cannot be"))


async def _meanwhile(desk: Desk, sandbox: Sandbox, visit: VisitFacts) -> None:
    """The person pays too late, between our question and our refund: the refund does not fit, and all of it goes back."""
    order = await opened(desk, visit)
    known = await placed(desk, order)
    sandbox.pay(order.opened.order_number)
    what = Note("时限已过，退回之际个人付款：金额不符", "its time is over, and it is paid just now: the amounts do not fit")
    await refunded(desk, order, known, End.REFUSED, what)
    known = await stands(desk, order, Standing.SETTLED, Note("付款太迟：订单已付清", "paid too late: all of it"))
    await give_back(desk, order, known, Note("付款太迟：全部退回", "paid too late: all of it goes back"))


async def _told(desk: Desk, sandbox: Sandbox, order: Order) -> None:
    await _notice(desk, sandbox, order, Note("伪造的通知", "a forged notice"), forged=True)
    await _notice(desk, sandbox, order, Note("已付款的通知", "notice that it is paid"))
    await _notice(desk, sandbox, order, Note("同一通知再来一次", "the same notice once more"))


async def _notice(desk: Desk, sandbox: Sandbox, order: Order, what: Note, *, forged: bool = False) -> None:
    notices = sandbox.heard.notices
    before = len(notices)
    taken, fault = await sandbox.notify(order.opened.order_number, forged=forged)
    wrong = Note()
    if len(notices) - before != (0 if forged else 1):
        wrong = Note("不该取信的取信了，或该取信的没有", "it was believed and must not be, or the other way round")
    elif not forged and (
        (notices[-1].order_number, notices[-1].our_number) != (order.opened.order_number, order.our_number)
        or not _amounts_are(notices[-1], order.quoted)
        or notices[-1] != notices[before - 1 if before else before]
    ):
        wrong = Note("与订单或上一次不符", "not as the order, or not as the time before")
    expected = End.REFUSED if forged else End.ANSWERED
    desk.talk.see(NOTICE, what, expected, End.ANSWERED if taken else End.REFUSED, fault, wrong)


# -- the messages


async def bill_of(desk: Desk, visit: VisitFacts) -> Bill:
    """2204: a bill of which an own share is left to pay."""
    return attrs.evolve(await charged(desk, visit), use_account=False)


def upload(desk: Desk, bill: Bill, number: str) -> UploadBill:
    """6201 of it; ``number`` names the order in every later message."""
    data = desk.data
    return UploadBill(
        bill.visit, bill.holder, data.person.voucher, number, bill.batch, desk.talk.now(), number, bill.lines,
        data.diagnoses(), bill_total(bill.lines), bill.use_account, data.department_code, data.department_name,
        data.specialty, data.doctor_code, data.doctor_name, desk.profile.mobile.fee_type,
    )  # fmt: skip


async def opened(desk: Desk, visit: VisitFacts) -> Order:
    """2204, 2206, 6201: nobody has paid anything."""
    talk, bill = desk.talk, await bill_of(desk, visit)
    quoted, number = await quote(talk, bill), talk.new_id()
    reply: OrderOpened
    _, reply = await talk.must(upload(desk, bill, number), message_id=number)
    return Order(bill, quoted, number, reply, talk.new_id())


async def place(desk: Desk, order: Order, expected: End = End.ANSWERED, what: Note | None = None) -> Outcome[CentreReply]:
    """6202, once. From here on it is named as left until 6301 says that it is given back."""
    talk, number = desk.talk, order.opened.order_number
    talk.left[order.trace] = f"{Call.PLACE_ORDER} {number} {order.trace}"
    request = PlaceOrder(number, order.opened.token, order.trace, order.bill.visit.visit_number)
    _, outcome = await talk.say(request, expected, what, lambda reply: _as_quoted(reply, order.quoted), order.trace)
    if isinstance(outcome, NotSent):
        talk.left.pop(order.trace)
    return outcome


async def placed(desk: Desk, order: Order) -> OrderStands:
    """6202, and what 6301 says of it: insurance paid. ``Stopped`` when nobody can say."""
    outcome = await place(desk, order)
    known = await stands(desk, order, Standing.INSURANCE_PAID)
    if isinstance(outcome, Refused) and known.standing is Standing.UNDECIDED:
        desk.talk.left.pop(order.trace)  # two say so: the refusal, and the order as it was
    return known


def question(order: Order) -> QueryOrder:
    """6301 of it."""
    return QueryOrder(order.opened.order_number, order.opened.token, order.bill.holder, order.our_number)


async def stands(desk: Desk, order: Order, expected: Standing, what: Note | None = None) -> OrderStands:
    """6301: how it stands, or ``Stopped``."""

    def judged(reply: OrderStands) -> Note:
        said = SAID[reply.standing]
        return Note() if reply.standing is expected else Note(f"ordStas {reply.state}：{said.zh}", said.en)

    known: OrderStands
    _, known = await desk.talk.must(question(order), what or SAID[expected], judged)
    return known


async def refunded(
    desk: Desk, order: Order, known: OrderStands, expected: End = End.ANSWERED, what: Note | None = None
) -> str:
    """6203 of all that 6301 showed as paid: its message id."""
    refund = desk.talk.new_id()
    shown = MobileOrder(order.our_number, amounts=known.amounts, own_paid=known.standing is Standing.SETTLED)
    request = RefundOrder(
        order.opened.order_number, refund, desk.talk.now(), Refund.ALL, given_back(shown), desk.data.person.voucher
    )
    await desk.talk.say(request, expected, what, message_id=refund)
    return refund


async def give_back(desk: Desk, order: Order, known: OrderStands, what: Note | None = None) -> None:
    """6203 and 6301: nothing of it stands, and both rows are in the books of the run."""
    if known.standing not in {Standing.INSURANCE_PAID, Standing.SETTLED}:
        return
    await gone(desk, order, await refunded(desk, order, known, what=what))


async def gone(desk: Desk, order: Order, refund: str, what: Note | None = None) -> None:
    """6301: it is cancelled; only then is it no more named as left."""
    known = await stands(desk, order, Standing.CANCELLED, what)
    if known.standing is not Standing.CANCELLED:
        return
    desk.talk.left.pop(order.trace, None)
    form, number, when = desk.profile.mobile, order.opened.order_number, known.at or desk.talk.now()
    reply = Settled(number, when, order.quoted, form.clearing_type, "", form.clearing_agency)
    booked = desk.book(Booked(order.trace, order.bill.visit, reply))
    undone = SettlementCancelled(number, when, undoing(order.quoted))
    desk.rows.append((booked.slice, booked.refund(refund, undone)))


def _as_quoted(reply: object, quoted: Split) -> Note:
    good = isinstance(reply, OrderStands) and _amounts_are(reply, quoted)
    return Note() if good else Note("与预结算不一致", "not as quoted")


def _amounts_are(known: OrderStands, quoted: Split) -> bool:
    """The channel has no word for the hospital's own part: it is in the funds'."""
    told = known.amounts
    funds = {quoted.fund, quoted.fund + quoted.hospital}
    return told.fund in funds and (told.total, told.account, told.cash) == (quoted.total, quoted.account, quoted.cash)
