"""One visit at the centre, and one line of its charges as it came."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from attrs import define, field

from middleware.domain.money import Money
from simulators.centre.answers import CLEARING_TYPE
from simulators.centre.catalogue import look_up
from simulators.centre.insured import Cover, InsuredPerson
from simulators.centre.refusals import Refusal
from simulators.centre.rules import Line

Row = Mapping[str, str]
Nodes = Mapping[str, list[Row]]
STAY = "stay"  # a stay has one batch


@define
class Visit:
    """One visit of any kind with its charge batches."""

    number: str  # mdtrt_id
    person: InsuredPerson
    cover: Cover
    med_type: str = ""
    diagnoses: list[Row] = field(factory=list)
    batches: dict[str, dict[str, Line]] = field(factory=dict)
    kind: str = "outpatient"
    our_number: str = ""  # what the hospital's system called it
    hospital_number: str = ""  # of a stay: ipt_no
    begun: str = ""
    ended: str = ""  # of a stay
    clearing: str = CLEARING_TYPE


def money_of(text: str) -> Money:
    """An amount, or a refusal."""
    try:
        return Money.parse(text)
    except ValueError:
        raise Refusal("0101") from None


def line_of(row: Row) -> Line:
    """A charge line, or a refusal."""
    try:
        price, quantity = Decimal(row["pric"]), Decimal(row["cnt"])
    except InvalidOperation:
        raise Refusal("0101") from None
    amount = money_of(row["det_item_fee_sumamt"])
    if not (price.is_finite() and quantity.is_finite()) or price < 0 or quantity <= 0 or amount.fen < 0:
        raise Refusal("0101")
    return Line(row["feedetl_sn"], look_up(row["med_list_codg"]), price, quantity, amount, row["hosp_appr_flag"])
