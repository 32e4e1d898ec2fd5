"""What a HIS's word about a patient changes, and what speaks for and against two being one. Pure; guesses nothing."""

from __future__ import annotations

from enum import StrEnum

from attrs import evolve

from middleware.domain.document import is_payable
from middleware.domain.identity import IdNumber, MediumNumber
from middleware.domain.told import MAX_NUMBERS, PatientFacts


class MergeState(StrEnum):
    """A merge that the HIS told us of."""

    FOLLOWED = "followed"
    DISPUTED = "disputed"  # their documents contradict each other: two persons decide
    UNDONE = "undone"


def contradicts(known: PatientFacts, told: PatientFacts) -> bool:
    """Whether two documents are said of one patient."""
    return bool(known.document) and bool(told.document) and known.document != told.document


def after_message(known: PatientFacts, told: PatientFacts, *, older: bool) -> PatientFacts:
    """What is known of a patient after one more message. ``older``: it came before one that was heard already.

    A message that names another document changes nothing. One that leaves something out takes nothing away; an older one
    only fills what is not known.
    """
    if contradicts(known, told):
        return known
    new, old = (known, told) if older else (told, known)
    numbers = list(dict.fromkeys((*new.numbers, *old.numbers)))
    return evolve(
        new,
        number=known.number,
        name=new.name or old.name,
        document=new.document or old.document,
        birth_date=new.birth_date or old.birth_date,
        sex=new.sex or old.sex,
        mother=new.mother or old.mother,
        numbers=tuple(numbers[:MAX_NUMBERS]),
    )


def merge_state(prior: PatientFacts, kept: PatientFacts) -> MergeState:
    """Whether the HIS is followed when it calls them one."""
    return MergeState.DISPUTED if contradicts(prior, kept) else MergeState.FOLLOWED


SPEAKS = ("document", "name", "birth_date", "sex", "number")


def speaking(first: PatientFacts, second: PatientFacts) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What speaks for their being one person, and what against; what one of them does not say speaks for nothing."""
    pairs = {
        "document": (first.document.reveal(), second.document.reveal()),
        "name": (first.name.reveal(), second.name.reveal()),
        "birth_date": (_birth(first), _birth(second)),
        "sex": (_sex(first), _sex(second)),
        "number": (first.number.reveal(), second.number.reveal()),
    }
    said = {name: one == other for name, (one, other) in pairs.items() if one and other}
    return tuple(name for name in SPEAKS if said.get(name)), tuple(name for name in SPEAKS if said.get(name) is False)


def _birth(facts: PatientFacts) -> str:
    detailed = _detailed(facts.document)
    return f"{detailed.birth_date:%Y%m%d}" if detailed else facts.birth_date


def _sex(facts: PatientFacts) -> str:
    detailed = _detailed(facts.document)
    return ("1" if detailed.is_male else "2") if detailed else facts.sex


def _detailed(document: IdNumber) -> IdNumber | None:
    return document if is_payable(document) and document.is_detailed else None


def is_the_holder(facts: PatientFacts, holder: IdNumber, patient: str, same: frozenset[str]) -> bool:
    """Whether charges of that patient are of the person whose card or voucher was read at this visit.

    ``patient`` is the HIS's number of the visit, ``same`` all numbers that are the patient of the charges. Either the
    document is that of the card, or no document speaks against it and the HIS's number is the visit's own.
    """
    if facts.document and is_payable(facts.document):
        return facts.document == holder
    return bool(patient) and (MediumNumber(patient) == facts.number or patient in same)
