"""What the visits of a simulated day are treated for, and who must pay: the centre's own reading of the list, not ours.

Drawn by the seed from a stream of its own, so that a day with other categories is the same day in everything else.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping, Sequence

from attrs import evolve

from daemon.simulate.story import Story
from middleware.domain import centre as c
from middleware.domain.charge import Disease
from middleware.domain.kind import PRE_SETTLE_CALLS, SETTLE_CALLS, Call, VisitKind
from middleware.domain.money import Money
from middleware.domain.order import Maternity, RegisterOrder
from simulators.people import EMPLOYEE, MATERNITY, PEOPLE, REGION

_ELSEWHERE = "430100"  # where the person with that key is insured
_BALANCE = Money(800_000)
_DRAWN = {
    VisitKind.OUTPATIENT: ("11", "11", "13", "14", "51"),
    VisitKind.INPATIENT: ("2101", "2101", "22", "52"),
    VisitKind.PHARMACY: ("41",),
}
_WITH_FILING, _OF_MATERNITY = frozenset({"14"}), frozenset({"51", "52"})
_REGIONS = {p.card_number: _ELSEWHERE if key == "elsewhere" else REGION for key, p in PEOPLE.items()}
Nodes = Mapping[str, Sequence[Mapping[str, str]]]


def with_category(order: RegisterOrder, seed: int, number: int) -> RegisterOrder:
    """The order of that day's visit of that number, for what it is treated for, with what the category wants to know."""
    med_type = random.Random(f"category/{seed}/{number}").choice(_DRAWN[order.kind])  # noqa: S311 - seeded on purpose
    disease = Disease("M03900", "高血压") if med_type in _WITH_FILING else None
    maternity = Maternity(dt.date(2026, 11, 2)) if med_type in _OF_MATERNITY else None
    return evolve(order, med_type=med_type, disease=disease, maternity=maternity)


def person_known(holder: c.Holder) -> c.PersonKnown:
    """1101's answer: the person number is the card's, so that the books can be compared.

    Everybody has an insurance of maternity, and it comes first: whoever takes the first one takes the wrong one.
    """
    number = holder.card_number.reveal()
    kinds = (MATERNITY, EMPLOYEE)
    covers = tuple(c.Insurance(kind, "11", _REGIONS.get(number, REGION), _BALANCE, active=True) for kind in kinds)
    return c.PersonKnown(number, same_person=True, insurances=covers)


def looked_at(story: Story, call: Call, message_id: str, nodes: Nodes | None) -> None:
    """The category rules on what is in the message itself: the insurance that pays, its facts, the person's region."""
    rows = [row for name in ("data", "mdtrtinfo", "druginfo") for row in (nodes or {}).get(name, ())]
    for row in rows:
        med_type = row.get("med_type", "")
        if med_type and row.get("insutype"):
            wanted = MATERNITY if med_type in _OF_MATERNITY else EMPLOYEE
            good = row["insutype"] == wanted
            story.require("category", f"{call} {med_type} by {row['insutype']}", holds=good, about=message_id)
        if row.get("insuplc_admdvs") and call in PRE_SETTLE_CALLS | SETTLE_CALLS | {Call.REGISTER_VISIT}:
            good = row["insuplc_admdvs"] == _REGIONS.get(row["psn_no"], REGION)
            story.require("category", f"{call} as insured in {row['insuplc_admdvs']}", holds=good, about=message_id)
        if call in {Call.UPLOAD_VISIT, Call.ADMIT}:
            told = (med_type in _WITH_FILING) <= bool(row.get("dise_codg"))
            told = told and (med_type in _OF_MATERNITY) <= bool(row.get("birctrl_matn_date"))
            story.require("category", f"{call} {med_type} without its facts", holds=told, about=message_id)
