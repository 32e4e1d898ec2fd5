"""In-memory ends of the ports, for tests that need no wire."""

from __future__ import annotations

import datetime as dt
import hashlib

from twisted.internet.defer import Deferred

from middleware.domain import centre as c
from middleware.domain.card import CardRead
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.fault import Fault
from middleware.domain.health import Condition, PartHealth
from middleware.domain.his import HisAccepted
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName, id_check_character
from middleware.domain.kind import MOBILE_CALLS
from middleware.domain.money import ZERO, Money
from middleware.domain.order import Caller, QuoteOrder, RegisterOrder, Role
from middleware.domain.outcome import Answered, NotSent
from middleware.domain.split import FundLine, Split
from middleware.ports import PreparedCall
from tests.support.orders import FakeChannel

TZ = dt.timezone(dt.timedelta(hours=8))
NOW = dt.datetime(2026, 11, 21, 9, 0, 0, tzinfo=TZ)
HIS = Caller(Role.HIS, "his-1", "window-3")
POS = Caller(Role.POS, "pos-1", "till-1")


def id_number(serial: int = 1) -> IdNumber:
    first = f"99999919700101{serial:03d}"
    return IdNumber.parse(first + id_check_character(first))


def card_read() -> CardRead:
    return CardRead(
        kind="social-security-card",
        region_code="999900",
        card_id_code=CardIdCode("999900D1560000050000112233445566"),
        card_class="1",
        spec_version="2.00",
        issuing_organisation="9" * 24,
        issued_on=dt.date(2020, 1, 1),
        expires_on=dt.date(2030, 1, 1),
        card_number=CardNumber("A12345678"),
        id_number=id_number(),
        name=PersonName("张伟民"),
        sex="1",
        nation="01",
        birthplace="999900",
        birth_date=dt.date(1970, 1, 1),
        atr_historical="00",
        reader="Virtual 00",
    )


def split(total: int = 10000, fund: int = 6000, account: int = 3000) -> Split:
    cash = total - fund - account
    return Split(
        total=Money(total), fund=Money(fund), account=Money(account), cash=Money(cash), hospital=ZERO,
        personal=Money(total - fund), family_account=ZERO, self_paid=ZERO, over_limit=ZERO, first_self_paid=ZERO,
        in_scope=Money(total), pool=Money(fund), civil_servant=ZERO, supplementary=ZERO, serious_illness=ZERO,
        large_sum=ZERO, assistance=ZERO, disabled_soldier=ZERO, other_fund=ZERO, balance_after=Money(5000),
        deductible=ZERO,
        funds=(FundLine("310100", "pool", Money(fund)), FundLine("310200", "account", Money(account))),
    )  # fmt: skip


def lines(*amounts: int) -> tuple[ChargeLine, ...]:
    from decimal import Decimal

    return tuple(
        ChargeLine(
            line_id=str(n), catalogue_code=f"X{n}", hospital_code=f"H{n}", name="药品", unit_price=Decimal(a) / 100,
            quantity=Decimal(1), amount=Money(a), charged_at=NOW, department_code="01", department_name="内科",
            doctor_code="D1", doctor_name="医生",
        )
        for n, a in enumerate(amounts or (10000,), 1)
    )  # fmt: skip


def register_order(card_read_id: str) -> RegisterOrder:
    return RegisterOrder(
        card_read_id=card_read_id, patient_number="", department_code="01", department_name="内科", specialty="A01",
        doctor_code="D1", doctor_name="医生", begun_at=NOW,
    )  # fmt: skip


def quote_order(visit_id: str, *amounts: int) -> QuoteOrder:
    return QuoteOrder(visit_id=visit_id, diagnoses=(Diagnosis("J00", "感冒"),), lines=lines(*amounts))


class FakeReaders:
    def __init__(self):
        self.reads = 0

    async def read_card(self, reader):
        self.reads += 1
        if reader == "empty":
            raise Fault("card.absent")
        return card_read()

    def statuses(self):
        return ()

    def health(self):
        return PartHealth("readers", Condition.GOOD)


