r"""What each method takes: one struct a method, every field bounded. Schemas and reference pages come from here.

Lengths are those of the centre's fields (2201, 2203, 2204), so that a message refused there is refused here, earlier
and with our own words. A pattern ends with ``(?![\s\S])`` and not with ``$``: in Python ``$`` lets a line feed pass.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from middleware.domain.charge import MAX_LINES

MAX_DIAGNOSES = 16
END = r"(?![\s\S])"

Key = Annotated[
    str,
    Meta(
        pattern=rf"^[A-Za-z0-9._:-]{{1,64}}{END}",
        description="幂等键，由调用方生成，每笔业务唯一；重发必须用同一个值 / "
        "the idempotency key, made by the caller, one a business; a repeat uses the same",
    ),
]
Id = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._:-]{{1,64}}{END}")]
OptionalId = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9._:-]{{0,64}}{END}")]
# Visible ASCII: what the centre's code columns hold.
Code = Annotated[str, Meta(pattern=rf"^[!-~]{{1,30}}{END}")]
OptionalCode = Annotated[str, Meta(pattern=rf"^[!-~]{{0,30}}{END}")]
LongCode = Annotated[str, Meta(pattern=rf"^[!-~]{{1,50}}{END}")]
HospitalCode = Annotated[str, Meta(pattern=rf"^[!-~]{{1,150}}{END}")]
ShortCode = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9.]{{1,10}}{END}")]
NO_CONTROLS = r"[^\u0000-\u001f\u007f-\u009f\u2028\u2029]"
Name = Annotated[str, Meta(min_length=1, max_length=100, pattern=rf"^{NO_CONTROLS}+{END}")]
PersonText = Annotated[str, Meta(min_length=1, max_length=50, pattern=rf"^{NO_CONTROLS}+{END}")]
OptionalName = Annotated[str, Meta(max_length=100, pattern=rf"^{NO_CONTROLS}*{END}")]
OptionalPersonText = Annotated[str, Meta(max_length=50, pattern=rf"^{NO_CONTROLS}*{END}")]
OptionalShortCode = Annotated[str, Meta(pattern=rf"^[A-Za-z0-9.]{{0,10}}{END}")]
Remark = Annotated[str, Meta(max_length=200, pattern=rf"^{NO_CONTROLS}*{END}")]
ReaderName = Annotated[str, Meta(min_length=1, max_length=128, pattern=rf"^{NO_CONTROLS}+{END}")]
# [0-9] and not \d, which in Python is every script's digits.
Amount = Annotated[
    str, Meta(pattern=rf"^[0-9]{{1,14}}(\.[0-9]{{1,2}})?{END}", description='元，文本 / yuan, as text: "185.39"')
]
UnitPrice = Annotated[str, Meta(pattern=rf"^[0-9]{{1,10}}(\.[0-9]{{1,6}})?{END}", description="元 / yuan")]
Quantity = Annotated[str, Meta(pattern=rf"^[0-9]{{1,12}}(\.[0-9]{{1,4}})?{END}")]
When = Annotated[dt.datetime, Meta(tz=True, description='ISO 8601 带时区 / with offset: "2026-11-20T09:30:00+08:00"')]
Insurance = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9]{{0,6}}{END}",
        description="险种，空为第一个有效险种 / insurance kind (insutype); empty = the first active one",
    ),
]


_HIS_SAYS = "空则取 HIS 主数据（his.masters）/ empty: as the HIS's register says"


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Parameters of one method: unknown names are refused, types are exact."""


class HelloParams(Params, frozen=True, kw_only=True):
    """session.hello."""

    token: Annotated[str, Meta(min_length=1, max_length=512, description="账号令牌 / the account's token")]
    client: Annotated[
        str, Meta(max_length=64, pattern=rf"^[ -~]*{END}", description="程序名和版本 / program and version")
    ] = ""
    charset: Annotated[
        Literal["UTF-8", "GB18030"],
        Meta(description="此应答之后双向报文的编码 / charset of every line after this answer, both ways"),
    ] = "UTF-8"


