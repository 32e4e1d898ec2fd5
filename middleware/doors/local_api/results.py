"""What each method answers: the shapes of ``engine/counter.py`` as structs, for schemas, pages and tests.

The running door does not check the engine's answers against these; ``Method.check_result`` does, in tests.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from middleware.domain.card import READER_STATES

Yuan = Annotated[str, Meta(pattern=r"^-?[0-9]{1,14}\.[0-9]{2}(?![\s\S])", description='元 / yuan, two places: "18785.39"')]
When = Annotated[dt.datetime, Meta(tz=True)]


class Result(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An answer. A client ignores members it does not know: later versions may add some."""


class SessionLimits(Result, frozen=True, kw_only=True):
    """What this session may cost."""

    line_bytes: int
    depth: int
    in_flight: int
    idle_timeout_s: float


class HelloResult(Result, frozen=True, kw_only=True):
    """session.hello."""

    account: str
    role: Literal["his", "pos", "bureau", "operator"]
    terminal: str
    charset: Literal["UTF-8", "GB18030"]
    version: str
    methods: Annotated[list[str], Meta(description="本角色可用的方法 / the methods of this role")]
    limits: SessionLimits


class ReaderState(Result, frozen=True, kw_only=True):
    """One reader now."""

    name: str
    state: Annotated[str, Meta(description=" | ".join(READER_STATES))]
    fault: Annotated[str, Meta(description="state 为 failed 时的错误码 / a fault code when failed, else empty")]


class ReaderListResult(Result, frozen=True, kw_only=True):
    """reader.list."""

    readers: list[ReaderState]


class ReaderWatchResult(Result, frozen=True, kw_only=True):
    """reader.watch; from now on ``reader.card`` notifications come until the connection closes."""

    watching: bool


class CardNotice(Result, frozen=True, kw_only=True):
    """The params of the notification ``reader.card``."""

    kind: Literal["inserted", "removed"]
    reader: str
    at: When


class CardFacts(Result, frozen=True, kw_only=True):
    """The card itself."""

    kind: str
    region_code: str
    card_number: str
    spec_version: str
    issued_on: str
    expires_on: str


class CardHolder(Result, frozen=True, kw_only=True):
    """Its holder: in clear for role his, masked for every other."""

    name: str
    id_number: str
    sex: str
    nation: str
    birth_date: str
    photo: Annotated[
        str, Meta(description="身份证相片，原样（WLT），Base64；其他卡为空 / an id card's photo as it is (WLT); else empty")
    ] = ""


class ClinicalFact(Result, frozen=True, kw_only=True):
    """One item as the card has it, not interpreted: a code is a code, a blank is no "no"."""

    file: str
    record: int
    tag: str
    zh: str
    en: str
    state: Literal["read", "blank", "missing", "unreadable"]
    text: str


class EmergencyFacts(Result, frozen=True, kw_only=True):
    """For emergencies: items for role his alone; ``fault`` is why nothing was read."""

    fault: Annotated[str, Meta(description="没能读出的原因 / why nothing was read; else empty")]
    items: Annotated[
        list[ClinicalFact], Meta(description="卡上原样，不作解释；仅角色 his / as the card has it; for role his alone")
    ]


class CardReadResult(Result, frozen=True, kw_only=True):
    """card.read."""

    card_read_id: str
    expires_at: When
    reader: str
    card: CardFacts
    holder: CardHolder
    emergency: Annotated[
        EmergencyFacts | UnsetType,
        Meta(description="居民健康卡的急救信息 / of a resident health card: clinical basics and allergies"),
    ] = UNSET
    warnings: Annotated[
        list[str] | UnsetType,
        Meta(description="可用但有异常 / odd, and good all the same: issuer_unknown 发卡机构未登记"),
    ] = UNSET


class MaskedHolder(Result, frozen=True, kw_only=True):
    """Who was registered, masked."""

    name: str
    id_number: str
    card_number: str


class InsuranceFacts(Result, frozen=True, kw_only=True):
    """By which insurance the visit is settled."""

    kind: str
    person_type: str
    region: str
    balance: Yuan


class WithReferences(Result, frozen=True, kw_only=True):
    """What the hospital itself calls it; absent when nobody said so."""

    appointment: str | UnsetType = UNSET
    order_numbers: list[str] | UnsetType = UNSET


class RegisterResult(WithReferences, frozen=True, kw_only=True):
    """patient.register."""

    visit_id: str
    status: Literal["registered"]
    patient_number: str
    visit_number: str
    his: Annotated[
        Literal["acknowledged", "pending", "untold"],
        Meta(description="untold：此类就诊不通知 HIS / the HIS is not told of such visits"),
    ]
    holder: MaskedHolder
    insurance: InsuranceFacts