# What needs no look at the request.
PLAIN = {
    c.RegisterVisit: c.VisitRegistered("M1"),
    c.Admit: c.VisitRegistered("M1"),
    c.UploadVisit: c.VisitUploaded(),
    c.UploadCharges: c.ChargesTaken(()),
    c.QueryVisits: c.VisitsFound(()),
    c.Reverse: c.Reversed(),
    **dict.fromkeys((c.Discharge, c.ChangeAdmission, c.WithdrawDischarge, c.WithdrawVisit, c.WithdrawCharges), c.Done()),
}


class FakeCentre:
    """Answers at once, or as ``script[call]`` says: a list of outcomes, or of Deferreds of outcomes, used up in order.

    ``sent`` holds (message id, call, digest) in the order in which they were sent.
    """

    def __init__(self):
        self.script: dict[c.Call, list] = {}
        self.sent: list[tuple[str, c.Call, str]] = []
        self.requests: dict[str, object] = {}
        self.before_send = lambda call: None
        self.late: dict[str, object] = {}
        self.field_fault: c.Call | None = None
        self.ahead_s: float | None = None
        self.channel = FakeChannel(lambda: dt.datetime.now(TZ))

    def needs_sign_in(self, at):
        return False

    def sign_in_request(self):
        raise AssertionError

    def clock_ahead_s(self):
        return self.ahead_s

    async def prepare(self, message_id, request, at):
        call = c.call_of(request)
        if self.field_fault is call:
            raise Fault("centre.field", f"{call} x")
        self.requests[message_id] = request
        digest = hashlib.sha256((message_id + repr(request)).encode()).hexdigest()
        return PreparedCall(message_id, call, digest, request)

    async def send(self, call, on_first_byte, on_late_reply):
        self.before_send(call)
        self.late[call.message_id] = on_late_reply
        self.sent.append((call.message_id, call.call, call.digest))
        queue = self.script.get(call.call)
        if queue:
            outcome = queue.pop(0)
            if callable(outcome):  # it does what it is asked, and its answer is this
                outcome = outcome(self.channel.answer(call.body))
        elif call.call in MOBILE_CALLS:
            outcome = self.channel.answer(call.body)
        else:
            outcome = Answered(self.reply(call.body))
        if not (isinstance(outcome, tuple) and outcome[0] == "not-sent"):
            try:
                on_first_byte()
            except Fault as fault:
                return NotSent(fault.code)
        if isinstance(outcome, Deferred):
            outcome = await outcome
        if isinstance(outcome, tuple):
            outcome = outcome[1]
        return outcome

    def calls(self, call):
        return [message_id for message_id, kind, _ in self.sent if kind is call]

    def reply(self, request):
        match request:
            case c.QueryPerson():
                insurance = c.Insurance("310", "11", "999900", Money(8000), active=True)
                return c.PersonKnown("P1", same_person=True, insurances=(insurance,))
            case c.PreSettle():
                return c.Quoted(split(request.total.fen, request.total.fen * 6 // 10, 0))
            case c.Settle():
                return c.Settled("SETL1", NOW, request.quoted, "11", "1", "999900")
            case c.CancelSettlement():
                s = split()
                return c.SettlementCancelled("SETL2", NOW, s)
        return PLAIN[type(request)]

    def start(self): ...

    async def stop(self): ...

    def health(self):
        return PartHealth("centre", Condition.GOOD)


class FakeHis:
    def __init__(self):
        self.script: list = []
        self.delivered: list = []

    async def deliver(self, message):
        outcome = self.script.pop(0) if self.script else Answered(HisAccepted("PAT1"))
        if isinstance(outcome, Deferred):
            outcome = await outcome
        self.delivered.append((message.control_id, outcome))
        return outcome

    def start(self): ...

    async def stop(self): ...

    def health(self):
        return PartHealth("his", Condition.GOOD)
