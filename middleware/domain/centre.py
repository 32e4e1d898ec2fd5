"""What we ask of the insurance centre and what it tells us, in our words.

The centre's field names (psn_no, mdtrt_id, setl_id ...) live in ``adapters/insurance`` only; the glossary joins the two.
"""

from __future__ import annotations

import datetime as dt

from attrs import field, frozen

from middleware.domain import catalogue
from middleware.domain.catalogue import CatalogueReply, CatalogueRequest
from middleware.domain.charge import ChargeLine, Diagnosis, Disease
from middleware.domain.credential import BY_CARD, Credential
from middleware.domain.filing import File, Filed, Withdraw
from middleware.domain.filing import call_of as filing_call
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, Password, PersonName
from middleware.domain.kind import CALLS, CANCEL_CALLS, FINISH_CALLS, MONEY_CALLS, SETTLE_CALLS, Call, VisitKind
from middleware.domain.mobile import CALLS as ORDER_CALLS
from middleware.domain.mobile import OrderReply, OrderRequest
from middleware.domain.money import ZERO, Money
from middleware.domain.order import Maternity
from middleware.domain.query import QUESTIONS, AskCentre, CentreRows
from middleware.domain.split import Split
from middleware.domain.statement import DetailRow, Period, Refunds, ResultRow, Slice, Totals

__all__ = ["CANCEL_CALLS", "FINISH_CALLS", "MONEY_CALLS", "SETTLE_CALLS", "Call"]


@frozen(slots=True)
class Holder:
    """Who is being treated, as the centre and the HIS must be told. Personal data: never journalled, never logged."""

    id_number: IdNumber
    name: PersonName
    card_number: CardNumber
    card_id_code: CardIdCode
    sex: str
    nation: str
    birth_date: dt.date
    credential: Credential = BY_CARD
    phone: str = field(default="", repr=False)  # as said at the counter; of no card
    employer: str = field(default="", repr=False)


@frozen(slots=True)
class SignIn:
    """9001."""

    operator: str
    terminal_mac: str
    terminal_ip: str


@frozen(slots=True)
class QueryPerson:
    """1101: who is this, and how are they insured."""

    holder: Holder
    at: dt.datetime


@frozen(slots=True)
class VisitFacts:
    """What identifies a registered visit at the centre in every later call."""

    person_number: str  # psn_no
    visit_number: str  # mdtrt_id
    insurance: str  # insutype: 310 employee, 390 resident ...
    person_type: str  # psn_type
    insured_region: str  # insuplc_admdvs, six digits
    med_type: str  # 11 ordinary outpatient ...
    kind: VisitKind = VisitKind.OUTPATIENT
    disease: Disease | None = None  # dise_codg: of a category that has one
    maternity: Maternity | None = None
    begun_at: dt.datetime | None = None  # of a pharmacy's visit, which nothing else tells
    ended_at: dt.datetime | None = None  # of a stay that has ended


@frozen(slots=True)
class RegisterVisit:
    """2201: open an outpatient visit; the answer carries the centre's visit number."""

    holder: Holder
    person_number: str
    insurance: str
    person_type: str
    insured_region: str
    begun_at: dt.datetime
    outpatient_no: str  # ipt_otp_no: our own visit id, unique in the institution
    department_code: str
    department_name: str
    specialty: str  # caty
    doctor_code: str
    doctor_name: str


@frozen(slots=True)
class Admit:
    """2401: a stay begins; the answer carries the centre's visit number."""

    visit: VisitFacts  # without a visit number
    holder: Holder
    begun_at: dt.datetime
    our_number: str  # medrcdno: our own visit id, under which a lost answer is found again
    stay_number: str  # ipt_no: the hospital's
    description: str
    bed: str
    diagnoses: tuple[Diagnosis, ...]
    department_code: str
    department_name: str
    doctor_code: str
    doctor_name: str


@frozen(slots=True)
class Discharge:
    """2402: the stay ended."""

    visit: VisitFacts
    ended_at: dt.datetime
    way: str  # dscg_way
    bed: str
    diagnoses: tuple[Diagnosis, ...]
    department_code: str
    department_name: str
    doctor_code: str
    doctor_name: str


