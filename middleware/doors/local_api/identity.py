"""One identity and what the HIS told: identity.*, inbox.failed, inbox.retry, charge.list, his.masters, and its charges."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.domain.fault import Fault
from middleware.domain.identity import MediumNumber
from middleware.domain.masters import MasterKind
from middleware.domain.order import HisQuoteOrder
from middleware.domain.told import NumberKind
from middleware.doors.local_api import mapping
from middleware.doors.local_api.handlers import Visit
from middleware.doors.local_api.params import END, MAX_DIAGNOSES, DiagnosisParams, Id, Key, OptionalId, Params, Remark
from middleware.doors.local_api.results import Result, When
from middleware.engine.counter import Answer
from middleware.engine.told import HisTold

_MOST = (1 << 53) - 1
Number = Annotated[str, Meta(pattern=rf"^[!-~]{{1,64}}{END}")]
OptionalNumber = Annotated[str, Meta(pattern=rf"^[!-~]{{0,64}}{END}")]
_CLEAR = "给出理由则显示全部号码和姓名，理由加密记入账本 / with a reason nothing is masked; sealed"


class IdentityListParams(Params, frozen=True, kw_only=True):
    """identity.list."""

    after: OptionalId = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 100
    all: Annotated[bool, Meta(description="也列出已照办或已撤销的合并 / also merges that were followed or undone")] = False
    reason: Annotated[Remark, Meta(description=_CLEAR)] = ""


class IdentityShowParams(Params, frozen=True, kw_only=True):
    """identity.show."""

    kind: Annotated[
        Literal[
            "his-patient", "his-inpatient", "his-master", "treatment-card", "health-card", "insurance-card",
            "hospital-code", "id-number",
        ],
        Meta(description="号码种类 / which number"),
    ]  # fmt: skip
    number: Number
    reason: Annotated[Remark, Meta(description=_CLEAR)] = ""


class IdentityResolveParams(Params, frozen=True, kw_only=True):
    """identity.resolve: what becomes of a conflict or of a merge, for another person to approve (registry.approve)."""

    key: Annotated[Id, Meta(description="identity.list 的 key / of identity.list")]
    decision: Annotated[
        Literal["first", "second", "both", "neither", "follow", "undo"],
        Meta(
            description="冲突：保留哪一条；合并：follow 照办、undo 撤销 / of a conflict: which link is kept; "
            "of a merge: follow it or undo it"
        ),
    ]
    note: Annotated[Remark, Meta(description="依据，加密保存 / why; sealed")] = ""


class IdentityMergeParams(Params, frozen=True, kw_only=True):
    """identity.merge: two patient numbers that the HIS told of."""

    prior: Annotated[Number, Meta(description="并入的病人号，此后不用 / the number that is used no more")]
    kept: Annotated[Number, Meta(description="保留的病人号 / the number that goes on")]
    note: Annotated[Remark, Meta(description="依据，加密保存 / why; sealed")] = ""


class InboxFailedParams(Params, frozen=True, kw_only=True):
    """inbox.failed."""

    after: Annotated[int, Meta(ge=0, le=_MOST)] = 0
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class InboxRetryParams(Params, frozen=True, kw_only=True):
    """inbox.retry."""

    sequence: Annotated[int, Meta(ge=1, le=_MOST, description="inbox.failed 的 sequence / of inbox.failed")]


class ChargeListParams(Params, frozen=True, kw_only=True):
    """charge.list."""

    patient: Annotated[
        OptionalNumber,
        Meta(description="HIS 的病人号；空为收取后又被改动的 / empty: what the HIS changed after it was taken"),
    ] = ""
    all: Annotated[bool, Meta(description="也列出已撤销的 / also what was withdrawn")] = False


class QuoteFromHisParams(Params, frozen=True, kw_only=True):
    """settlement.quote_from_his: the lines that the HIS sent over HL7 for the patient of this visit."""

    request_id: Key
    visit_id: Annotated[Id, Meta(description="patient.register 的结果 / from patient.register")]
    patient: Annotated[
        OptionalNumber,
        Meta(description="HIS 的病人号；空为就诊登记时的号 / the HIS's number; empty: that of the registration"),
    ] = ""
    encounter: Annotated[OptionalNumber, Meta(description="只取该就诊号（PV1-19）的明细 / of this encounter only")] = ""
    diagnoses: (
        Annotated[
            list[DiagnosisParams],
            Meta(min_length=1, max_length=MAX_DIAGNOSES, description="门诊必填 / required for an outpatient"),
        ]
        | UnsetType
    ) = UNSET
    use_account: Annotated[bool, Meta(description="使用个人账户 / pay from the personal account first")] = True


class ChargeFromHisParams(Params, frozen=True, kw_only=True):
    """inpatient.charge_from_his: the lines that the HIS sent over HL7 for the patient of this stay."""

    request_id: Key
    visit_id: Annotated[Id, Meta(description="inpatient.admit 的结果 / from inpatient.admit")]
    patient: Annotated[
        OptionalNumber,
        Meta(description="HIS 的病人号；空为入院登记时的号 / the HIS's number; empty: that of the admission"),
    ] = ""
    encounter: Annotated[OptionalNumber, Meta(description="只取该就诊号（PV1-19）的明细 / of this encounter only")] = ""


_Kind = Annotated[
    Literal["department", "staff", "item"],
    Meta(description="科室、人员或收费项目 / departments, staff or charge items"),
]


class HisMastersParams(Params, frozen=True, kw_only=True):
    """his.masters."""

    kind: _Kind
    code: Annotated[OptionalNumber, Meta(description="只看该编码 / that code only")] = ""
    after: Annotated[str, Meta(pattern=rf"^([a-z0-9_-]{{1,32}}/[0-9a-f]{{64}})?{END}")] = ""
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class HisMasterParams(Params, frozen=True, kw_only=True):
    """his.master."""

    kind: _Kind
    code: Number
    reason: Annotated[Remark, Meta(min_length=1, description="为何查看，加密记入账本 / why; journalled, sealed")]


class NumberFacts(Result, frozen=True, kw_only=True):
    """One number of a patient."""

    kind: str
    number: str


class PersonFacts(Result, frozen=True, kw_only=True):
    """One side: what is known; masked without a reason."""

    number: str
    name: str
    id_number: str
    birth_date: str
    sex: str
    mother: Annotated[str, Meta(description="新生儿之母的病人号 / of a newborn: the mother's number")]
    numbers: list[NumberFacts]


class IdentityMatter(Result, frozen=True, kw_only=True):
    """A conflict of links or a merge."""

    key: str
    matter: Literal["conflict", "merge"]
    kind: str
    state: str
    found_at: When
    first: PersonFacts
    second: PersonFacts
    speaks_for: Annotated[
        list[str], Meta(description="相同：document 证件、name 姓名、birth_date、sex、number / what is the same")
    ]
    speaks_against: Annotated[list[str], Meta(description="不同 / what differs")]


class IdentityListResult(Result, frozen=True, kw_only=True):
    """identity.list."""

    rows: list[IdentityMatter]
    next_after: str
    complete: bool


class PatientRow(PersonFacts, frozen=True, kw_only=True):
    """A patient of the HIS, as it stands after merges."""

    person_id: str
    sequence: Annotated[int, Meta(description="最近一条报文在收件箱的编号 / the newest message about it, in the inbox")]


class LinkRow(Result, frozen=True, kw_only=True):
    """A link between a number and a person."""

    link_id: str
    kind: str
    state: str
    moved: bool
    made_at: When
    number: str
    name: str
    id_number: str


class IdentityShowResult(Result, frozen=True, kw_only=True):
    """identity.show."""

    patients: list[PatientRow]
    links: list[LinkRow]


class FailedRow(Result, frozen=True, kw_only=True):
    """A message that was taken and could not be acted on."""

    sequence: int
    link: str
    type: str
    state: Annotated[str, Meta(description="failed | retry")]
    code: str
    zh: str
    detail: Annotated[str, Meta(description="指明字段，不含内容 / names a field, never what stands in it")]
    attempts: int
    at: When


class InboxFailedResult(Result, frozen=True, kw_only=True):
    """inbox.failed."""

    rows: list[FailedRow]
    next_after: int
    complete: bool


class InboxRetryResult(Result, frozen=True, kw_only=True):
    """inbox.retry."""

    sequence: int
    state: str


class HisLine(Result, frozen=True, kw_only=True):
    """A line as the HIS said it last."""

    link: str
    line_id: str
    state: Annotated[str, Meta(description="open | withdrawn")]
    encounter: str
    catalogue_code: str
    hospital_code: str
    unit_price: str
    quantity: str
    amount: str
    charged_at: When
    lacks: Annotated[list[str], Meta(description="结算还缺什么 / what a bill still needs")]
    version: Annotated[int, Meta(description="HIS 说过几次不同内容 / how often the HIS said something else")]
    changed_late: Annotated[bool, Meta(description="已进入结算后又被改动 / changed after a settlement had taken it")]
    settlement_id: str
    inbox: int


class ChargeListResult(Result, frozen=True, kw_only=True):
    """charge.list."""

    lines: list[HisLine]


class HisMaster(Result, frozen=True, kw_only=True):
    """A record of one of the HIS's registers, as it stands now."""

    link: str
    kind: str
    code: str
    state: Annotated[str, Meta(description="active | inactive | deleted")]
    version: Annotated[int, Meta(description="HIS 说过几次不同内容 / how often the HIS said something else")]
    effective_at: When
    inbox: Annotated[int, Meta(description="所据报文在收件箱的编号 / the message that said so, in the inbox")]
    name: str
    specialty: Annotated[str, Meta(description="科室：科别 / of a department: the centre's code (caty)")]
    department: Annotated[str, Meta(description="人员：所属科室编码 / of staff: its department's code")]
    national: Annotated[str, Meta(description="人员：医保编码 / of staff: the centre's code")]
    catalogue: Annotated[str, Meta(description="收费项目：医保目录编码 / of an item: its code in the insurance catalogue")]
    price: Annotated[str, Meta(description="收费项目：单价 / of an item: yuan")]