class FundFacts(Result, frozen=True, kw_only=True):
    """What one fund pays."""

    kind: str
    name: str
    amount: Yuan


class SplitFacts(Result, frozen=True, kw_only=True):
    """How the bill splits; total = fund + account + cash + hospital, negative on a cancel."""

    total: Yuan
    fund: Yuan
    account: Yuan
    cash: Yuan
    hospital: Yuan
    personal: Yuan
    family_account: Yuan
    self_paid: Yuan
    over_limit: Yuan
    first_self_paid: Yuan
    in_scope: Yuan
    deductible: Yuan
    balance_after: Yuan
    funds: list[FundFacts]


class QuoteRemark(Result, frozen=True, kw_only=True):
    """What the downloaded catalogues say against a line: a warning, never the centre's verdict."""

    line_id: Annotated[str, Meta(description="空为整笔 / empty = the visit")]
    code: Literal[
        "unknown", "not-yet", "expired", "withdrawn", "over-limit", "not-mapped", "mapped-otherwise", "unknown-value"
    ]
    catalogue: Annotated[str, Meta(description="依据的目录（交易编号） / the catalogue, by its transaction")]
    value: Annotated[str, Meta(description="日期、限价或代码 / a day, a limit, or a code")]
    zh: str
    en: str


class QuoteResult(WithReferences, frozen=True, kw_only=True):
    """settlement.quote."""

    settlement_id: str
    visit_id: str
    state: Literal["Quoted"]
    expires_at: When
    split: SplitFacts
    remarks: (
        Annotated[
            list[QuoteRemark],
            Meta(description="目录提示，最多 200 条；没有则缺省 / warnings by the catalogues, at most 200; absent: none"),
        ]
        | UnsetType
    ) = UNSET


class SettleResult(WithReferences, frozen=True, kw_only=True):
    """settlement.settle."""

    settlement_id: str
    visit_id: str
    state: Literal["Settled"]
    settlement_number: Annotated[str, Meta(description="中心结算号 / the centre's number (setl_id)")]
    settled_at: When
    message_id: str
    certain: Annotated[
        bool, Meta(description="否则中心返回的金额不平，须人工核对 / false: the centre's own amounts do not add up")
    ]
    split: SplitFacts


class CancelResult(WithReferences, frozen=True, kw_only=True):
    """settlement.cancel."""

    settlement_id: str
    visit_id: str
    state: Literal["Cancelled"]
    settlement_number: str
    cancelled_at: When
    message_id: str
    split: SplitFacts


class FaultFacts(Result, frozen=True, kw_only=True):
    """Why a settlement stands where it stands."""

    code: str
    zh: str
    en: str
    detail: str
    foreign: Annotated[str, Meta(description="对方原文 / the other side's own words")] = ""


class PaymentFacts(Result, frozen=True, kw_only=True):
    """The own share at the bank."""

    means: Literal["cash", "bank_card"]
    state: Annotated[
        str, Meta(description="Held, Captured, Released, Refunded, NotHeld, LegUnknown, LegManual, Collect ...")
    ] = ""
    held: Yuan = "0.00"
    charged: Annotated[Yuan, Meta(description="银行已扣且未退 / taken by the bank and not given back")] = "0.00"
    tries: int = 0
    reference: Annotated[str, Meta(description="银行参考号 / the bank's number (field 37)")] = ""
    authorisation: Annotated[str, Meta(description="授权码 / field 38")] = ""
    fault: FaultFacts | UnsetType = UNSET
    next_check_at: When | UnsetType = UNSET


class ShownVisit(Result, frozen=True, kw_only=True):
    """One visit that 5201 showed."""

    visit_number: str
    ours: Annotated[bool, Meta(description="本次就诊 / it is this visit")]
    med_type: str
    begun_at: str
    in_hospital: bool | UnsetType = UNSET


class ShownFacts(Result, frozen=True, kw_only=True):
    """Weak evidence: visits, never settlements. It decides nothing."""

    at: When
    message_id: str
    visits: list[ShownVisit]


class PursuitFacts(Result, frozen=True, kw_only=True):
    """What is being done about an outcome that is not known."""

    doing: Literal["first-check", "reversal", "visit-query", "file", "person"]
    zh: str
    en: str
    attempts: Annotated[int, Meta(description="已试冲正次数 / reversals tried")]
    since: Annotated[When | UnsetType, Meta(description="何时起结果未明 / in doubt since")] = UNSET
    asked: Annotated[
        list[Literal["reversal", "visit-query", "file"]] | UnsetType,
        Meta(description="已问过而不明确、或不再问的 / asked without a clear answer, or not to be asked"),
    ] = UNSET
    person_at: Annotated[When | UnsetType, Meta(description="最迟此时转人工 / a person decides then at the latest")] = UNSET
    shown: Annotated[
        ShownFacts | UnsetType, Meta(description="5201 查到的就诊，弱证据 / visits that 5201 showed: weak evidence")
    ] = UNSET


