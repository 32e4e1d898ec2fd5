"""The centre's fields to our words: a reply is whole, ours and readable, or it is no answer. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from adapters.insurance.schema import DATE_FORMAT, MOMENT_FORMAT
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.centre import (
    CancelSettlement,
    CentreReply,
    CentreRequest,
    ChargesTaken,
    CounterRequest,
    Insurance,
    LineVerdict,
    PersonKnown,
    PreSettle,
    QueryPerson,
    Quoted,
    RegisterVisit,
    Reverse,
    Reversed,
    Settle,
    Settled,
    SettlementCancelled,
    SignedIn,
    SignIn,
    StatementRequest,
    UploadCharges,
    UploadVisit,
    VisitFacts,
    VisitRegistered,
    VisitUploaded,
)
from middleware.domain.money import MAX_FEN, ZERO, Money
from middleware.domain.split import FundLine, Split

INSURED = "1"  # psn_insu_stas
YES = "1"

Output = Mapping[str, Any]
_MAX_AMOUNT_DIGITS = len(str(MAX_FEN))


class Incomplete(Exception):  # noqa: N818 - it says what is so; the link makes an Unknown of it
    """A success without a part that it must have; the text names the field."""


class NotOurs(Exception):  # noqa: N818 - the same
    """The reply names another person, visit or message; the text names the field."""


class BadValue(Exception):  # noqa: N818 - the same
    """A field that cannot be read; the text names it, never its value."""


def to_reply(request: CentreRequest, message_id: str, output: Output | None) -> CentreReply:
    """What the centre answered, in our words. Raises ``Incomplete``, ``NotOurs`` or ``BadValue``."""
    if isinstance(request, StatementRequest):
        raise BadValue("not in the tables")
    return _counter_reply(request, message_id, output or {})


def _counter_reply(request: CounterRequest, message_id: str, nodes: Output) -> CentreReply:
    match request:
        case SignIn():
            return SignedIn(_required(_row(nodes, "signinoutb"), "sign_no"))
        case QueryPerson():
            return _person(request, nodes)
        case RegisterVisit():
            row = _row(nodes, "data")
            _echo(row, "psn_no", request.person_number)
            return VisitRegistered(_required(row, "mdtrt_id"))
        case UploadVisit():
            return VisitUploaded()
        case UploadCharges():
            return _verdicts(request, nodes)
        case PreSettle():
            row = _row(nodes, "setlinfo")
            _echo_visit(row, request.visit, message_id)
            return Quoted(_split(nodes, row))
        case Settle():
            return _settled(request, message_id, nodes)
        case CancelSettlement():
            row = _row(nodes, "setlinfo")
            number = _required(row, "setl_id")
            # The cancel is a settlement of its own: medins_setl_id may name either message, so only visit and person bind.
            _echo_visit(row, request.visit, "")
            return SettlementCancelled(number, _time(row, "setl_time"), _split(nodes, row, cancel=True))
        case Reverse():
            return Reversed()


def _settled(request: Settle, message_id: str, nodes: Output) -> Settled:
    row = _row(nodes, "setlinfo")
    number = _required(row, "setl_id")
    _echo_visit(row, request.visit, message_id)
    return Settled(
        settlement_number=number,
        settled_at=_time(row, "setl_time"),
        split=_split(nodes, row),
        clearing_type=_text(row, "clr_type"),
        clearing_way=_text(row, "clr_way"),
        clearing_agency=_text(row, "clr_optins"),
    )


def _person(request: QueryPerson, nodes: Output) -> PersonKnown:
    base = _row(nodes, "baseinfo")
    number = _required(base, "psn_no")
    same = _text(base, "certno").upper() == request.holder.id_number.reveal().upper()
    insurances = tuple(
        Insurance(
            kind=_required(row, "insutype"),
            person_type=_text(row, "psn_type"),
            region=_text(row, "insuplc_admdvs"),
            balance=_amount(row, "balc") or ZERO,
            active=_text(row, "psn_insu_stas") in {"", INSURED} and not _suspended(row, request.at),
            civil_servant=_text(row, "cvlserv_flag") == YES,
        )
        for row in _rows(nodes, "insuinfo")
    )
    return PersonKnown(number, same, insurances)


def _suspended(row: Output, at: dt.datetime) -> bool:
    """A suspension date that has come; one that cannot be read counts as come."""
    written = _text(row, "paus_insu_date")
    if not written:
        return False
    try:
        return dt.datetime.strptime(written[:10], DATE_FORMAT).date() <= at.date()  # noqa: DTZ007 - a date
    except ValueError:
        return True


def _verdicts(request: UploadCharges, nodes: Output) -> ChargesTaken:
    rows = {_required(row, "feedetl_sn"): row for row in _rows(nodes, "result")}
    ours = [line.line_id for line in request.lines]
    if set(rows) - set(ours):
        raise NotOurs("result.feedetl_sn")
    if set(ours) - set(rows):
        raise Incomplete("result: not every line has its verdict")
    return ChargesTaken(
        tuple(
            LineVerdict(
                line_id=line_id,
                amount=_must_amount(rows[line_id], "det_item_fee_sumamt"),
                self_paid=_amount(rows[line_id], "fulamt_ownpay_amt") or ZERO,
                over_limit=_amount(rows[line_id], "overlmt_amt") or ZERO,
                first_self_paid=_amount(rows[line_id], "preselfpay_amt") or ZERO,
                in_scope=_amount(rows[line_id], "inscp_scp_amt") or ZERO,
                level=_text(rows[line_id], "chrgitm_lv"),
            )
            for line_id in ours
        )
    )


# Without these four nobody may be told what to pay: a success that lacks one is incomplete.
_INDISPENSABLE = ("total", "fund", "account", "cash")
_SPLIT_ATTRIBUTES = tuple(attribute.name for attribute in attrs.fields(Split) if attribute.name != "funds")


def _split(nodes: Output, row: Output, *, cancel: bool = False) -> Split:
    """All amounts by the tables' meanings; the first of several names that carries a value is the amount.

    On a cancel a null personal part is what account and cash make: nothing else in that message says it (insurance.md 1.7).
    """
    code = "2208" if cancel else "2207"
    table = next(node for node in TRANSACTIONS[code].output if node.name == "setlinfo")
    found: dict[str, Money] = {}
    for spec in table.fields:
        kind, _, attribute = spec.means.partition(".")
        if kind != "split" or attribute in found:
            continue
        amount = _amount(row, spec.name)
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
    return Split(**amounts, funds=tuple(_fund(line) for line in _rows(nodes, "setldetail")))


def _fund(line: Output) -> FundLine:
    return FundLine(_text(line, "fund_pay_type"), _text(line, "fund_pay_type_name"), _must_amount(line, "fund_payamt"))


# -- cells --------------------------------------------------------------------------------------------------------------
def _row(nodes: Output, name: str) -> Output:
    row = nodes.get(name)
    if isinstance(row, list):
        row = row[0] if len(row) == 1 else None
    if not isinstance(row, Mapping):
        raise Incomplete(name)
    return row


def _rows(nodes: Output, name: str) -> Iterable[Output]:
    rows = nodes.get(name) or []
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else [rows]


def _text(row: Output, name: str) -> str:
    value = row.get(name)
    text = "" if value is None else str(value).strip()
    return "" if text == "null" else text  # some centres write the word (insurance.md 1.2)


def _required(row: Output, name: str) -> str:
    text = _text(row, name)
    if not text:
        raise Incomplete(name)
    return text


def _echo(row: Output, name: str, ours: str) -> None:
    theirs = _text(row, name)
    if theirs and theirs != ours:
        raise NotOurs(name)


def _echo_visit(row: Output, visit: VisitFacts, message_id: str) -> None:
    """Person and visit are named and are ours; so is the message id, where the centre gives one of ours back."""
    if message_id:
        _required(row, "psn_no")  # a cancel need not name the person (2208's table)
    _required(row, "mdtrt_id")
    _echo(row, "psn_no", visit.person_number)
    _echo(row, "mdtrt_id", visit.visit_number)
    given_back = _text(row, "medins_setl_id")
    if message_id and len(given_back) == len(message_id) and given_back.startswith(message_id[:12]):
        _echo(row, "medins_setl_id", message_id)


def _amount(row: Output, name: str) -> Money | None:
    value = row.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, Decimal):
        raise BadValue(name)
    # Bounded before it is written out: 1E+999999999 is a Decimal of a few bytes.
    if not value.is_finite() or value.adjusted() > _MAX_AMOUNT_DIGITS or value.adjusted() < -_MAX_AMOUNT_DIGITS:
        if value == 0:
            return ZERO
        raise BadValue(name)
    try:
        return Money.parse(value)
    except ValueError:
        raise BadValue(name) from None


def _must_amount(row: Output, name: str) -> Money:
    amount = _amount(row, name)
    if amount is None:
        raise Incomplete(name)
    return amount


_TIME_FORMATS = (MOMENT_FORMAT, "%Y-%m-%dT%H:%M:%S", "%Y%m%d%H%M%S")
CHINA = dt.timezone(dt.timedelta(hours=8))  # the platform's clocks have one zone and write none


def _time(row: Output, name: str) -> dt.datetime:
    written = _required(row, name)
    for form in _TIME_FORMATS:
        try:
            return dt.datetime.strptime(written[:19], form).replace(tzinfo=CHINA)
        except ValueError:
            continue
    raise BadValue(name)