class NoParams(Params, frozen=True, kw_only=True):
    """Methods that take nothing."""


class CardReadParams(Params, frozen=True, kw_only=True):
    """card.read."""

    reader: Annotated[ReaderName, Meta(description="reader.list 给出的名称 / a name from reader.list")]


MAX_ORDERS = 20
Phone = Annotated[
    str, Meta(pattern=rf"^[0-9+() -]{{0,20}}{END}", description="电话，加密保存，告知 HIS / sealed; told to the HIS")
]
Appointment = Annotated[
    str,
    Meta(pattern=rf"^[!-~]{{0,30}}{END}", description="预约号，随 HL7 报文发给 HIS / the appointment, told to the HIS"),
]
OrderNumbers = Annotated[
    list[Annotated[str, Meta(pattern=rf"^[!-~]{{1,30}}{END}")]],
    Meta(max_length=MAX_ORDERS, description="医嘱或申请单号，同上 / order numbers, the same"),
]


class DiseaseParams(Params, frozen=True, kw_only=True):
    """The listed disease for which the person has a filing."""

    code: Annotated[str, Meta(pattern=rf"^[!-~]{{1,30}}{END}", description="病种编码 / dise_codg")]
    name: Annotated[Name, Meta(description="病种名称 / dise_name")]


class MaternityParams(Params, frozen=True, kw_only=True):
    """What a maternity visit is told."""

    on: Annotated[dt.date, Meta(description="生育或手术日期 / day of the birth or operation")]
    operation: Annotated[
        str, Meta(pattern=rf"^[0-9]?{END}", description="计划生育手术类别 / birctrl_type, when it is one")
    ] = ""


class RegisterParams(Params, frozen=True, kw_only=True):
    """patient.register."""

    request_id: Key
    card_read_id: Annotated[Id, Meta(description="card.read 的结果 / from card.read")]
    patient_number: Annotated[
        OptionalId, Meta(description="HIS 已有的病人号，没有则空 / the HIS's own number, when it has one")
    ] = ""
    kind: Annotated[
        Literal["outpatient", "pharmacy"], Meta(description="就诊方式；药店不需科室和医生 / a pharmacy needs no department")
    ] = "outpatient"
    department_code: OptionalCode = ""
    department_name: Annotated[OptionalName, Meta(description=_HIS_SAYS)] = ""
    specialty: Annotated[
        OptionalShortCode, Meta(description=f"科别 / the centre's code of the specialty (caty); {_HIS_SAYS}")
    ] = ""
    doctor_code: OptionalCode = ""
    doctor_name: Annotated[OptionalPersonText, Meta(description=_HIS_SAYS)] = ""
    begun_at: Annotated[When, Meta(description="就诊开始时间 / when the visit began")]
    med_type: Annotated[
        str,
        Meta(
            pattern=rf"^([0-9]{{1,6}})?{END}",
            description="医疗类别，空为 11（药店 41）/ medical category; empty = 11, of a pharmacy 41; 13 emergency, "
            "14 chronic (needs disease), 51 maternity (needs maternity)",
        ),
    ] = ""
    insurance: Insurance = ""
    disease: DiseaseParams | UnsetType = UNSET
    maternity: MaternityParams | UnsetType = UNSET
    appointment: Appointment = ""
    order_numbers: OrderNumbers | UnsetType = UNSET
    phone: Phone = ""
    employer: OptionalName = ""


class DiagnosisParams(Params, frozen=True, kw_only=True):
    """One diagnosis."""

    code: Annotated[str, Meta(pattern=rf"^[!-~]{{1,20}}{END}", description="ICD-10")]
    name: Name
    kind: Annotated[str, Meta(pattern=rf"^[0-9]{{1,3}}{END}", description="诊断类别 / 1 = western medicine, main")] = "1"
    order: Annotated[int, Meta(ge=0, le=99, description="排序号，0 为按先后 / from 1; 0 = its place in the list")] = 0