class OrderAmounts(Result, frozen=True, kw_only=True):
    """What the channel says is paid, or is to be."""

    total: Yuan
    fund: Annotated[Yuan, Meta(description="含医院负担 / with the hospital's own part")]
    account: Yuan
    cash: Yuan


class OrderFacts(Result, frozen=True, kw_only=True):
    """An order as it was last heard of."""

    our_number: Annotated[str, Meta(description="医疗机构订单号 / ours (medOrgOrd)")]
    order_number: str
    state: Annotated[str, Meta(description="ordStas 原值 / as it came")]
    standing: Literal["insurance-paid", "settled", "cancelled", "broken", "undecided"]
    called_off: bool
    notices: Annotated[int, Meta(description="收到的支付结果通知（6302）数 / notices heard")]
    expires_at: When | UnsetType = UNSET
    amounts: OrderAmounts | UnsetType = UNSET


class GetResult(Result, frozen=True, kw_only=True):
    """settlement.get; members of what is not known yet are absent."""

    settlement_id: str
    visit_id: str
    state: Annotated[
        str, Meta(description="Quoted, SettleSent, Ordered, Unknown, Settled, Delivered, Reversed, Cancelled, Manual ...")
    ]
    money: Literal["none", "charged", "unknown", "reversed", "cancelled"]
    delivered: Annotated[bool, Meta(description="HIS 已确认收到 / the HIS has acknowledged it")]
    total: Yuan
    quote: QuoteResult | UnsetType = UNSET
    settled: SettleResult | UnsetType = UNSET
    cancelled: CancelResult | UnsetType = UNSET
    fault: FaultFacts | UnsetType = UNSET
    next_check_at: Annotated[
        When | UnsetType, Meta(description="结果未明时下次查证时间 / when an unknown outcome is looked into next")
    ] = UNSET
    pursuit: Annotated[PursuitFacts | UnsetType, Meta(description="结果未明时 / while it is not known")] = UNSET
    payment: Annotated[PaymentFacts | UnsetType, Meta(description="用银行卡时 / when a bank card was used")] = UNSET
    order: Annotated[OrderFacts | UnsetType, Meta(description="移动支付时 / when it is paid by phone")] = UNSET


class Sums(Result, frozen=True, kw_only=True):
    """Count and sums of one kind."""

    count: int
    total: Yuan
    fund: Yuan
    account: Yuan
    cash: Yuan
    bank: Annotated[
        Yuan, Meta(description="现金中由银行卡支付（退回）的部分 / of the cash part: paid by, or back to, bank cards")
    ]


class UnknownCount(Result, frozen=True, kw_only=True):
    """Settlements whose outcome is not known yet; a batch that is closed names them."""

    count: int


class ShiftTotalsResult(Result, frozen=True, kw_only=True):
    """shift.totals."""

    terminal: str
    since: When
    until: When
    settled: Sums
    cancelled: Sums
    unknown: UnknownCount


class PartFacts(Result, frozen=True, kw_only=True):
    """One part of the daemon."""

    part: str
    condition: Literal["good", "degraded", "down"]
    fault: str
    detail: str
    zh: str
    en: str
    do_zh: str
    do_en: str


class StatusResult(Result, frozen=True, kw_only=True):
    """system.status."""

    version: str
    at: When
    condition: Annotated[Literal["good", "degraded", "down"], Meta(description="最差部件的状态 / that of the worst part")]
    parts: list[PartFacts]


class DeskEvidence(Result, frozen=True, kw_only=True):
    """What a decision rests on."""

    kind: str
    reference: str
    note: str
    sha256: str


class DeskAmounts(Result, frozen=True, kw_only=True):
    """The amounts that the centre holds, by the evidence."""

    total: Yuan
    fund: Yuan
    account: Yuan
    cash: Yuan
    hospital: Yuan


class DeskProposal(Result, frozen=True, kw_only=True):
    """A decision that waits for a second person, or that was approved."""

    proposal: Annotated[str, Meta(description="全部内容的摘要，复核时原样带回 / digest of all of it; approve names it")]
    decision: str
    evidence: DeskEvidence
    proposed_by: str
    proposed_at: When
    centre_number: str | UnsetType = UNSET
    centre_time: When | UnsetType = UNSET
    amounts: DeskAmounts | UnsetType = UNSET
    clearing_type: str | UnsetType = UNSET
    clearing_way: str | UnsetType = UNSET
    clearing_agency: str | UnsetType = UNSET


