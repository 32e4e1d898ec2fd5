"""Whom and what a conformance run is about: the simulator's own person, or a test person whom a centre gave.

A run at a real centre needs a file of its own: nobody's data is made up there, and nobody's but a test person's is used.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import attrs

from config.load import load
from config.section import matching, setting
from middleware.domain.centre import Holder
from middleware.domain.charge import ChargeLine, Diagnosis
from middleware.domain.credential import BY_CARD, Credential, Shown
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, Password, PersonName
from middleware.domain.money import Money
from simulators.people import PEOPLE

FEN = Decimal("0.01")


def _only_for_tests(_instance: object, attribute: attrs.Attribute[bool], value: bool) -> None:
    if not value:
        raise ValueError(
            f"须为测试人员：将为其结算、撤销、冲正 / {attribute.name} must be true: a run settles for this person"
        )


def _text(help: str, default: Any = attrs.NOTHING) -> Any:  # noqa: A002 - as setting() has it
    return setting(default, help=help, validator=matching(r"[^\x00-\x1f]{1,200}", "1 to 200 characters"))


def _shape(pattern: str, meaning: str) -> Any:
    """As ``matching``, but the fault does not quote the value: it is a person's."""
    compiled = re.compile(pattern)

    def check(_instance: object, attribute: attrs.Attribute[str], value: str) -> None:
        if not compiled.fullmatch(value):
            raise ValueError(f"形式不对 / {attribute.name} must be {meaning}")

    return check


def _day(_instance: object, attribute: attrs.Attribute[str], value: str) -> None:
    try:
        dt.date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"不是日期 / {attribute.name} must be a day, as yyyy-MM-dd") from None


def _number(help: str, default: Any = attrs.NOTHING) -> Any:  # noqa: A002 - as setting() has it
    return setting(default, help=help, validator=matching(r"\d{1,6}(\.\d{1,4})?", "a number as text"))


@attrs.frozen(slots=True, kw_only=True, repr=False)
class TestPerson:
    """Somebody whom the centre made for tests. Never shown."""

    __test__ = False  # no test of pytest's

    is_a_test_person: bool = setting(
        help="the centre has said that this is a test person, who exists at its test desk only", validator=_only_for_tests
    )
    id_number: str = setting(help="certno", validator=_shape(r"[0-9Xx]{15,18}", "15 to 18 digits"))
    name: str = setting(help="psn_name", validator=_shape(r"[^\x00-\x1f]{1,50}", "1 to 50 characters"))
    card_number: str = setting("", help="mdtrt_cert_no", validator=_shape(r"[0-9A-Za-z]{0,32}", "letters and digits"))
    card_id_code: str = setting("", help="card_sn", validator=_shape(r"[0-9A-Fa-f]{0,32}", "hex digits"))
    sex: str = setting("1", help="GB/T 2261.1", validator=matching(r"\d", "one digit"))
    nation: str = setting("01", help="GB 3304", validator=matching(r"\d{2}", "two digits"))
    birth_date: str = setting(help="yyyy-MM-dd", validator=_day)
    password: str = setting(
        "", help="of cainfo, where the region wants it", validator=_shape(r"[!-~]{0,32}", "at most 32 characters")
    )
    voucher: str = setting(
        "",
        help="ecToken of the person's e-voucher, for an order by phone",
        validator=_shape(r"[!-~]{0,64}", "64 characters"),
    )


@attrs.frozen(slots=True, kw_only=True)
class TestData:
    """One person, one diagnosis, one item of a few yuan, one doctor."""

    __test__ = False  # no test of pytest's

    person: TestPerson = setting(help="the test person")  # noqa: RUF009 - setting() is attrs.field()
    diagnosis_code: str = _text("diag_code", "J06.900")
    diagnosis_name: str = _text("diag_name", "急性上呼吸道感染")
    disease_code: str = _text("opsp_dise_code of a disease that is filed and taken back", "M03900")
    disease_name: str = _text("its name", "高血压")
    catalogue_code: str = _text("med_list_codg of something cheap", "XA02OMEP0020")
    hospital_code: str = _text("medins_list_codg", "H-OMEP")
    item_name: str = _text("its name", "奥美拉唑")
    price: str = _number("yuan a piece", "20.12")
    quantity: str = _number("pieces", "3")
    department_code: str = _text("dept_code", "D1")
    department_name: str = _text("dept_name", "内科")
    specialty: str = _text("caty", "A03")
    doctor_code: str = _text("atddr_no", "DR1")
    doctor_name: str = _text("dr_name", "测试医生")
    bed: str = _text("adm_bed", "12")
    outpatient: str = _text("med_type of an outpatient visit", "11")
    pharmacy: str = _text("med_type of a pharmacy's sale", "41")
    inpatient: str = _text("med_type of a stay", "2101")

    def holder(self) -> Holder:
        """The person, in our words: with their card, or where there is none with the identity document."""
        who = self.person
        return Holder(
            IdNumber(who.id_number),
            PersonName(who.name),
            CardNumber(who.card_number),
            CardIdCode(who.card_id_code),
            who.sex,
            who.nation,
            dt.date.fromisoformat(who.birth_date),
            credential=BY_CARD if who.card_number else Credential(Shown.IDENTITY),
        )

    def password(self) -> Password | None:
        """The person's, where the file has one."""
        return Password(self.person.password) if self.person.password else None

    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """The one diagnosis."""
        return (Diagnosis(self.diagnosis_code, self.diagnosis_name),)

    def lines(self, line_id: str, at: dt.datetime) -> tuple[ChargeLine, ...]:
        """The one line of a bill, under a number that was never used."""
        amount = (Decimal(self.price) * Decimal(self.quantity)).quantize(FEN, ROUND_HALF_UP)
        return (
            ChargeLine(
                line_id, self.catalogue_code, self.hospital_code, self.item_name, Decimal(self.price),
                Decimal(self.quantity), Money.parse(amount), at, self.department_code, self.department_name,
                self.doctor_code, self.doctor_name,
            ),
        )  # fmt: skip


def data_of(path: Path) -> TestData:
    """A test person's file; ``ConfigError`` with every problem, which quotes no value of the person."""
    return load(TestData, path)


def simulated() -> TestData:
    """The simulated centre's own employee."""
    who = PEOPLE["employee"]
    person = TestPerson(
        is_a_test_person=True,
        id_number=who.id_number,
        name=who.name,
        card_number=who.card_number,
        card_id_code=who.card_id_code,
        sex=who.sex,
        nation=who.nation,
        birth_date=who.birth_date.isoformat(),
        voucher="EC-TOKEN",
    )
    return TestData(person=person)
