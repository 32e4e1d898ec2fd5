"""What the centre can be asked about a person, a visit or a settlement: named questions, rows for an answer. Moves nothing.

Which columns an answer has stands in ``docs/centre-queries.md``, made from the centre's own tables; a value whose code
nobody knows is told as it came.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import field, frozen

from middleware.domain.fault import Fault
from middleware.domain.kind import Call

MAX_ROWS = 200  # of one page
MAX_PASSED = 20_000  # rows before it
MAX_DAYS = 366  # between two times


class Question(StrEnum):
    """What is asked."""

    BENEFITS = "benefits"  # which funds would pay for a visit of that category
    DIAGNOSES = "diagnoses"
    SETTLEMENT = "settlement"
    CHARGES = "charges"
    MEDICATION = "medication"  # of chronic diseases
    ACCUMULATIONS = "accumulations"  # what a year has used up
    DISEASES = "diseases"  # chronic diseases that were filed
    INSTITUTIONS = "institutions"  # institutions and places that were filed
    STAYS = "stays"  # who is in hospital here
    REFERRALS = "referrals"


QUESTIONS = MappingProxyType(
    {
        Question.BENEFITS: Call.CHECK_BENEFITS,
        Question.DIAGNOSES: Call.QUERY_DIAGNOSES,
        Question.SETTLEMENT: Call.QUERY_SETTLEMENT,
        Question.CHARGES: Call.QUERY_CHARGES,
        Question.MEDICATION: Call.QUERY_MEDICATION,
        Question.ACCUMULATIONS: Call.QUERY_ACCUMULATIONS,
        Question.DISEASES: Call.QUERY_DISEASES,
        Question.INSTITUTIONS: Call.QUERY_INSTITUTIONS,
        Question.STAYS: Call.QUERY_STAYS,
        Question.REFERRALS: Call.QUERY_REFERRALS,
    }
)


class Fact(StrEnum):
    """What a question wants to be told; the value is the member of ``centre.query``."""

    VISIT = "visit_id"
    SETTLEMENT = "settlement_id"
    SINCE = "since"
    UNTIL = "until"
    MONTH = "month"
    APPLICATION = "application"
    MED_TYPE = "med_type"
    DISEASE = "disease"


# What each needs, and what it may have beside that: anything else is refused, for somebody believed in it. Who it is
# about is asked of every one but STAYS.
NEEDS = MappingProxyType(
    {
        Question.BENEFITS: (
            frozenset[Fact](),
            frozenset({Fact.MED_TYPE, Fact.SINCE, Fact.UNTIL, Fact.DISEASE, Fact.VISIT}),
        ),
        Question.DIAGNOSES: (frozenset({Fact.VISIT}), frozenset[Fact]()),
        Question.SETTLEMENT: (frozenset({Fact.SETTLEMENT}), frozenset[Fact]()),
        Question.CHARGES: (frozenset({Fact.SETTLEMENT}), frozenset[Fact]()),
        Question.MEDICATION: (frozenset({Fact.SINCE}), frozenset({Fact.UNTIL, Fact.VISIT})),
        Question.ACCUMULATIONS: (frozenset[Fact](), frozenset({Fact.MONTH, Fact.VISIT})),
        Question.DISEASES: (frozenset[Fact](), frozenset({Fact.VISIT})),
        Question.INSTITUTIONS: (frozenset({Fact.APPLICATION}), frozenset({Fact.VISIT})),
        Question.STAYS: (frozenset({Fact.SINCE, Fact.UNTIL}), frozenset({Fact.VISIT})),
        Question.REFERRALS: (frozenset({Fact.SINCE}), frozenset({Fact.UNTIL, Fact.VISIT})),
    }
)


@frozen(slots=True)
class Insured:
    """A person as the centre knows them, and the insurance that is meant."""

    person_number: str = field(repr=False)  # psn_no
    region: str  # insuplc_admdvs
    insurance: str = ""  # insutype


NOBODY = Insured("", "")


@frozen(slots=True)
class AskCentre:
    """2001, 5202-5206, 5301-5304. Only what ``NEEDS`` names of the question is sent."""

    question: Question
    who: Insured
    visit_number: str = ""
    settlement_number: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    month: str = ""  # yyyymm
    application: str = ""  # biz_appy_type
    med_type: str = ""
    disease_code: str = ""
    disease_name: str = ""


@frozen(slots=True)
class CentreRows:
    """What the centre said, row by row in our words; nothing that names a person is among them."""

    rows: tuple[Mapping[str, str], ...] = field(repr=False)


def must_fit(question: Question, given: frozenset[Fact]) -> None:
    """``request.bad_params`` names what is missing, or what this question does not ask for."""
    needs, may = NEEDS[question]
    if missing := sorted(needs - given):
        raise Fault("request.bad_params", f"params.{missing[0]}: query {question} needs it")
    if more := sorted(given - needs - may):
        raise Fault("request.bad_params", f"params.{more[0]}: means nothing to query {question}")
