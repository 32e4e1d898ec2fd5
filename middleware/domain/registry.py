"""What registers hold: PSAMs, terminals, issuers, listed cards, and which old media belong to whom. Pure."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.card import HOSPITAL_CODE, INSURANCE_CARD, TREATMENT_CARD, CardRead

MAX_ENTRIES = 10_000  # of one register
MAX_PROPOSALS = 200  # that wait at one time


class Matter(StrEnum):
    """What a proposal is about. The first three are registers."""

    PSAM = "psam"
    TERMINAL = "terminal"
    ISSUER = "issuer"
    LIST = "list"
    CONFLICT = "conflict"
    MERGE = "merge"  # that a HIS told


REGISTERS = (Matter.PSAM, Matter.TERMINAL, Matter.ISSUER)


class PsamStatus(StrEnum):
    """Whether a PSAM may be used."""

    IN_USE = "in-use"
    LOST = "lost"
    WITHDRAWN = "withdrawn"


@frozen(slots=True)
class Psam:
    """One secure access module."""

    serial: str
    place: str  # the reader or slot it sits in
    terminal: str
    issuer: str  # region code of whoever loaded its keys
    key_version: str
    valid_to: dt.date
    status: PsamStatus = PsamStatus.IN_USE


@frozen(slots=True)
class Terminal:
    """One desk's terminal. Position in degrees (WGS 84); without one it is nowhere, and near everything."""

    terminal: str  # as in the account's session
    desk: str
    reader_serial: str = ""
    certificate: str = ""  # number of the reader's certificate of conformity (LD/T 33)
    latitude: float | None = None
    longitude: float | None = None


@frozen(slots=True)
class Issuer:
    """Who issues cards: a region code, since when, and by which specifications."""

    region: str
    name: str
    since: dt.date
    specs: tuple[str, ...]


Entry = Psam | Terminal | Issuer


class ListReason(StrEnum):
    """Why a card is listed."""

    LOST = "lost"
    BLACKLISTED = "blacklisted"


REFUSALS = {ListReason.LOST: "card.lost", ListReason.BLACKLISTED: "card.blacklisted"}


@frozen(slots=True)
class Listing:
    """What a list says of a card."""

    reason: ListReason
    since: dt.datetime
    list_id: str


class ListState(StrEnum):
    """A list's life."""

    LOADING = "loading"
    WAITING = "waiting"  # for a second person
    CURRENT = "current"
    ENDED = "ended"  # replaced, dropped, refused or broken off; its rows are gone or going


class UnknownIssuer(StrEnum):
    """What becomes of a card whose issuer is not in the register, or not for cards of its specification."""

    REFUSE = "refuse"
    WARN = "warn"
    ACCEPT = "accept"


class LinkState(StrEnum):
    """A link between an old medium and a person."""

    LINKED = "linked"
    DISPUTED = "disputed"  # it contradicts another one: nobody is told anything until two persons decided
    ENDED = "ended"  # decided against


LINKABLE = (TREATMENT_CARD, INSURANCE_CARD, HOSPITAL_CODE)  # media that carry a number and no identity


class ConflictKind(StrEnum):
    """How two links contradict each other."""

    TWO_PERSONS = "two-persons"  # one medium, two people
    TWO_MEDIA = "two-media"  # one person, two media of one kind
    NAME_DIFFERS = "name-differs"  # the same medium and person, under another name


class Keep(StrEnum):
    """What two persons decided of a conflict."""

    FIRST = "first"
    SECOND = "second"
    BOTH = "both"  # of two media or numbers only
    NEITHER = "neither"


def issuer_trouble(read: CardRead, issuer: Issuer | None) -> str:
    """Why this card is not one that a registered issuer issued, "" when it is, and for what no issuer's region is on."""
    if not read.region_code:
        return ""
    if issuer is None:
        return f"region {read.region_code} is not in the register"
    if read.spec_version not in issuer.specs:
        return f"{issuer.region} issues no cards of specification {read.spec_version}"
    if read.issued_on is not None and read.issued_on < issuer.since:
        return f"{issuer.region} issues cards since {issuer.since.isoformat()}"
    return ""


REFUSED_PSAM = frozenset({"psam.lost", "psam.not_in_use", "psam.unknown"})


def psam_trouble(psam: Psam | None, today: dt.date) -> str:
    """The fault code that keeps a PSAM from being used, "" when it may be."""
    if psam is None:
        return "psam.unknown"
    if psam.status is PsamStatus.LOST:
        return "psam.lost"
    if psam.status is PsamStatus.WITHDRAWN or today > psam.valid_to:
        return "psam.not_in_use"
    return ""


def contradiction(*, same_medium: bool, same_person: bool, same_name: bool) -> ConflictKind | None:
    """How two links of one kind of medium contradict each other; None when they say the same, or have nothing in common."""
    if same_medium and not same_person:
        return ConflictKind.TWO_PERSONS
    if same_person and not same_medium:
        return ConflictKind.TWO_MEDIA
    return ConflictKind.NAME_DIFFERS if same_medium and not same_name else None
