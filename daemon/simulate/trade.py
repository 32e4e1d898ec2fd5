"""Synthetic people, bills and splits: what callers ask and how the simulated centre computes. Pure."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from attrs import evolve

from daemon.simulate.ledger import Held
from middleware.domain import centre as c
from middleware.domain.card import CardRead
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName
from middleware.domain.kind import VisitKind
from middleware.domain.money import ZERO, Money
from middleware.domain.order import DischargeOrder, QuoteOrder, RegisterOrder, StayFacts
from middleware.domain.split import FundLine, Split
from simulators.people import PEOPLE

_NOT_PLAYED = {
    "expired",
    "third-generation",
    "civil-servant",
    "serious-illness",
}  # no card that can be read, or only the centre's
KEYS = tuple(sorted(PEOPLE.keys() - _NOT_PLAYED))
FUND_OF_100, ACCOUNT_OF_100 = 55, 20


def card_of(key: str, reader: str) -> CardRead:
    """The card of one of the synthetic people."""
    person = PEOPLE[key]
    return CardRead(
        kind="social-security-card",
        region_code=person.region,
        card_id_code=CardIdCode(person.card_id_code),
        card_class=person.card_class,
        spec_version=person.spec_version,
        issuing_organisation=person.issuing_organisation,
        issued_on=person.issued_on,
        expires_on=person.expires_on,
        card_number=CardNumber(person.card_number),
        id_number=IdNumber(person.id_number),
        name=PersonName(person.name),
        sex=person.sex,
        nation=person.nation,
        birthplace=person.birthplace,
        birth_date=person.birth_date,
        atr_historical="00",
        reader=reader,
    )


def register_order(card_read_id: str, begun_at: dt.datetime) -> RegisterOrder:
    """A registration at one desk."""
    return RegisterOrder(card_read_id, "", "01", "内科", "A01", "D1", "医生", begun_at)


def sale_order(card_read_id: str, begun_at: dt.datetime) -> RegisterOrder:
    """A sale over a pharmacy's counter."""
    return RegisterOrder(card_read_id, "", "", "", "", "", "", begun_at, "41", kind=VisitKind.PHARMACY)


def admit_order(card_read_id: str, begun_at: dt.datetime) -> RegisterOrder:
    """An admission."""
    order = register_order(card_read_id, begun_at)
    stay = StayFacts("ZY1", "12", "肺炎")
    return evolve(order, med_type="2101", kind=VisitKind.INPATIENT, stay=stay, diagnoses=(Diagnosis("J18", "肺炎"),))


def discharge_order(visit_id: str, at: dt.datetime) -> DischargeOrder:
    """A discharge."""
    return DischargeOrder(visit_id, at, "1", "", "", "", (Diagnosis("J18", "肺炎"),))


def quote_order(visit_id: str, amounts: tuple[int, ...], at: dt.datetime) -> QuoteOrder:
    """A bill of so many fen a line."""
    return QuoteOrder(visit_id=visit_id, diagnoses=(Diagnosis("J00", "感冒"),), lines=lines_of(amounts, at))


def lines_of(amounts: tuple[int, ...], at: dt.datetime) -> tuple[ChargeLine, ...]:
    """Lines of so many fen."""
    return tuple(
        ChargeLine(
            line_id=str(n),
            catalogue_code=f"X{n}",
            hospital_code=f"H{n}",
            name="药品",
            unit_price=Decimal(fen) / 100,
            quantity=Decimal(1),
            amount=Money(fen),
            charged_at=at,
            department_code="01",
            department_name="内科",
            doctor_code="D1",
            doctor_name="医生",
        )
        for n, fen in enumerate(amounts, 1)
    )


def quote_of(total: Money, *, use_account: bool) -> Split:
    """How the simulated centre splits: all five identities hold."""
    fund = total.fen * FUND_OF_100 // 100
    account = total.fen * ACCOUNT_OF_100 // 100 if use_account else 0
    return Split(
        total=total,
        fund=Money(fund),
        account=Money(account),
        cash=Money(total.fen - fund - account),
        hospital=ZERO,
        personal=Money(total.fen - fund),
        family_account=ZERO,
        self_paid=ZERO,
        over_limit=ZERO,
        first_self_paid=ZERO,
        in_scope=total,
        pool=Money(fund),
        civil_servant=ZERO,
        supplementary=ZERO,
        serious_illness=ZERO,
        large_sum=ZERO,
        assistance=ZERO,
        disabled_soldier=ZERO,
        other_fund=ZERO,
        balance_after=Money(500_000),
        deductible=ZERO,
        funds=(FundLine("310100", "pool", Money(fund)), FundLine("310200", "account", Money(account))),
    )


def settled_of(held: Held, at: dt.datetime) -> c.Settled:
    """2207's answer."""
    number = "" if held.request.visit.visit_number else f"MDS{held.number[4:]}"
    return c.Settled(held.number, at, held.request.quoted, "11", "1", "999900", number)


def cancelled_of(held: Held, at: dt.datetime) -> c.SettlementCancelled:
    """2208's answer: every amount negative."""
    split = held.request.quoted
    names = ("total", "fund", "account", "cash", "personal", "in_scope", "pool")
    funds = tuple(evolve(line, amount=-line.amount) for line in split.funds)
    negative = evolve(split, funds=funds, **{name: -getattr(split, name) for name in names})
    return c.SettlementCancelled(held.cancel_number, at, negative)
