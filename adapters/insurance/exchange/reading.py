"""The centre's fields to our words: a reply is whole, ours and readable, or it is no answer. Pure."""

from __future__ import annotations

import datetime as dt

import attrs

from adapters.insurance.exchange.cells import (
    BadValue,
    Incomplete,
    NotOurs,
    Output,
    all_rows,
    amount_of,
    echo,
    echo_visit,
    must_amount,
    one_row,
    required,
    text_of,
    time_of,
)
from adapters.insurance.schema import DATE_FORMAT
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.centre import (
    Admit,
    CancelSettlement,
    CentreReply,
    ChangeAdmission,
    ChargesTaken,
    Confirm,
    Confirmed,
    CounterRequest,
    Discharge,
    Done,
    FoundVisit,
    Insurance,
    LineVerdict,
    PersonKnown,
    PreSettle,
    QueryPerson,
    QueryVisits,
    Quoted,
    RegisterVisit,
    Reverse,
    Reversed,
    Settle,
    Settled,
    SettlementCancelled,
    SignedIn,
    SignIn,
    UploadCharges,
    UploadVisit,
    VisitRegistered,
    VisitsFound,
    VisitUploaded,
    WithdrawCharges,
    WithdrawDischarge,
    WithdrawVisit,
    call_of,
)
from middleware.domain.kind import VisitKind
from middleware.domain.money import ZERO, Money
from middleware.domain.split import FundLine, Split

INSURED = "1"  # psn_insu_stas
YES = "1"
IN_HOSPITAL, OUT_OF_HOSPITAL = "1", "0"  # inhosp_stas
MAX_FOUND = 50
_Besides = (
    Admit | Discharge | ChangeAdmission | QueryVisits | WithdrawVisit | WithdrawCharges | WithdrawDischarge | Confirm
)  # fmt: skip


def to_reply(request: CounterRequest, message_id: str, output: Output | None) -> CentreReply:
    """What the centre answered, in our words. Raises ``Incomplete``, ``NotOurs`` or ``BadValue``."""
    nodes = output or {}
    match request:
        case SignIn():
            return SignedIn(required(one_row(nodes, "signinoutb"), "sign_no"))
        case QueryPerson():
            return _person(request, nodes)
        case RegisterVisit():
            row = one_row(nodes, "data")
            echo(row, "psn_no", request.person_number)
            return VisitRegistered(required(row, "mdtrt_id"))
        case UploadVisit():
            return VisitUploaded()
        case UploadCharges():
            return _verdicts(request, nodes)
        case PreSettle():
            row = one_row(nodes, "setlinfo")
            echo_visit(row, request.visit, message_id)
            return Quoted(_split(nodes, row, request), _cuts(request, nodes))
        case Settle():
            return _settled(request, message_id, nodes)
        case CancelSettlement():
            row = one_row(nodes, "setlinfo")
            number = required(row, "setl_id")
            # The cancel is a settlement of its own: medins_setl_id may name either message, so only visit and person bind.
            echo_visit(row, request.visit, "")
            return SettlementCancelled(number, time_of(row, "setl_time"), _split(nodes, row, request))
        case Reverse():
            return Reversed()
        case _:
            return _besides(request, nodes)


def _besides(request: _Besides, nodes: Output) -> CentreReply:
    match request:
        case Admit():
            return VisitRegistered(required(one_row(nodes, "result"), "mdtrt_id"))
        case Confirm():
            return Confirmed()
        case QueryVisits():
            return VisitsFound(tuple(_found(request, row) for row in list(all_rows(nodes, "mdtrtinfo"))[:MAX_FOUND]))
    return Done()


def _settled(request: Settle, message_id: str, nodes: Output) -> Settled:
    row = one_row(nodes, "setlinfo")
    number = required(row, "setl_id")
    echo_visit(row, request.visit, message_id)
    return Settled(
        settlement_number=number,
        settled_at=time_of(row, "setl_time"),
        split=_split(nodes, row, request),
        clearing_type=text_of(row, "clr_type"),
        clearing_way=text_of(row, "clr_way"),
        clearing_agency=text_of(row, "clr_optins"),
        visit_number="" if request.visit.visit_number else text_of(row, "mdtrt_id"),
    )


def _found(request: QueryVisits, row: Output) -> FoundVisit:
    """One visit. Under which of two numbers ours comes back depends on which of two transactions it went out with."""
    echo(row, "psn_no", request.visit.person_number)
    stay = request.visit.kind is VisitKind.INPATIENT
    state = text_of(row, "inhosp_stas")
    return FoundVisit(
        visit_number=required(row, "mdtrt_id"),
        our_number=text_of(row, "medrcdno" if stay else "ipt_otp_no"),
        med_type=text_of(row, "med_type"),
        begun_at=text_of(row, "begntime"),
        in_hospital={IN_HOSPITAL: True, OUT_OF_HOSPITAL: False}.get(state),
    )


