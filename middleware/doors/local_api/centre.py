"""centre.query and filing.*: what the centre is asked beside a visit's own business, and what is filed with it."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, TypeVar

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.charge import Disease
from middleware.domain.fault import Fault
from middleware.domain.filing import (
    About,
    Accident,
    Agent,
    ChronicDisease,
    Contact,
    Facts,
    OwnInstitution,
    Place,
    Referral,
    Span,
)
from middleware.domain.query import MAX_PASSED, MAX_ROWS, Question
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import (
    END,
    NO_CONTROLS,
    Code,
    DiseaseParams,
    Id,
    Insurance,
    Key,
    Name,
    OptionalCode,
    OptionalId,
    Params,
    PersonText,
    Remark,
    When,
)
from middleware.doors.local_api.results import Result
from middleware.doors.local_api.results import When as Then
from middleware.engine.counter import Answer
from middleware.engine.enquiry import Enquiries, Enquiry
from middleware.engine.filing_desk import Filings

T = TypeVar("T")
MOST_FILINGS = 200
_VISIT = Meta(description="就诊：由此得知人员；与 card_read_id 二选一 / whose visit; this or card_read_id")
_CARD = Meta(description="card.read 的结果，先以 1101 问明人员 / from card.read; who it is 1101 says first")
Text = Annotated[str, Meta(min_length=1, max_length=200, pattern=rf"^{NO_CONTROLS}+{END}")]
OptionalText = Annotated[str, Meta(max_length=200, pattern=rf"^{NO_CONTROLS}*{END}")]
Phone = Annotated[str, Meta(pattern=rf"^[0-9+() -]{{0,30}}{END}", description="联系电话 / telephone")]
Digits = Annotated[str, Meta(pattern=rf"^[0-9]{{1,6}}{END}")]
OptionalDay = dt.date | UnsetType


class CentreQueryParams(Params, frozen=True, kw_only=True):
    """centre.query: which members a query needs or takes stands in the table of queries."""

    query: Annotated[
        Literal[
            "benefits",
            "diagnoses",
            "settlement",
            "charges",
            "medication",
            "accumulations",
            "diseases",
            "institutions",
            "stays",
            "referrals",
        ],
        Meta(description="2001、5202-5206、5301-5304，依次 / in this order"),
    ]
    visit_id: Annotated[OptionalId, _VISIT] = ""
    card_read_id: Annotated[OptionalId, _CARD] = ""
    insurance: Insurance = ""
    settlement_id: OptionalId = ""
    since: When | UnsetType = UNSET
    until: Annotated[When | UnsetType, Meta(description="至多在 since 后 366 天 / at most 366 days after since")] = UNSET
    month: Annotated[str, Meta(pattern=rf"^([0-9]{{6}})?{END}", description="累计年月 yyyyMM / of accumulations")] = ""
    application: Annotated[
        str, Meta(pattern=rf"^([0-9]{{2,3}})?{END}", description="业务申请类型 / of institutions (biz_appy_type)")
    ] = ""
    med_type: Annotated[str, Meta(pattern=rf"^([0-9]{{1,6}})?{END}", description="医疗类别 / of benefits")] = ""
    disease: DiseaseParams | UnsetType = UNSET
    after: Annotated[int, Meta(ge=0, le=MAX_PASSED, description="上一页的 next_after / of the page before")] = 0
    limit: Annotated[int, Meta(ge=1, le=MAX_ROWS)] = MAX_ROWS


class CentreQueryResult(Result, frozen=True, kw_only=True):
    """centre.query. Each page asks the centre anew."""

    query: str
    asked_at: Then
    rows: Annotated[
        list[dict[str, str]],
        Meta(description="列见“医保中心查询”页；中心未给的不出现 / columns: see the page of queries; none that is empty"),
    ]
    next_after: int
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


class ContactParams(Params, frozen=True, kw_only=True):
    """How the person is reached."""

    phone: Phone = ""
    address: Annotated[OptionalText, Meta(description="联系地址 / address")] = ""

    def __repr__(self) -> str:
        return "ContactParams(...)"


class AgentParams(Params, frozen=True, kw_only=True):
    """Who files for the person."""

    name: PersonText
    document: Annotated[Digits, Meta(description="证件类型，01 身份证 / psn_cert_type")] = "01"
    number: Code
    phone: Phone = ""
    address: OptionalText = ""
    relation: Annotated[Digits, Meta(description="与参保人关系 / agnter_rlts")]

    def __repr__(self) -> str:
        return "AgentParams(...)"


class PlaceParams(Params, frozen=True, kw_only=True):
    """An institution."""

    code: Code
    name: Text


class _FilingParams(Params, frozen=True, kw_only=True):
    request_id: Key
    visit_id: Annotated[OptionalId, _VISIT] = ""
    card_read_id: Annotated[OptionalId, _CARD] = ""
    insurance: Insurance = ""
    contact: ContactParams | UnsetType = UNSET


class ReferralParams(_FilingParams, frozen=True, kw_only=True):
    """filing.referral."""

    to: Annotated[PlaceParams, Meta(description="转往的定点机构 / where to")]
    to_region: Annotated[str, Meta(pattern=rf"^[0-9]{{6}}{END}", description="就医地区划 / six digits of its region")]
    way: Annotated[Digits, Meta(description="1 市内，2 省内异地，3 省外 / refl_type")]
    on: Annotated[dt.date, Meta(description="转院日期 / the day")]
    reason: Annotated[Name, Meta(description="转院原因 / why")]
    opinion: Annotated[Text, Meta(description="转院意见 / the institution's opinion")]
    diagnosis: DiseaseParams
    condition: Annotated[str, Meta(max_length=1000, pattern=rf"^{NO_CONTROLS}*{END}", description="病情 / in words")] = ""
    agreed: Annotated[bool, Meta(description="医院同意转院 / the institution agrees")] = True
    since: OptionalDay = UNSET
    until: OptionalDay = UNSET


class DiseaseFilingParams(_FilingParams, frozen=True, kw_only=True):
    """filing.disease."""

    disease: Annotated[DiseaseParams, Meta(description="门慢门特病种 / a listed disease")]
    established_on: Annotated[dt.date, Meta(description="医院鉴定日期 / when it was established")]
    doctor_code: Code
    doctor_name: PersonText
    at: Annotated[PlaceParams | UnsetType, Meta(description="鉴定机构，缺省为本院 / where; left out: here")] = UNSET
    since: dt.date
    until: OptionalDay = UNSET
    memo: OptionalText = ""


class InstitutionFilingParams(_FilingParams, frozen=True, kw_only=True):
    """filing.institution."""

    application: Annotated[
        str, Meta(pattern=rf"^[0-9]{{2,3}}{END}", description="03 定点，08 异地安置，32 双通道等 / biz_appy_type")
    ]
    order: Annotated[str, Meta(pattern=rf"^[0-9]{{1,3}}{END}", description="定点排序号 / fix_srt_no")] = "1"
    at: Annotated[PlaceParams | UnsetType, Meta(description="定点机构，缺省为本院 / left out: this one")] = UNSET
    since: dt.date
    until: OptionalDay = UNSET
    agent: AgentParams | UnsetType = UNSET
    memo: OptionalText = ""


class AccidentParams(_FilingParams, frozen=True, kw_only=True):
    """filing.accident."""

    source: Annotated[Digits, Meta(description="申报来源，01 定点机构 / dcla_souc")] = "01"
    pays: Annotated[bool, Meta(description="审核支付标志 / whether insurance is to pay (chk_pay_flag)")]
    since: dt.date
    until: OptionalDay = UNSET
    injured_on: dt.date
    admitted_on: OptionalDay = UNSET
    place: OptionalText = ""
    cause: Annotated[Text, Meta(description="致伤原因 / how it happened")]
    agent: AgentParams | UnsetType = UNSET
    memo: OptionalText = ""


class FilingWithdrawParams(Params, frozen=True, kw_only=True):
    """filing.withdraw."""

    request_id: Key
    filing_id: Id
    reason: Annotated[Remark, Meta(min_length=1, description="送往中心 / told to the centre")]


class FilingGetParams(Params, frozen=True, kw_only=True):
    """filing.get: exactly one of the two."""

    filing_id: OptionalId = ""
    request_id: OptionalId = ""


class FilingListParams(Params, frozen=True, kw_only=True):
    """filing.list."""

    after: Annotated[OptionalId, Meta(description="上一页的 next_after / next_after of the page before")] = ""
    limit: Annotated[int, Meta(ge=1, le=MOST_FILINGS)] = 100
    all: Annotated[bool, Meta(description="也列出已查清的 / also those that are certain")] = False


class FilingResolveParams(Params, frozen=True, kw_only=True):
    """filing.resolve."""

    filing_id: Id
    decision: Annotated[
        Literal["done", "not-done"],
        Meta(description="中心有（撤销：已撤）或没有 / the centre has it (of a withdrawal: did it), or not"),
    ]
    number: Annotated[OptionalCode, Meta(description="中心的备案编号 / the centre's number")] = ""
    reference: Annotated[Remark, Meta(min_length=1, description="依据，加密记入账本 / where that was seen; sealed")]


class FilingResult(Result, frozen=True, kw_only=True):
    """One filing, or one withdrawal."""

    filing_id: str
    kind: Literal["referral", "disease", "institution", "accident"]
    state: Literal["sent", "unknown", "not-sent", "done", "declined"]
    withdraws: Annotated[str, Meta(description="撤销的是哪一备案，否则空 / the filing that this takes back, else empty")]
    withdrawn: Annotated[bool, Meta(description="已撤销 / it was taken back")]
    number: Annotated[str, Meta(description="中心的备案编号，空为不知 / the centre's; empty: not known")]
    why: Annotated[
        str,
        Meta(description="故障码或中心代码；asked 查得，desk 人工 / a fault, the centre's code, asked, or desk"),
    ]
    message_id: str
    attempts: int
    visit_id: str
    account: str
    terminal: str
    made_at: Then
    ended_at: Then | UnsetType = UNSET


class FilingListResult(Result, frozen=True, kw_only=True):
    """filing.list."""

    rows: list[FilingResult]
    next_after: str
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


async def centre_query(visit: Visit, params: CentreQueryParams) -> Answer:
    """Ask the centre."""
    desk: Enquiries | None = visit.business.enquiries
    if desk is None:
        raise Fault("request.not_found", "this daemon asks the centre nothing")
    disease = None if params.disease is UNSET else params.disease
    enquiry = Enquiry(
        Question(params.query),
        About(params.visit_id, params.card_read_id, params.insurance),
        params.settlement_id,
        _set(params.since),
        _set(params.until),
        params.month,
        params.application,
        params.med_type,
        disease.code if disease else "",
        disease.name if disease else "",
    )
    return await desk.ask(visit.caller, enquiry, params.after, params.limit)


async def filing_referral(visit: Visit, params: ReferralParams) -> Answer:
    """2501."""
    facts = Referral(
        to=_place(params.to),
        to_region=params.to_region,
        way=params.way,
        on=params.on,
        reason=params.reason,
        opinion=params.opinion,
        diagnosis=Disease(params.diagnosis.code, params.diagnosis.name),
        condition=params.condition,
        agreed=params.agreed,
        span=Span(_set(params.since), _set(params.until)),
        contact=_contact(params.contact),
    )
    return await _file(visit, params, facts)


async def filing_disease(visit: Visit, params: DiseaseFilingParams) -> Answer:
    """2503."""
    facts = ChronicDisease(
        disease=Disease(params.disease.code, params.disease.name),
        established_on=params.established_on,
        doctor_code=params.doctor_code,
        doctor_name=params.doctor_name,
        span=Span(params.since, _set(params.until)),
        at=_place(params.at),
        contact=_contact(params.contact),
        memo=params.memo,
    )
    return await _file(visit, params, facts)


async def filing_institution(visit: Visit, params: InstitutionFilingParams) -> Answer:
    """2505."""
    facts = OwnInstitution(
        application=params.application,
        order=params.order,
        span=Span(params.since, _set(params.until)),
        at=_place(params.at),
        contact=_contact(params.contact),
        agent=_agent(params.agent),
        memo=params.memo,
    )
    return await _file(visit, params, facts)


async def filing_accident(visit: Visit, params: AccidentParams) -> Answer:
    """2507."""
    facts = Accident(
        source=params.source,
        pays=params.pays,
        span=Span(params.since, _set(params.until)),
        injured_on=params.injured_on,
        admitted_on=_set(params.admitted_on),
        place=params.place,
        cause=params.cause,
        contact=_contact(params.contact),
        agent=_agent(params.agent),
        memo=params.memo,
    )
    return await _file(visit, params, facts)


async def filing_withdraw(visit: Visit, params: FilingWithdrawParams) -> Answer:
    """2502, 2504, 2506."""
    return await _filings(visit).withdraw(visit.caller, params.request_id, params.filing_id, params.reason)


async def filing_get(visit: Visit, params: FilingGetParams) -> Answer:
    """What is known of one."""
    return await _filings(visit).get(visit.caller, filing_id=params.filing_id, request_id=params.request_id)


async def filing_list(visit: Visit, params: FilingListParams) -> Answer:
    """What is in doubt."""
    return await _filings(visit).list(params.after, params.limit, every=params.all)


async def filing_resolve(visit: Visit, params: FilingResolveParams) -> Answer:
    """A person saw what is true."""
    done = params.decision == "done"
    return await _filings(visit).resolve(visit.caller, params.filing_id, params.number, params.reference, done=done)


def _filings(visit: Visit) -> Filings:
    if visit.business.filings is None:
        raise Fault("request.not_found", "this daemon files nothing")
    return visit.business.filings


async def _file(visit: Visit, params: _FilingParams, facts: Facts) -> Answer:
    about = About(params.visit_id, params.card_read_id, params.insurance)
    return await _filings(visit).file(visit.caller, params.request_id, about, facts)


def _set(value: T | UnsetType) -> T | None:
    return None if isinstance(value, UnsetType) else value


def _place(place: PlaceParams | UnsetType) -> Place:
    return Place() if isinstance(place, UnsetType) else Place(place.code, place.name)


def _contact(contact: ContactParams | UnsetType) -> Contact:
    return Contact() if isinstance(contact, UnsetType) else Contact(contact.phone, contact.address)


def _agent(agent: AgentParams | UnsetType) -> Agent:
    if isinstance(agent, UnsetType):
        return Agent()
    return Agent(agent.name, agent.document, agent.number, agent.phone, agent.address, agent.relation)