class AdmitParams(Params, frozen=True, kw_only=True):
    """inpatient.admit."""

    request_id: Key
    card_read_id: Annotated[Id, Meta(description="card.read 的结果 / from card.read")]
    patient_number: OptionalId = ""
    stay_number: Annotated[Id, Meta(description="住院号 / the hospital's number of the stay (ipt_no)")]
    department_code: Code
    department_name: Annotated[OptionalName, Meta(description=_HIS_SAYS)] = ""
    bed: Annotated[Code, Meta(description="床位 / bed")]
    doctor_code: Code
    doctor_name: Annotated[OptionalPersonText, Meta(description=_HIS_SAYS)] = ""
    begun_at: Annotated[When, Meta(description="入院时间 / when the stay began")]
    description: Annotated[
        str,
        Meta(min_length=1, max_length=200, pattern=rf"^{NO_CONTROLS}+{END}", description="入院诊断描述 / why, in words"),
    ]
    diagnoses: Annotated[list[DiagnosisParams], Meta(min_length=1, max_length=MAX_DIAGNOSES)]
    med_type: Annotated[
        str, Meta(pattern=rf"^[0-9]{{1,6}}{END}", description="医疗类别 / 2101 ordinary, 22 injury, 52 maternity")
    ] = "2101"
    insurance: Insurance = ""
    disease: DiseaseParams | UnsetType = UNSET
    maternity: MaternityParams | UnsetType = UNSET
    appointment: Appointment = ""
    order_numbers: OrderNumbers | UnsetType = UNSET
    phone: Phone = ""
    employer: OptionalName = ""


class ChargeLineParams(Params, frozen=True, kw_only=True):
    """One line of the bill."""

    line_id: Annotated[
        str,
        Meta(
            pattern=rf"^[A-Za-z0-9._-]{{1,30}}{END}",
            description="费用明细流水号 / the HIS's number of this line, unique in the bill",
        ),
    ]
    catalogue_code: Annotated[LongCode, Meta(description="医保目录编码 / code in the insurance catalogue")]
    hospital_code: Annotated[HospitalCode, Meta(description="院内目录编码 / the hospital's own code")]
    name: Name
    unit_price: UnitPrice
    quantity: Quantity
    amount: Annotated[Amount, Meta(description="与单价×数量相差不超过 1 分 / within one fen of unit_price x quantity")]
    charged_at: When
    department_code: Code
    department_name: Name
    doctor_code: Code
    doctor_name: PersonText
    approval: Annotated[str, Meta(pattern=rf"^[0-9]{{1,3}}{END}", description="医院审批标志 / hospital approval flag")] = (
        "0"
    )
    prescription_no: OptionalCode = ""


class ChargeParams(Params, frozen=True, kw_only=True):
    """inpatient.charge."""

    request_id: Key
    visit_id: Id
    lines: Annotated[list[ChargeLineParams], Meta(min_length=1, max_length=MAX_LINES)]


class DischargeParams(Params, frozen=True, kw_only=True):
    """inpatient.discharge."""

    request_id: Key
    visit_id: Id
    ended_at: Annotated[When, Meta(description="出院时间 / when the stay ended")]
    way: Annotated[str, Meta(pattern=rf"^[0-9]{{1,3}}{END}", description="离院方式 / dscg_way; 1 = as ordered")] = "1"
    department_code: Annotated[OptionalCode, Meta(description="出院科室，空同入院 / empty: as admitted")] = ""
    department_name: OptionalName = ""
    bed: OptionalCode = ""
    diagnoses: Annotated[list[DiagnosisParams], Meta(min_length=1, max_length=MAX_DIAGNOSES)]


class ChangeParams(Params, frozen=True, kw_only=True):
    """inpatient.change."""

    request_id: Key
    visit_id: Id
    department_code: Annotated[OptionalCode, Meta(description="空为不变，以下同 / empty: as it is, so below")] = ""
    department_name: OptionalName = ""
    bed: OptionalCode = ""
    doctor_code: OptionalCode = ""
    doctor_name: OptionalPersonText = ""
    diagnoses: Annotated[
        list[DiagnosisParams],
        Meta(min_length=1, max_length=MAX_DIAGNOSES, description="全部诊断，首个为主 / all of them, the main one first"),
    ]