def _person(request: QueryPerson, nodes: Output) -> PersonKnown:
    base = one_row(nodes, "baseinfo")
    number = required(base, "psn_no")
    same = text_of(base, "certno").upper() == request.holder.id_number.reveal().upper()
    insurances = tuple(
        Insurance(
            kind=required(row, "insutype"),
            person_type=text_of(row, "psn_type"),
            region=text_of(row, "insuplc_admdvs"),
            balance=amount_of(row, "balc") or ZERO,
            active=text_of(row, "psn_insu_stas") in {"", INSURED} and not _suspended(row, request.at),
            civil_servant=text_of(row, "cvlserv_flag") == YES,
        )
        for row in all_rows(nodes, "insuinfo")
    )
    return PersonKnown(number, same, insurances)


def _suspended(row: Output, at: dt.datetime) -> bool:
    """A suspension date that has come; one that cannot be read counts as come."""
    written = text_of(row, "paus_insu_date")
    if not written:
        return False
    try:
        return dt.datetime.strptime(written[:10], DATE_FORMAT).date() <= at.date()  # noqa: DTZ007 - a date
    except ValueError:
        return True


def _verdicts(request: UploadCharges, nodes: Output) -> ChargesTaken:
    rows = {required(row, "feedetl_sn"): row for row in all_rows(nodes, "result")}
    ours = [line.line_id for line in request.lines]
    if set(rows) - set(ours):
        raise NotOurs("result.feedetl_sn")
    if set(ours) - set(rows):
        raise Incomplete("result: not every line has its verdict")
    return ChargesTaken(tuple(_verdict(line_id, rows[line_id]) for line_id in ours))


def _cuts(request: PreSettle, nodes: Output) -> tuple[LineVerdict, ...] | None:
    """What a pharmacy's quote says of each line, or None: it explains the amounts and decides none, so it refuses none."""
    try:
        rows = {required(row, "feedetl_sn"): row for row in all_rows(nodes, "detlcutinfo")}
        ours = [line.line_id for line in request.lines]
        if not ours or set(rows) != set(ours):
            return None
        return tuple(_verdict(line_id, rows[line_id]) for line_id in ours)
    except (Incomplete, BadValue):
        return None


def _verdict(line_id: str, row: Output) -> LineVerdict:
    return LineVerdict(
        line_id=line_id,
        amount=must_amount(row, "det_item_fee_sumamt"),
        self_paid=amount_of(row, "fulamt_ownpay_amt") or ZERO,
        over_limit=amount_of(row, "overlmt_amt") or ZERO,
        first_self_paid=amount_of(row, "preselfpay_amt") or ZERO,
        in_scope=amount_of(row, "inscp_scp_amt") or ZERO,
        level=text_of(row, "chrgitm_lv"),
    )


# Without these four nobody may be told what to pay: a success that lacks one is incomplete.
_INDISPENSABLE = ("total", "fund", "account", "cash")
_SPLIT_ATTRIBUTES = tuple(attribute.name for attribute in attrs.fields(Split) if attribute.name != "funds")


def _split(nodes: Output, row: Output, request: PreSettle | Settle | CancelSettlement) -> Split:
    """All amounts by the tables' meanings; the first of several names that carries a value is the amount.

    On a cancel a null personal part is what account and cash make: nothing else in that message says it (insurance.md 1.7).
    """
    cancel = isinstance(request, CancelSettlement)
    table = next(node for node in TRANSACTIONS[call_of(request).value].output if node.name == "setlinfo")
    found: dict[str, Money] = {}
    for spec in table.fields:
        kind, _, attribute = spec.means.partition(".")
        if kind != "split" or attribute in found:
            continue
        amount = amount_of(row, spec.name)
        if amount is not None:
            found[attribute] = amount
    for attribute in _INDISPENSABLE:
        if attribute not in found:
            raise Incomplete(f"setlinfo: the amount {attribute}")
    if "personal" not in found and cancel:
        found["personal"] = found["account"] + found["cash"]
    if "personal" not in found:
        raise Incomplete("setlinfo: the amount personal")
    amounts = {name: found.get(name, ZERO) for name in _SPLIT_ATTRIBUTES}
    return Split(**amounts, funds=tuple(_fund(line) for line in all_rows(nodes, "setldetail")))


def _fund(line: Output) -> FundLine:
    return FundLine(text_of(line, "fund_pay_type"), text_of(line, "fund_pay_type_name"), must_amount(line, "fund_payamt"))