class MasterWord(Result, frozen=True, kw_only=True):
    """A field of the record, as the HIS sent it."""

    place: Annotated[str, Meta(description="段和字段，如 Z02-3 / segment and field, as Z02-3")]
    value: Annotated[str, Meta(description="原文 / as it came")]


class HisMasterWhole(HisMaster, frozen=True, kw_only=True):
    """A record with all that the HIS said of it."""

    said: Annotated[
        list[MasterWord],
        Meta(description="HIS 发来的全部字段，至多 64 个 / every field that the HIS sent, at most 64"),
    ]


class HisMasterResult(Result, frozen=True, kw_only=True):
    """his.master: of each link that tells of this code."""

    rows: list[HisMasterWhole]


class HisMastersResult(Result, frozen=True, kw_only=True):
    """his.masters."""

    rows: list[HisMaster]
    next_after: str
    complete: bool


def _told(visit: Visit) -> HisTold:
    if visit.business.told is None:
        raise Fault("request.not_found", "this daemon takes nothing from a HIS")
    return visit.business.told


async def identity_list(visit: Visit, params: IdentityListParams) -> Answer:
    """What waits for two persons."""
    return await _told(visit).identities.matters(visit.caller, params.after, params.limit, params.reason, every=params.all)


async def identity_show(visit: Visit, params: IdentityShowParams) -> Answer:
    """What is known by a number."""
    kind, number = NumberKind(params.kind), MediumNumber(params.number)
    return await _told(visit).identities.show(visit.caller, kind, number, params.reason)