class VisitParams(Params, frozen=True, kw_only=True):
    """inpatient.withdraw_charges, inpatient.undo_discharge, visit.withdraw."""

    request_id: Key
    visit_id: Id


class VisitGetParams(Params, frozen=True, kw_only=True):
    """visit.get."""

    visit_id: Id


class QuoteParams(Params, frozen=True, kw_only=True):
    """settlement.quote."""

    request_id: Key
    visit_id: Annotated[Id, Meta(description="patient.register 的结果 / from patient.register")]
    diagnoses: (
        Annotated[
            list[DiagnosisParams],
            Meta(min_length=1, max_length=MAX_DIAGNOSES, description="门诊必填 / required for an outpatient"),
        ]
        | UnsetType
    ) = UNSET
    lines: (
        Annotated[
            list[ChargeLineParams],
            Meta(
                min_length=1,
                max_length=MAX_LINES,
                description="住院不填，按已上传费用 / left out for a stay: all that was charged",
            ),
        ]
        | UnsetType
    ) = UNSET
    use_account: Annotated[bool, Meta(description="使用个人账户 / pay from the personal account first")] = True
    appointment: Appointment = ""
    order_numbers: OrderNumbers | UnsetType = UNSET


class PaymentParams(Params, frozen=True, kw_only=True):
    """How the own share is paid. The card's data go to the bank; track 2 and PIN block are never stored."""

    means: Annotated[Literal["cash", "bank_card"], Meta(description="现金（由收费员收取）或银行卡 / cash, or bank card")]
    card_number: Annotated[str, Meta(pattern=rf"^[0-9]{{0,19}}{END}", description="银行卡号 / PAN")] = ""
    expiry: Annotated[str, Meta(pattern=rf"^([0-9]{{4}})?{END}", description="YYMM")] = ""
    track2: Annotated[str, Meta(pattern=rf"^[0-9=D]{{0,37}}{END}", description="二磁道 / track 2")] = ""
    pin_block: Annotated[
        str, Meta(pattern=rf"^([0-9A-Fa-f]{{16}})?{END}", description="密码键盘加密的 PIN / as the PIN pad encrypted it")
    ] = ""

    def __repr__(self) -> str:
        return f"PaymentParams({self.means})"


class SettleParams(Params, frozen=True, kw_only=True):
    """settlement.settle."""

    request_id: Key
    settlement_id: Annotated[Id, Meta(description="settlement.quote 的结果 / from settlement.quote")]
    total: Annotated[Amount, Meta(description="已向病人确认的总额 / the total that the patient confirmed")]
    cash: Annotated[Amount, Meta(description="已向病人确认的现金 / the cash part that the patient confirmed")]
    payment: Annotated[
        PaymentParams | UnsetType,
        Meta(description="个人自付如何支付，缺省为现金 / how the own share is paid; left out = cash"),
    ] = UNSET
    password: Annotated[
        str,
        Meta(
            pattern=rf"^[!-~]{{0,32}}{END}",
            description="参保人输入的卡或电子凭证密码，仅部分地区需要；不保存、不记账 / "
            "what the person typed; some regions want it; never stored",
        ),
    ] = ""

    def __repr__(self) -> str:
        return f"SettleParams({self.settlement_id})"


class CancelParams(Params, frozen=True, kw_only=True):
    """settlement.cancel."""

    request_id: Key
    settlement_id: Id
    reason: Remark = ""


class GetParams(Params, frozen=True, kw_only=True):
    """settlement.get, settlement.explain: exactly one of the two."""

    settlement_id: OptionalId = ""
    request_id: Annotated[
        OptionalId, Meta(description="做预结算或结算时用的 request_id / that of the quote or settle request")
    ] = ""


