"""What the methods of a visit answer beside its money, as in ``results``."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from middleware.doors.local_api.results import Result, When, Yuan


class ErrandResult(Result, frozen=True, kw_only=True):
    """inpatient.charge, .charge_from_his, .withdraw_charges, .discharge, .undo_discharge, visit.withdraw."""

    visit_id: str
    errand_id: str
    matter: Literal["charge", "withdraw-charges", "discharge", "undo-discharge", "withdraw-visit"]
    state: Literal["done"]
    total: Annotated[Yuan, Meta(description="本次上传的合计 / of the lines of this request")]
    charged: Annotated[Yuan, Meta(description="该住院目前全部费用 / all that stands charged of the stay now")]
    discharged: bool


class TroubleFacts(Result, frozen=True, kw_only=True):
    """Why something stands where it stands."""

    code: str
    zh: str
    en: str
    detail: str


class ErrandFacts(Result, frozen=True, kw_only=True):
    """One thing that was asked of the centre for the visit, beside its money."""

    errand_id: str
    matter: Literal["charge", "withdraw-charges", "discharge", "undo-discharge", "withdraw-visit", "look-for-orphans"]
    state: Annotated[
        Literal["pending", "done", "declined", "left", "withdrawn"],
        Meta(description="left：多次无应答，须人工向中心核实 / no answer after many tries: a person must ask the centre"),
    ]
    total: Yuan
    lines: int
    visit_number: str
    created_at: When
    fault: TroubleFacts | UnsetType = UNSET


class FoundFacts(Result, frozen=True, kw_only=True):
    """A visit that the centre has of this person; evidence, not certainty, unless it is ours."""

    visit_number: str
    ours: Annotated[bool, Meta(description="带有本系统的就诊号 / it bears our own number")]
    med_type: str
    begun_at: str


class SettlementFacts(Result, frozen=True, kw_only=True):
    """One bill of the visit."""

    settlement_id: str
    state: str


class VisitResult(Result, frozen=True, kw_only=True):
    """visit.get."""

    visit_id: str
    kind: Literal["outpatient", "pharmacy", "inpatient"]
    state: Literal["Received", "Identified", "Enrolled", "Registered", "Refused", "Withdrawn"]
    visit_number: str
    med_type: str
    insurance: str
    insured_region: str
    cross_region: bool
    discharged: bool
    charged: Yuan
    errands: list[ErrandFacts]
    found: list[FoundFacts]
    settlements: list[SettlementFacts]
    fault: TroubleFacts | UnsetType = UNSET
