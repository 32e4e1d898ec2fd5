"""Filings at the centre: a referral, a chronic disease, one's own institution, an accident; and taking one back.

A filing moves no money, yet without it money is not paid, so that none may be lost and none made twice. It is asked for
under a key and is sent again only when the centre certainly does not have it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen

from middleware.domain.charge import Disease
from middleware.domain.credential import Document
from middleware.domain.kind import Call
from middleware.domain.query import AskCentre, Insured, Question

LOOK_BACK_DAYS = 30  # a referral is looked for from so long before its day


class FilingKind(StrEnum):
    """What is filed."""

    REFERRAL = "referral"
    DISEASE = "disease"
    INSTITUTION = "institution"
    ACCIDENT = "accident"


class FilingState(StrEnum):
    """What is known of a filing, or of a withdrawal. ``sent`` is durable before a byte leaves."""

    SENT = "sent"
    UNKNOWN = "unknown"  # no clear answer: it may be there
    NOT_SENT = "not-sent"  # nothing of it left; the same request sends it
    DONE = "done"  # the centre has it; of a withdrawal: has it no more
    DECLINED = "declined"  # the centre said no


IN_DOUBT = frozenset({FilingState.SENT, FilingState.UNKNOWN})
OPEN = IN_DOUBT | {FilingState.NOT_SENT}


@frozen(slots=True)
class Calls:
    """Which transactions belong to one kind; ``asked`` shows whether it is there, None where none does."""

    make: Call
    undo: Call | None
    asked: Question | None


CALLS = MappingProxyType(
    {
        FilingKind.REFERRAL: Calls(Call.FILE_REFERRAL, Call.WITHDRAW_REFERRAL, Question.REFERRALS),
        FilingKind.DISEASE: Calls(Call.FILE_DISEASE, Call.WITHDRAW_DISEASE, Question.DISEASES),
        FilingKind.INSTITUTION: Calls(Call.FILE_INSTITUTION, Call.WITHDRAW_INSTITUTION, Question.INSTITUTIONS),
        FilingKind.ACCIDENT: Calls(Call.FILE_ACCIDENT, None, None),
    }
)
FILING_CALLS = frozenset(call for one in CALLS.values() for call in (one.make, one.undo) if call is not None)


@frozen(slots=True, repr=False)
class Contact:
    """How the person is reached. Personal data."""

    phone: str = ""
    address: str = ""


@frozen(slots=True, repr=False)
class Agent:
    """Who files for the person. Personal data."""

    name: str = ""
    document: str = ""  # psn_cert_type
    number: str = ""
    phone: str = ""
    address: str = ""
    relation: str = ""  # agnter_rlts


@frozen(slots=True)
class Place:
    """An institution; with empty members: this one."""

    code: str = ""
    name: str = ""


@frozen(slots=True)
class Span:
    """From when until when a filing holds; without an end: as the centre has it."""

    since: dt.date | None = None
    until: dt.date | None = None


@frozen(slots=True, repr=False)
class Referral:
    """2501: the person goes on to another institution."""

    to: Place
    to_region: str  # mdtrtarea_admdvs
    way: str  # refl_type
    on: dt.date
    reason: str
    opinion: str
    diagnosis: Disease
    condition: str = ""
    agreed: bool = True  # hosp_agre_refl_flag
    from_visit: str = ""  # the centre's number of the visit before
    span: Span = Span()
    contact: Contact = Contact()


@frozen(slots=True, repr=False)
class ChronicDisease:
    """2503: a listed disease, established by an institution."""

    disease: Disease
    established_on: dt.date
    doctor_code: str
    doctor_name: str
    span: Span  # with a beginning
    at: Place = Place()
    contact: Contact = Contact()
    memo: str = ""


@frozen(slots=True, repr=False)
class OwnInstitution:
    """2505: where the person is treated; by its application also a long stay elsewhere, a special drug and others."""

    application: str  # biz_appy_type
    order: str  # fix_srt_no
    span: Span  # with a beginning
    at: Place = Place()
    contact: Contact = Contact()
    agent: Agent = Agent()
    memo: str = ""


@frozen(slots=True, repr=False)
class Accident:
    """2507: an injury, and how it happened."""

    source: str  # dcla_souc
    pays: bool  # chk_pay_flag: what is said of whether insurance is to pay
    span: Span  # with a beginning
    injured_on: dt.date | None = None
    admitted_on: dt.date | None = None
    place: str = ""
    cause: str = ""
    contact: Contact = Contact()
    agent: Agent = Agent()
    memo: str = ""


Facts = Referral | ChronicDisease | OwnInstitution | Accident
KIND_OF: Mapping[type, FilingKind] = MappingProxyType(
    {
        Referral: FilingKind.REFERRAL,
        ChronicDisease: FilingKind.DISEASE,
        OwnInstitution: FilingKind.INSTITUTION,
        Accident: FilingKind.ACCIDENT,
    }
)


@frozen(slots=True)
class Documents:
    """By which an accident's person is named beside their number. Personal data."""

    kind: Document
    number: str = field(repr=False)
    name: str = field(repr=False)
    sex: str = ""