@frozen(slots=True)
class ChangeAdmission:
    """2403: what was told with the admission is otherwise; all of it is told anew."""

    visit: VisitFacts
    holder: Holder
    begun_at: dt.datetime
    stay_number: str  # ipt_otp_no
    our_number: str  # medrcdno
    description: str
    bed: str
    diagnoses: tuple[Diagnosis, ...]
    department_code: str
    department_name: str
    doctor_code: str
    doctor_name: str


@frozen(slots=True)
class WithdrawDischarge:
    """2405: the stay goes on."""

    visit: VisitFacts


@frozen(slots=True)
class WithdrawVisit:
    """2202, 2404: the registration never was."""

    visit: VisitFacts
    our_number: str  # ipt_otp_no


@frozen(slots=True)
class WithdrawCharges:
    """2205, 2302: all lines of the visit that are not settled are taken back."""

    visit: VisitFacts


@frozen(slots=True)
class QueryVisits:
    """5201: which visits has the centre of this person, of this category, begun between two times. Weak evidence."""

    visit: VisitFacts
    since: dt.datetime
    until: dt.datetime


@frozen(slots=True)
class UploadVisit:
    """2203, or 2203A where a pharmacy treats as outpatients are: medical category and diagnoses of the visit."""

    visit: VisitFacts
    begun_at: dt.datetime
    diagnoses: tuple[Diagnosis, ...]
    department_name: str
    doctor_code: str
    doctor_name: str
    call: Call = Call.UPLOAD_VISIT  # one of UPLOAD_VISIT_CALLS


@frozen(slots=True)
class UploadCharges:
    """2204: all lines of one charge batch, in one call. 2301: lines of a stay, which has no batches."""

    visit: VisitFacts
    batch: str  # chrg_bchno
    lines: tuple[ChargeLine, ...]


@frozen(slots=True)
class PreSettle:
    """2206: how would this batch split. 2303: all of a stay that is not settled. 2101: these lines. Moves nothing."""

    visit: VisitFacts
    holder: Holder
    batch: str
    total: Money
    use_account: bool  # acct_used_flag
    lines: tuple[ChargeLine, ...] = ()  # of a pharmacy, which uploads none


@frozen(slots=True)
class Settle:
    """2207, 2304, 2102: settle it. ``quoted`` is the quote, four amounts of which go back (insurance.md 1.4)."""

    visit: VisitFacts
    holder: Holder
    batch: str
    total: Money
    use_account: bool
    quoted: Split
    lines: tuple[ChargeLine, ...] = ()  # of a pharmacy
    password: Password | None = None  # the person's, where a region wants it


@frozen(slots=True)
class CancelSettlement:
    """2208, 2305, 2103: undo a finished settlement."""

    visit: VisitFacts
    settlement_number: str  # setl_id


@frozen(slots=True)
class Confirm:
    """9901, 9902: make final what the centre said yes to, or ask whether it stands (old Zhejiang, old Chifeng)."""

    visit: VisitFacts
    settlement_number: str  # setl_id
    call: Call  # one of FINISH_CALLS


@frozen(slots=True)
class Reverse:
    """2601: undo exactly one message whose outcome is unknown or unwanted."""

    visit: VisitFacts
    original_message_id: str  # omsgid
    original_call: Call  # oinfno


@frozen(slots=True)
class SignOut:
    """9002: end the sign-in of that number, on a day that has one. An old centre wants its cycle compared before it."""

    sign_number: str
    operator: str


@frozen(slots=True)
class CompareTotals:
    """3201: are these the centre's totals, too? Moves nothing; a lost answer is asked again under a new message id.

    ``slice.insurance`` is never "" here. ``totals.cash`` is not sent. With a ``cycle`` (the number of a sign-in) the
    message goes out under that sign-in, and the centre counts the rows made under it instead of those of the period.
    """

    slice: Slice
    period: Period
    totals: Totals
    refunds: Refunds = Refunds.TOGETHER
    cycle: str = ""


@frozen(slots=True)
class UploadFile:
    """9101: hand over the rows of one ``Slice.of_detail``, at most ``MAX_STATEMENT_ROWS``; the adapter makes the file.

    ``name`` is ours: 1-100 of letters, digits, ``_`` and ``-``, without an extension. ``prepare`` raises
    ``Fault("statement.*")`` for rows that cannot be written (a row without a number, a control character, too many
    rows); the detail names row and column.
    """

    name: str
    rows: tuple[DetailRow, ...] = field(repr=False)