class ShiftTotalsParams(Params, frozen=True, kw_only=True):
    """shift.totals: half open, since <= t < until."""

    since: When
    until: When


Digest = Annotated[
    str,
    Meta(
        pattern=rf"^[0-9a-f]{{32}}{END}",
        description="desk.list 或 desk.show 所示的处理建议 / the proposal as desk.list or desk.show shows it",
    ),
]
# What goes into the chain: no names and no id numbers, which a chain could not forget.
Reference = Annotated[str, Meta(min_length=1, max_length=100, pattern=rf"^{NO_CONTROLS}+{END}")]


class DeskListParams(Params, frozen=True, kw_only=True):
    """desk.list."""

    after: Annotated[OptionalId, Meta(description="上一页的 next_after / next_after of the page before")] = ""
    limit: Annotated[int, Meta(ge=1, le=200)] = 100


class DeskShowParams(Params, frozen=True, kw_only=True):
    """desk.show."""

    settlement_id: Id


class EvidenceParams(Params, frozen=True, kw_only=True):
    """What a decision rests on."""

    kind: Annotated[
        Literal["telephone", "portal", "letter", "file"],
        Meta(description="电话、中心系统、函件、中心文件 / by telephone, the centre's own system, a letter, a file of it"),
    ]
    reference: Annotated[
        Reference, Meta(description="凭此可再查到；不写姓名和证件号 / to find it again; no names, no id numbers")
    ]
    note: Annotated[Remark, Meta(description="不写姓名和证件号 / no names, no id numbers")] = ""
    sha256: Annotated[
        str,
        Meta(pattern=rf"^([0-9a-f]{{64}})?{END}", description="附件的 SHA-256，附件由医院保存 / of a file that you keep"),
    ] = ""


class CentreAmountsParams(Params, frozen=True, kw_only=True):
    """The amounts that the centre holds."""

    total: Amount
    fund: Amount
    account: Amount
    cash: Amount
    hospital: Amount = "0.00"


class DeskProposeParams(Params, frozen=True, kw_only=True):
    """desk.propose: ``settled`` needs number, time and amounts, ``cancelled`` number and time, the others neither."""

    settlement_id: Id
    decision: Annotated[
        Literal[
            "settled",
            "reversed",
            "cancelled",
            "stands",
            "payment-released",
            "payment-captured",
            "payment-not-captured",
            "payment-refunded",
            "payment-not-refunded",
            "payment-collected",
        ],
        Meta(
            description="结算未明：settled 中心有、reversed 中心没有；撤销未明：cancelled 已撤销、stands 未撤销 / "
            "of a settlement in doubt: settled, reversed; of a cancel: cancelled, stands; payment-...: 银行侧 / at the bank"
        ),
    ]
    evidence: EvidenceParams
    centre_number: Annotated[
        str, Meta(pattern=rf"^[!-~]{{0,30}}{END}", description="中心结算号 / the centre's number (setl_id)")
    ] = ""
    centre_time: Annotated[When | UnsetType, Meta(description="中心的结算时间 / the centre's own time (setl_time)")] = UNSET
    amounts: CentreAmountsParams | UnsetType = UNSET
    clearing_type: Annotated[str, Meta(pattern=rf"^[!-~]{{0,30}}{END}", description="清算类别 / clr_type")] = ""
    clearing_way: Annotated[str, Meta(pattern=rf"^[!-~]{{0,30}}{END}", description="清算方式 / clr_way")] = ""
    clearing_agency: Annotated[str, Meta(pattern=rf"^[!-~]{{0,30}}{END}", description="清算经办机构 / clr_optins")] = ""


class DeskApproveParams(Params, frozen=True, kw_only=True):
    """desk.approve."""

    settlement_id: Id
    proposal: Digest


class DeskRejectParams(Params, frozen=True, kw_only=True):
    """desk.reject."""

    settlement_id: Id
    proposal: Digest
    reason: Annotated[Remark, Meta(description="不写姓名和证件号 / no names, no id numbers")] = ""