class DeskDecided(Result, frozen=True, kw_only=True):
    """What two persons decided."""

    proposal: DeskProposal
    approved_by: str
    approved_at: When


class DeskMessageIds(Result, frozen=True, kw_only=True):
    """By which the centre can be asked; empty when there was no such message."""

    settle: str
    cancel: str
    reversal: str


class DeskDifference(Result, frozen=True, kw_only=True):
    """A difference with the centre's books: its class and where it is written."""

    difference: Annotated[
        Literal["amounts", "only-here", "only-there", "refund-missing"],
        Meta(description="金额不符、仅医院有、仅中心有、缺退费 / the class; what to do: the operations page"),
    ] = msgspec.field(name="class")
    message_id: str
    refund: Annotated[bool, Meta(description="退费行 / of the refund's row")]
    day: Annotated[str, Meta(description="结算日 / the centre's settlement day")]
    run_id: str
    file_digest: Annotated[str, Meta(description="中心结果文件的 SHA-256 / of the centre's result file")]
    line: Annotated[int, Meta(description="文件中的行号 / the line in that file")]
    settlement_number: Annotated[str, Meta(description="文件中的结算号 / setl_id in that file")]
    found_at: When
    total: Annotated[Yuan | UnsetType, Meta(description="中心的金额 / the centre's amounts")] = UNSET
    fund: Yuan | UnsetType = UNSET
    account: Yuan | UnsetType = UNSET


class DeskRow(Result, frozen=True, kw_only=True):
    """One settlement as the desk sees it."""

    settlement_id: str
    visit_id: str
    visit_number: Annotated[str, Meta(description="中心就诊号 / the centre's number of the visit (mdtrt_id)")]
    state: str
    in_doubt: Annotated[str, Meta(description="结果未明的交易，如 2207、2305，否则空 / which call is in doubt, else empty")]
    total: Yuan
    account: str
    terminal: str
    settlement_number: Annotated[str, Meta(description="已知的中心结算号 / the centre's number when known")]
    attempts: Annotated[int, Meta(description="已试冲正次数 / reversals tried")]
    message_ids: DeskMessageIds
    since: Annotated[When | UnsetType, Meta(description="何时起结果未明 / in doubt since")] = UNSET
    next_check_at: When | UnsetType = UNSET
    pursuit: Annotated[PursuitFacts | UnsetType, Meta(description="正在做什么 / what is being done")] = UNSET
    why: FaultFacts | UnsetType = UNSET
    proposal: DeskProposal | UnsetType = UNSET
    decided: DeskDecided | UnsetType = UNSET
    payment: PaymentFacts | UnsetType = UNSET
    difference: Annotated[
        DeskDifference | UnsetType, Meta(description="与中心对账的差异 / how the centre's books differ from ours")
    ] = UNSET


class DeskErrand(Result, frozen=True, kw_only=True):
    """What was begun by itself at the centre, came to nothing, and waits for a person."""

    visit_id: str
    errand_id: str
    matter: str
    visit_number: Annotated[str, Meta(description="须撤销的中心就诊号 / the centre's visit that is to be taken back")]
    since: When
    next_check_at: Annotated[When | UnsetType, Meta(description="何时再试 / when it is tried again")] = UNSET
    why: FaultFacts | UnsetType = UNSET


class DeskListResult(Result, frozen=True, kw_only=True):
    """desk.list."""

    rows: list[DeskRow]
    errands: Annotated[
        list[DeskErrand] | UnsetType,
        Meta(description="须人工处理的就诊登记，仅首页 / registrations that wait for a person; with the first page only"),
    ] = UNSET
    next_after: str
    complete: Annotated[bool, Meta(description="没有下一页 / there is no further page")]


class DeskMessage(Result, frozen=True, kw_only=True):
    """One message to the centre and its end."""

    message_id: str
    call: str
    outcome: Annotated[str, Meta(description="空为尚无结果 / empty while there is none")]
    intended_at: When
    ended_at: When | UnsetType = UNSET


class DeskLine(Result, frozen=True, kw_only=True):
    """One journal record."""

    sequence: int
    at: When
    event: str
    before: str
    after: str
    message_id: str
    by: Annotated[str, Meta(description="要求者的账号 / the account that asked for it")]
    said: str
    foreign: Annotated[str, Meta(description="对方原文 / the other side's own words")]


class DeskShowResult(DeskRow, frozen=True, kw_only=True):
    """desk.show."""

    messages: list[DeskMessage]
    journal: list[DeskLine]
    quoted: SplitFacts | UnsetType = UNSET