@frozen(slots=True)
class CompareDetail:
    """3202: compare the uploaded file. ``slice`` is ``Slice.of_detail``; ``totals`` are those of the file's rows.

    ``totals.account`` is not sent.
    """

    slice: Slice
    period: Period
    totals: Totals
    file_number: str  # FileUploaded.file_number
    refunds: Refunds = Refunds.TOGETHER


@frozen(slots=True)
class DownloadFile:
    """9102: fetch the result; number and name as ``DetailCompared`` gave them."""

    file_number: str
    file_name: str


StatementRequest = SignOut | CompareTotals | UploadFile | CompareDetail | DownloadFile
CounterRequest = (
    SignIn | QueryPerson | RegisterVisit | UploadVisit | UploadCharges | PreSettle | Settle | CancelSettlement | Reverse
    | Admit | Discharge | ChangeAdmission | WithdrawDischarge | WithdrawVisit | WithdrawCharges | QueryVisits | Confirm
)  # fmt: skip
ServiceRequest = AskCentre | File | Withdraw
# What goes in the common envelope.
EnvelopeRequest = CounterRequest | StatementRequest | ServiceRequest | CatalogueRequest
CentreRequest = EnvelopeRequest | OrderRequest

_CALL_OF: dict[type, Call] = {
    SignIn: Call.SIGN_IN,
    QueryPerson: Call.QUERY_PERSON,
    RegisterVisit: Call.REGISTER_VISIT,
    Admit: Call.ADMIT,
    Discharge: Call.DISCHARGE,
    ChangeAdmission: Call.CHANGE_ADMISSION,
    WithdrawDischarge: Call.WITHDRAW_DISCHARGE,
    QueryVisits: Call.QUERY_VISITS,
    Reverse: Call.REVERSE,
    SignOut: Call.SIGN_OUT,
    CompareTotals: Call.COMPARE_TOTALS,
    CompareDetail: Call.COMPARE_DETAIL,
    UploadFile: Call.UPLOAD_FILE,
    DownloadFile: Call.DOWNLOAD_FILE,
    **ORDER_CALLS,
}


def _of_no_visit(request: CatalogueRequest | ServiceRequest) -> Call:
    if isinstance(request, CatalogueRequest):
        return catalogue.call_of(request)
    return QUESTIONS[request.question] if isinstance(request, AskCentre) else filing_call(request)


def call_of(request: CentreRequest) -> Call:
    """The transaction that carries this request; of some it is the kind of the visit that says which."""
    if isinstance(request, CatalogueRequest | ServiceRequest):
        return _of_no_visit(request)
    call: Call | None
    match request:
        case UploadCharges():
            call = CALLS[request.visit.kind].upload_charges
        case WithdrawCharges():
            call = CALLS[request.visit.kind].withdraw_charges
        case WithdrawVisit():
            call = CALLS[request.visit.kind].undo_register
        case PreSettle():
            call = CALLS[request.visit.kind].pre_settle
        case Settle():
            call = CALLS[request.visit.kind].settle
        case CancelSettlement():
            call = CALLS[request.visit.kind].cancel
        case Confirm() | UploadVisit():
            call = request.call
        case _:
            call = _CALL_OF[type(request)]
    if call is None:
        raise AssertionError(f"a kind of visit without {type(request).__name__}")
    return call


@frozen(slots=True)
class Insurance:
    """One line of a person's insuinfo."""

    kind: str  # insutype
    person_type: str  # psn_type
    region: str  # insuplc_admdvs
    balance: Money  # balc: the personal account
    active: bool  # psn_insu_stas and no suspension date
    civil_servant: bool = False


@frozen(slots=True)
class SignedIn:
    """9001's answer."""

    sign_number: str


@frozen(slots=True)
class PersonKnown:
    """1101's answer. ``same_person`` says that the centre's id number is the card's; the number itself stays outside."""

    person_number: str
    same_person: bool
    insurances: tuple[Insurance, ...]


@frozen(slots=True)
class VisitRegistered:
    """2201's answer."""

    visit_number: str


@frozen(slots=True)
class FoundVisit:
    """One visit that the centre has, as 5201 tells it."""

    visit_number: str
    our_number: str  # ipt_otp_no or medrcdno: what we gave with the registration, "" when the centre keeps it to itself
    med_type: str
    begun_at: str
    in_hospital: bool | None  # of a stay; None when it does not say


