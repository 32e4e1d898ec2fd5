"""Queries and filings, both directions: our words to the centre's fields, and its rows to our words. Pure.

What a query's rows are called stands in the tables (``means``): a field without a word of ours, or that names a person,
is not told. A code that nobody knows is told as it came (insurance.md 1.6).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

from attrs import frozen

from adapters.insurance.exchange.cells import BadValue, Incomplete, Output, all_rows, echo, one_row, required, text_of
from adapters.insurance.exchange.mapping import DOCUMENTS
from adapters.insurance.schema import DATE_FORMAT, MOMENT_FORMAT, FieldSpec, Input, Node
from adapters.insurance.transactions import TRANSACTIONS
from middleware.domain.centre import CentreReply, ServiceRequest, call_of
from middleware.domain.filing import (
    Accident,
    Agent,
    ChronicDisease,
    Contact,
    Facts,
    File,
    Filed,
    OwnInstitution,
    Place,
    Referral,
    Span,
    Withdraw,
)
from middleware.domain.query import AskCentre, CentreRows, Question

NO, YES = "0", "1"
MAX_TOLD = 20_000  # rows of one answer that are read; the bytes are bounded before
# Of an answer with several tables: which a row is of.
PARTS = MappingProxyType({"setlinfo": "settlement", "setldetail": "fund"})
_NEVER_TOLD = frozenset({"person_number"})


@frozen(slots=True)
class House:
    """Who we are: what a filing says where it names no other institution."""

    region: str
    code: str
    name: str


def to_input(request: ServiceRequest, house: House) -> Input:
    """The nodes of ``input``, every value as it will be on the wire."""
    if isinstance(request, AskCentre):
        row = _asked(request, house)
    elif isinstance(request, File):
        row = _filed(request, house)
    else:
        row = {"trt_dcla_detl_sn": request.number, "psn_no": request.who.person_number, "memo": request.reason}
    (node,) = TRANSACTIONS[call_of(request).value].input
    return {node.name: (_whole(node, row),)}


def _whole(node: Node, row: Mapping[str, str]) -> dict[str, str]:
    """Every field of the table, in its order, and none that it has not; an empty number is 0 (insurance.md 1.3)."""
    return {spec.name: row.get(spec.name, "0" if spec.type == "N" else "") for spec in node.fields}


def _asked(request: AskCentre, house: House) -> dict[str, str]:
    row = {
        "psn_no": request.who.person_number,
        "mdtrt_id": request.visit_number,
        "setl_id": request.settlement_number,
        "cum_ym": request.month,
        "biz_appy_type": request.application,
        "begntime": _moment(request.since),
        "endtime": _moment(request.until),
    }
    if request.question is Question.BENEFITS:
        row |= {
            "insutype": request.who.insurance,
            "fixmedins_code": house.code,
            "med_type": request.med_type,
            "dise_codg": request.disease_code,
            "dise_name": request.disease_name,
        }
    return row


def _filed(request: File, house: House) -> dict[str, str]:
    facts, who = request.facts, request.who
    row = {"psn_no": who.person_number, "insutype": who.insurance, "insu_optins": who.region or house.region}
    row |= _contact(facts.contact) | _span(facts.span) | _facts(facts, house)
    if isinstance(facts, Accident) and request.documents is not None:
        row |= {
            "insu_admdvs": who.region or house.region,
            "psn_cert_type": DOCUMENTS[request.documents.kind],
            "certno": request.documents.number,
            "psn_name": request.documents.name,
            "gend": request.documents.sex,
        }
    return row


def _facts(facts: Facts, house: House) -> dict[str, str]:
    match facts:
        case Referral():
            return {
                "diag_code": facts.diagnosis.code,
                "diag_name": facts.diagnosis.name,
                "dise_cond_dscr": facts.condition,
                "reflin_medins_no": facts.to.code,
                "reflin_medins_name": facts.to.name,
                "mdtrtarea_admdvs": facts.to_region,
                "hosp_agre_refl_flag": _flag(yes=facts.agreed),
                "refl_type": facts.way,
                "refl_date": _date(facts.on),
                "refl_rea": facts.reason,
                "refl_opnn": facts.opinion,
                "refl_old_mdtrt_id": facts.from_visit,
            }
        case ChronicDisease():
            at = _place(facts.at, house)
            return {
                "opsp_dise_code": facts.disease.code,
                "opsp_dise_name": facts.disease.name,
                "ide_fixmedins_no": at.code,
                "ide_fixmedins_name": at.name,
                "hosp_ide_date": _date(facts.established_on),
                "diag_dr_codg": facts.doctor_code,
                "diag_dr_name": facts.doctor_name,
                "memo": facts.memo,
            }
        case OwnInstitution():
            at = _place(facts.at, house)
            return _agent(facts.agent) | {
                "biz_appy_type": facts.application,
                "fix_srt_no": facts.order,
                "fixmedins_code": at.code,
                "fixmedins_name": at.name,
                "memo": facts.memo,
            }
        case Accident():
            return _agent(facts.agent) | {
                "dcla_souc": facts.source,
                "mdtrtarea_admdvs": house.region,
                "fixmedins_code": house.code,
                "fixmedins_name": house.name,
                "adm_time": _date(facts.admitted_on),
                "trum_time": _date(facts.injured_on),
                "trum_site": facts.place,
                "trum_rea": facts.cause,
                "chk_pay_flag": _flag(yes=facts.pays),
                "memo": facts.memo,
            }


def _place(at: Place, house: House) -> Place:
    return at if at.code and at.code != house.code else Place(house.code, at.name or house.name)


def _contact(contact: Contact) -> dict[str, str]:
    return {"tel": contact.phone, "addr": contact.address}


def _agent(agent: Agent) -> dict[str, str]:
    return {
        "agnter_name": agent.name,
        "agnter_cert_type": agent.document,
        "agnter_certno": agent.number,
        "agnter_tel": agent.phone,
        "agnter_addr": agent.address,
        "agnter_rlts": agent.relation,
    }


def _span(span: Span) -> dict[str, str]:
    return {"begndate": _date(span.since), "enddate": _date(span.until)}


def _flag(*, yes: bool) -> str:
    return YES if yes else NO


def _date(day: dt.date | None) -> str:
    return day.strftime(DATE_FORMAT) if day is not None else ""


def _moment(at: dt.datetime | None) -> str:
    return at.strftime(MOMENT_FORMAT) if at is not None else ""


def to_reply(request: ServiceRequest, output: Output | None) -> CentreReply:
    """What the centre answered. Raises ``Incomplete``, ``NotOurs`` or ``BadValue``."""
    nodes = output or {}
    match request:
        case AskCentre():
            return CentreRows(_rows(request, nodes))
        case File():
            return Filed(required(one_row(nodes, "result"), "trt_dcla_detl_sn"))
        case Withdraw():
            return Filed()


def _rows(request: AskCentre, nodes: Output) -> tuple[Mapping[str, str], ...]:
    tables = TRANSACTIONS[call_of(request).value].output
    told: list[Mapping[str, str]] = []
    for node in tables:
        if not node.many:
            one_row(nodes, node.name)  # what must be there once
        part = {"part": PARTS[node.name]} if len(tables) > 1 else {}
        words = words_of(node)
        for row in all_rows(nodes, node.name):
            _must_be_ours(request, row)
            told.append(part | {words[name]: value for name in words if (value := _cell(row, name))})
            if len(told) > MAX_TOLD:
                raise Incomplete(f"{node.name}: more than {MAX_TOLD} rows")
    return tuple(told)


def _must_be_ours(request: AskCentre, row: Output) -> None:
    if request.who.person_number:
        echo(row, "psn_no", request.who.person_number)
    if request.visit_number:
        echo(row, "mdtrt_id", request.visit_number)


def _cell(row: Output, name: str) -> str:
    """As text; an amount by its own digits."""
    value = row.get(name)
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > 40:  # noqa: PLR2004 - wider than any number of any table
            raise BadValue(name)
        return format(value, "f")
    return text_of(row, name)


def words_of(node: Node) -> dict[str, str]:
    """Field -> our word, of what is told."""
    return {spec.name: spec.means for spec in node.fields if is_told(spec)}


def is_told(spec: FieldSpec) -> bool:
    """Whether callers hear this field."""
    return bool(spec.means) and not spec.personal and spec.means not in _NEVER_TOLD