@frozen(slots=True)
class File:
    """2501, 2503, 2505, 2507."""

    who: Insured
    facts: Facts = field(repr=False)
    documents: Documents | None = None  # of an accident


@frozen(slots=True)
class Withdraw:
    """2502, 2504, 2506: the filing of that number is taken back."""

    who: Insured
    kind: FilingKind
    number: str  # trt_dcla_detl_sn
    reason: str = field(repr=False)


@frozen(slots=True)
class About:
    """Whom a caller means: the person of a visit, or the holder of a card just read; exactly one of the two."""

    visit_id: str = ""
    card_read_id: str = ""
    insurance: str = ""  # insutype to use; "" = the visit's, or the first active one


@frozen(slots=True)
class Filed:
    """The centre has it, under that number; a withdrawal's answer has none."""

    number: str = ""


def call_of(request: File | Withdraw) -> Call:
    """The transaction that carries it."""
    if isinstance(request, File):
        return CALLS[KIND_OF[type(request.facts)]].make
    call = CALLS[request.kind].undo
    if call is None:
        raise AssertionError(f"no withdrawal of {request.kind}")
    return call


def subject_of(facts: Facts) -> str:
    """What makes two filings of one person the same one."""
    match facts:
        case Referral():
            return f"{facts.to.code}|{facts.on.isoformat()}|{facts.diagnosis.code}"
        case ChronicDisease():
            return facts.disease.code
        case OwnInstitution():
            return f"{facts.application}|{facts.order}|{facts.at.code}"
        case Accident():
            return f"{_day(facts.injured_on)}|{_day(facts.span.since)}"


def _day(day: dt.date | None) -> str:
    return day.isoformat() if day is not None else ""


def question_about(who: Insured, facts: Facts, now: dt.datetime) -> AskCentre | None:
    """What to ask the centre so that it shows this filing; None where no transaction does."""
    asked = CALLS[KIND_OF[type(facts)]].asked
    if asked is None:
        return None
    if isinstance(facts, OwnInstitution):
        return AskCentre(asked, who, application=facts.application)
    if isinstance(facts, Referral):
        day = dt.timedelta(days=1)
        since = dt.datetime.combine(facts.on, dt.time(), now.tzinfo) - LOOK_BACK_DAYS * day
        return AskCentre(asked, who, since=since, until=max(now, since) + day)
    return AskCentre(asked, who)


def shown(facts: Facts, rows: tuple[Mapping[str, str], ...]) -> bool:
    """Whether one of the centre's rows is this filing."""
    match facts:
        case ChronicDisease():
            return any(row.get("disease_code") == facts.disease.code for row in rows)
        case OwnInstitution():
            return any((row.get("institution_code"), row.get("order")) == (facts.at.code, facts.order) for row in rows)
        case Referral():
            on = facts.on.isoformat()
            return any((row.get("to_code"), row.get("referred_on", "")[:10]) == (facts.to.code, on) for row in rows)
    return False