@frozen(slots=True)
class VisitsFound:
    """5201's answer."""

    visits: tuple[FoundVisit, ...]


@frozen(slots=True)
class Done:
    """The answer of 2202, 2205, 2302, 2402, 2404 and 2405: it was done."""


@frozen(slots=True)
class VisitUploaded:
    """2203's answer carries nothing."""


@frozen(slots=True)
class LineVerdict:
    """What the centre made of one line: 2204's result."""

    line_id: str
    amount: Money
    self_paid: Money
    over_limit: Money
    first_self_paid: Money
    in_scope: Money
    level: str  # chrgitm_lv: 01 class A, 02 class B, 03 self-paid

    @property
    def borne(self) -> bool:
        """Whether something of the line is not shared by any fund."""
        return any(amount != ZERO for amount in (self.self_paid, self.over_limit, self.first_self_paid))


@frozen(slots=True)
class ChargesTaken:
    """2204's answer."""

    lines: tuple[LineVerdict, ...]


@frozen(slots=True)
class Quoted:
    """2206's answer. ``cuts``: what 2101 says beside it of each line; None where nothing usable was told by line."""

    split: Split
    cuts: tuple[LineVerdict, ...] | None = None


@frozen(slots=True)
class Settled:
    """2207's answer: the centre holds it."""

    settlement_number: str  # setl_id
    settled_at: dt.datetime  # the centre's clock: the day of reconciliation (insurance.md 1.4)
    split: Split
    clearing_type: str  # clr_type
    clearing_way: str  # clr_way
    clearing_agency: str  # clr_optins
    visit_number: str = ""  # mdtrt_id, where only the settlement gives one: of a pharmacy


@frozen(slots=True)
class SettlementCancelled:
    """2208's answer: the amounts are negative and some are null (insurance.md, fact 6)."""

    settlement_number: str
    cancelled_at: dt.datetime
    split: Split


@frozen(slots=True)
class Confirmed:
    """9901's and 9902's answer carries nothing: it stands."""


@frozen(slots=True)
class Reversed:
    """2601's answer carries nothing."""


@frozen(slots=True)
class SignedOut:
    """9002's answer: the next message needs a new sign-in."""


@frozen(slots=True)
class TotalsCompared:
    """3201's answer. ``equal`` only for a code that the region lists as equal; any other code means: compare the rows."""

    equal: bool
    code: str  # stmt_rslt as it came
    message: str = field(repr=False)  # stmt_rslt_dscr, a stranger's text


@frozen(slots=True)
class FileUploaded:
    """9101's answer: the number that 3202 names, and the ZIP that was sent, to be kept sealed."""

    file_number: str
    content: bytes = field(default=b"", repr=False)


@frozen(slots=True)
class DetailCompared:
    """3202's answer: the result waits under that number and name. ``until`` by the centre's clock, None if unsaid."""

    file_number: str
    file_name: str
    until: dt.datetime | None


@frozen(slots=True)
class FileDownloaded:
    """9102's answer, read whole: every row kept every rule. ``digest`` is the SHA-256 of the ZIP, hex: the evidence."""

    rows: tuple[ResultRow, ...] = field(repr=False)
    digest: str
    content: bytes = field(default=b"", repr=False)  # the ZIP itself, to be kept sealed


@frozen(slots=True)
class FileRefused:
    """9102 was answered with a file that we refuse whole; nothing of it may be applied.

    ``fault`` is one of the codes ``statement.*`` of the fault table; ``detail`` says file, line, column and reason and
    holds no value. Asking again may bring a whole one.
    """

    fault: str
    detail: str
    digest: str
    content: bytes = field(default=b"", repr=False)  # the ZIP itself, to be kept sealed


CentreReply = (
    SignedIn
    | PersonKnown
    | VisitRegistered
    | VisitUploaded
    | VisitsFound
    | Done
    | ChargesTaken
    | Quoted
    | Settled
    | SettlementCancelled
    | Confirmed
    | Reversed
    | SignedOut
    | TotalsCompared
    | FileUploaded
    | DetailCompared
    | FileDownloaded
    | FileRefused
    | CentreRows
    | Filed
    | CatalogueReply
    | OrderReply
)