async def identity_resolve(visit: Visit, params: IdentityResolveParams) -> Answer:
    """Propose a decision."""
    return await _told(visit).identities.resolve(visit.caller, params.key, params.decision, params.note)


async def identity_merge(visit: Visit, params: IdentityMergeParams) -> Answer:
    """Propose a merge."""
    numbers = (MediumNumber(params.prior), MediumNumber(params.kept))
    return await _told(visit).identities.merge(visit.caller, *numbers, params.note)


async def inbox_failed(visit: Visit, params: InboxFailedParams) -> Answer:
    """What could not be acted on."""
    return await _told(visit).intake.failures(params.after, params.limit)


async def inbox_retry(visit: Visit, params: InboxRetryParams) -> Answer:
    """Try it again."""
    return await _told(visit).intake.retry(visit.caller, params.sequence)


async def charge_list(visit: Visit, params: ChargeListParams) -> Answer:
    """The HIS's lines."""
    return await _told(visit).charges.list(MediumNumber(params.patient), every=params.all)


async def his_masters(visit: Visit, params: HisMastersParams) -> Answer:
    """A register of the HIS."""
    return await _told(visit).masters.list(MasterKind(params.kind), params.code, params.after, params.limit)


async def his_master(visit: Visit, params: HisMasterParams) -> Answer:
    """One record of it."""
    return await _told(visit).masters.show(visit.caller, MasterKind(params.kind), params.code, params.reason)


async def inpatient_charge_from_his(visit: Visit, params: ChargeFromHisParams) -> Answer:
    """Charge the HIS's open lines to the stay."""
    order = HisQuoteOrder(params.visit_id, params.patient, params.encounter, ())
    return await visit.business.counter.charge_from_his(visit.caller, params.request_id, order)


async def settlement_quote_from_his(visit: Visit, params: QuoteFromHisParams) -> Answer:
    """Quote the HIS's open lines."""
    diagnoses = () if params.diagnoses is UNSET else mapping.diagnoses_of(params.diagnoses)
    order = HisQuoteOrder(params.visit_id, params.patient, params.encounter, diagnoses, params.use_account)
    return await visit.business.counter.quote_from_his(visit.caller, params.request_id, order)
