"""What a card says of its holder, after every check that the card side can make."""

from __future__ import annotations

import datetime as dt

from attrs import field, frozen

from middleware.domain.credential import BY_CARD, Credential, Shown
from middleware.domain.fault import Fault
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, MediumNumber, PersonName


@frozen(slots=True)
class ClinicalItem:
    """One item for emergencies, as its card has it and nobody interpreted it: a code is a code, a blank is no "no".

    ``file`` and ``tag`` as declarations name them; ``record`` numbers what repeats, from 1, else 0. ``state``: "read",
    "blank" (never written), "missing" or "unreadable"; ``text`` is empty but for the first.
    """

    file: str
    record: int
    tag: str
    zh: str
    en: str
    state: str
    text: str = field(default="", repr=False)


@frozen(slots=True)
class Emergency:
    """What a health card says for emergencies; ``fault``: why nothing was read of it, beside a whole identity."""

    items: tuple[ClinicalItem, ...] = field(default=(), repr=False)
    fault: str = ""


@frozen(slots=True)
class CardRead:
    """One complete and checked read of what a person showed: never half an identity.

    What is not a social-security card leaves empty what only such a card has: region, card number and code, class,
    version, organisation, birthplace. An e-voucher has no dates of its own (``None``); an id card without an end is good
    until ``datetime.date.max``. Dates are the card's own; ``sex`` is GB/T 2261.1 ("1" man, "2" woman, "0"/"9" not said),
    ``nation`` the two digits of GB 3304, ``birthplace`` six digits of GB/T 2260. ``atr_historical`` is upper-case hex.
    """

    kind: str  # one of KINDS
    region_code: str  # first six of the card identification code: who issued it
    card_id_code: CardIdCode
    card_class: str
    spec_version: str  # "1.00", "2.00", "2.01"
    issuing_organisation: str  # 24 hex digits
    issued_on: dt.date | None
    expires_on: dt.date | None
    card_number: CardNumber
    id_number: IdNumber  # tag 08: the social-security number is the citizen id number
    name: PersonName
    sex: str
    nation: str
    birthplace: str
    birth_date: dt.date
    atr_historical: str
    reader: str  # the reader's name as PC/SC gives it
    credential: Credential = BY_CARD
    photo: bytes = field(default=b"", repr=False)  # of an id card, as its chip keeps it (WLT); never logged
    psam: str = ""  # serial of the PSAM that opened the card, where one had to: for the audit
    emergency: Emergency | None = field(default=None, repr=False)  # of a resident health card


@frozen(slots=True)
class MediumRead:
    """What an old card or a code of the hospital's own says when it says no identity: a number, and nothing checked."""

    kind: str  # one of KINDS
    number: MediumNumber
    reader: str


class UnlinkedError(Fault):
    """A number was read and nobody is known by it yet: ``medium`` is for whoever can find the person, or the HIS."""

    def __init__(self, medium: MediumRead) -> None:
        super().__init__("medium.no_identity", medium.kind)
        self.medium = medium


def person_read(
    kind: str,
    reader: str,
    credential: Credential,
    id_number: IdNumber,
    name: PersonName,
    *,
    birth_date: dt.date,
    sex: str,
    nation: str = "",
    validity: tuple[dt.date | None, dt.date | None] = (None, None),
    photo: bytes = b"",
) -> CardRead:
    """The read of what is no social-security card."""
    return CardRead(
        kind=kind,
        region_code="",
        card_id_code=CardIdCode(""),
        card_class="",
        spec_version="",
        issuing_organisation="",
        issued_on=validity[0],
        expires_on=validity[1],
        card_number=CardNumber(""),
        id_number=id_number,
        name=name,
        sex=sex,
        nation=nation,
        birthplace="",
        birth_date=birth_date,
        atr_historical="",
        reader=reader,
        credential=credential,
        photo=photo,
    )


def linked_read(medium: MediumRead, id_number: IdNumber, name: PersonName) -> CardRead:
    """Who shows an old medium that the registry of links knows: shown is the identity that the number is linked to."""
    if not id_number.is_detailed:
        raise UnlinkedError(medium)  # a foreigner's older number says neither birth date nor sex
    sex = "21"[id_number.is_male]
    credential = Credential(Shown.IDENTITY)
    return person_read(medium.kind, medium.reader, credential, id_number, name, birth_date=id_number.birth_date, sex=sex)


# What a person may show, by the name that answers, journal and configuration have for it.
SOCIAL_SECURITY_CARD = "social-security-card"
HEALTH_CARD = "health-card"
ID_CARD = "id-card"
HMT_PERMIT = "hmt-residence-permit"
FOREIGNER_CARD = "foreigner-residence-card"
TREATMENT_CARD = "treatment-card"
INSURANCE_CARD = "insurance-card"
E_VOUCHER = "e-voucher"
E_SOCIAL_SECURITY_CARD = "e-social-security-card"
HOSPITAL_CODE = "hospital-code"
KINDS = (
    SOCIAL_SECURITY_CARD, HEALTH_CARD, ID_CARD, HMT_PERMIT, FOREIGNER_CARD, TREATMENT_CARD, INSURANCE_CARD, E_VOUCHER,
    E_SOCIAL_SECURITY_CARD, HOSPITAL_CODE,
)  # fmt: skip


@frozen(slots=True)
class ReaderStatus:
    """What is known of one reader now. ``state`` is one of READER_STATES."""

    name: str
    state: str
    fault: str = ""  # a fault code, when state is "failed"


READER_STATES = ("absent", "empty", "card-present", "busy", "mute", "failed")


@frozen(slots=True)
class CardEvent:
    """A card came or went: ``kind`` is "inserted" or "removed"."""

    kind: str
    reader: str
    at: dt.datetime
