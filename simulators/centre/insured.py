"""What the centre knows of a person: covers, personal account, and how the simulator treats him or her."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable

from attrs import field, frozen

from middleware.domain.money import ZERO, Money
from simulators.people import CADRE, EMPLOYEE, MATERNITY, PEOPLE, REGION, RESIDENT, WORK_INJURY, CardPerson

SERIOUS_ILLNESS = "392"  # 城乡居民大病医疗保险
IN_SERVICE, RETIRED, ADULT_RESIDENT = "11", "12", "15"  # psn_type
_RETIREMENT_AGE = {"1": 60, "2": 55}
_TODAY = dt.date(2026, 1, 1)  # ages are fixed, so that a run next year computes the same

# What the built-in people bring to the counter; everybody else of the same insurance gets the default.
_BALANCES = {"employee": Money(320_000), "lost-reply": Money(80_000), "four-byte": Money(12_345)}
_DEFAULT_BALANCE = Money(150_000)
# Person key -> what happens to that person's settlement, every time.
BEHAVIOURS = {"lost-reply": "lose-reply", "refused": "refuse"}


@frozen(slots=True)
class Cover:
    """One insurance of a person: a row of insuinfo."""

    kind: str  # insutype
    person_type: str  # psn_type
    region: str  # insuplc_admdvs
    balance: Money  # of the personal account at the start
    status: str = "1"  # psn_insu_stas
    suspended_on: str = ""  # paus_insu_date
    civil_servant: bool = False
    assisted: bool = False  # medical assistance bears a part of what remains in scope

    @property
    def is_active(self) -> bool:
        """Insured and not suspended."""
        return self.status == "1" and not self.suspended_on


@frozen(slots=True)
class InsuredPerson:
    """A person at the centre. Synthetic, yet never shown in clear by ``repr``."""

    key: str
    person_number: str  # psn_no
    id_number: str = field(repr=False)
    name: str = field(repr=False)
    sex: str
    nation: str
    birth_date: dt.date = field(repr=False)
    covers: tuple[Cover, ...]
    filings: frozenset[str] = frozenset()  # listed diseases (dise_codg) that were filed for
    behaviour: str = ""  # a fault action for this person's 2207, "" for none

    def cover(self, kind: str) -> Cover | None:
        """The cover of that kind, or None."""
        return next((cover for cover in self.covers if cover.kind == kind), None)


def _person_number(person: CardPerson) -> str:
    """The centre's own number: of no card and no id number, as at a real centre."""
    digits = int(hashlib.sha256(person.key.encode()).hexdigest(), 16) % 10**14
    return f"{person.region}{digits:014d}"


# People whose covers are not what their card's insurance alone would give.
ELSEWHERE, FORBIDDEN = "430100", "530100"  # regions of other provinces
COVERS = {
    "cadre": (Cover(CADRE, "13", REGION, ZERO),),
    "maternity": (Cover(MATERNITY, IN_SERVICE, REGION, ZERO), Cover(EMPLOYEE, IN_SERVICE, REGION, Money(60_000))),
    "elsewhere": (Cover(EMPLOYEE, IN_SERVICE, ELSEWHERE, Money(90_000)),),
    "far-away": (Cover(EMPLOYEE, IN_SERVICE, FORBIDDEN, Money(90_000)),),
    "injured": (Cover(EMPLOYEE, IN_SERVICE, REGION, Money(70_000)), Cover(WORK_INJURY, IN_SERVICE, REGION, ZERO)),
    "relief": (Cover(RESIDENT, ADULT_RESIDENT, REGION, ZERO, assisted=True),),
    "civil-servant": (Cover(EMPLOYEE, IN_SERVICE, REGION, Money(110_000), civil_servant=True),),
    "serious-illness": (
        Cover(RESIDENT, ADULT_RESIDENT, REGION, ZERO),
        Cover(SERIOUS_ILLNESS, ADULT_RESIDENT, REGION, ZERO),
    ),
}
FILINGS = {"chronic": frozenset({"M03900"}), "elsewhere": frozenset({"M03900"})}


def insure(person: CardPerson) -> InsuredPerson:
    """The centre's record of a card holder."""
    employed = person.insurance == EMPLOYEE
    if person.key in COVERS:
        return _insured(person, COVERS[person.key], person.key)
    age = _TODAY.year - person.birth_date.year
    kind = ADULT_RESIDENT
    if employed:
        kind = RETIRED if age >= _RETIREMENT_AGE.get(person.sex, 60) else IN_SERVICE
    balance = _BALANCES.get(person.key, _DEFAULT_BALANCE) if employed else ZERO
    return _insured(person, (Cover(person.insurance, kind, person.region, balance),), person.key)


def _insured(person: CardPerson, covers: tuple[Cover, ...], key: str) -> InsuredPerson:
    return InsuredPerson(
        key=key,
        person_number=_person_number(person),
        id_number=person.id_number,
        name=person.name,
        sex=person.sex,
        nation=person.nation,
        birth_date=person.birth_date,
        covers=covers,
        filings=FILINGS.get(person.key, frozenset()),
        behaviour=BEHAVIOURS.get(person.key, ""),
    )


def everybody(people: Iterable[CardPerson] = tuple(PEOPLE.values())) -> tuple[InsuredPerson, ...]:
    """All the synthetic people, insured."""
    return tuple(insure(person) for person in people)
