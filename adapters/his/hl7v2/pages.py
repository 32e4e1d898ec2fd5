"""``docs/hl7-out.md``: what we send to a HIS, made from the tables; its examples are the mapping's own bytes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from attrs import evolve

from adapters.his.hl7v2 import pages_answers, tables
from adapters.his.hl7v2.dialect import Asking, Dialect
from adapters.his.hl7v2.frame import encode
from adapters.his.hl7v2.options import Hl7Options
from adapters.his.hl7v2.repertoire import Sendable, segments_of
from middleware.domain.centre import Holder
from middleware.domain.charge import ChargeLine
from middleware.domain.his import (
    ChangeAccount,
    FindBy,
    FindPatient,
    HisPatient,
    MergePatients,
    OldMedium,
    PostCharges,
    RegisterPatient,
    UpdatePatient,
)
from middleware.domain.identity import (
    CardIdCode,
    CardNumber,
    IdNumber,
    MediumNumber,
    PersonName,
    id_check_character,
)
from middleware.domain.kind import VisitKind
from middleware.domain.money import Money
from middleware.domain.order import References
from middleware.domain.split import Split
from middleware.domain.told import PatientFacts
from middleware.hl7.charset import STANDARD

_HEAD = """# HL7 v2 发送接口 / The HL7 v2 interface, outbound

由 `run.py docs` 从 `adapters/his/hl7v2/` 的表生成，请勿手改。一卡通发给 HIS 的报文：事件、段、字段、示例；例中人物为虚构。
重发规矩见 [integrators.md](integrators.md)，拒收后的处理见 [operations.zh.md](operations.zh.md)，
接收接口见 [hl7.md](hl7.md)。

Made by `run.py docs` from the tables of `adapters/his/hl7v2/`; do not edit. What Yikatong sends to a HIS: events, segments,
fields, examples; the person is invented. How messages are repeated: [integrators.md](integrators.md); what to do after a
refusal: [operations.md](operations.md); what a HIS may send: [hl7.md](hl7.md).

## 事件 / Events

| 何时 when | MSH-9 | 段 segments |
| --- | --- | --- |
"""
_QUERIES = """
## 查询的应答 / Replies to queries

`QBP` 由 `RSP` 应答，须有 MSA，并有 QAK 或 PID。QAK-2：`OK`、`NF`（无）、`AE`、`AR`；QAK-1 如有须等于 QPD-2。
每个候选一个 PID（`K22`），或一个 PID 的 PID-3 重复（`K23`）；只用 PID-3 中 `identifiers.patient` 类型的号码，
`identifiers.id_number` 类型的号码用来核对。最多取 20 人。与所声明字符集不符的应答不作数。

A `QBP` is answered by an `RSP` with MSA, and QAK or PID. QAK-2: `OK`, `NF` (nobody), `AE`, `AR`; QAK-1, if it is there,
is QPD-2. Each candidate has a PID (`K22`), or one PID's PID-3 repeats (`K23`); used are the numbers of the type
`identifiers.patient`, those of `identifiers.id_number` are compared. At most 20 people are taken. A reply that is not in
the charset it declares proves nothing.

## 字符集 / Charsets

| `encoding` | MSH-18 |
| --- | --- |
"""
_FIELDS = """
`charset_name` 可改写 MSH-18（如 `GBK`、`UNICODE`）。 / `charset_name` writes MSH-18 otherwise.

## 字段 / Fields

未列出的字段从不填写。值按类型检查后才发出；hl7apy 对每种形状的报文严格校验一次。

A field that is not listed is never filled. Values are checked against their types before they leave; hl7apy validates each
shape of message strictly, once.

| 字段 field | 类型 type | 名称 name |
| --- | --- | --- |
"""


def write(path: Path) -> None:
    """Write the page."""
    path.write_text(page(), encoding="utf-8")


def page() -> str:
    """The whole page."""
    dialect = Hl7Options().dialect()
    rows = [
        _event(
            "门诊登记 outpatient registration（`register_event`）", a_registration(), evolve(dialect, register_event=event)
        )
        for event in tables.REGISTER_EVENTS
    ]
    rows.append(_event("入院登记 admission", evolve(a_registration(), kind=VisitKind.INPATIENT), dialect))
    rows.append(_event("结算、撤销 settlement, cancellation", a_posting(), dialect))
    rows += [_event(when, message, evolve(dialect, **wanted)) for when, message, wanted in by_profile()]
    charsets = [f"| `{codec}` | `{name}` |\n" for codec, name in STANDARD.items()]
    fields = [
        f"| {name}-{number} | {datatype} | {_name_of(name, number)} |\n"
        for name, numbers in tables.FIELDS.items()
        for number, datatype in numbers.items()
    ]
    after = next(place for place, row in enumerate(fields) if row.startswith("| MSH-15"))
    fields.insert(after, f"| MSH-13 | NM | {_name_of('MSH', 13)}（`sequence_numbers`） |\n")
    old = ", ".join(f"{name}-{number} {datatype}" for (name, number), datatype in tables.FIELDS_OF_24.items())
    examples = [
        f"\n### {title}\n\n```\n{_lines(message, evolve(dialect, register_event=event))}```\n"
        for title, message, event in (
            ("登记 / Registration: A04", a_registration(), "A04"),
            ("登记 / Registration: A28", a_registration(), "A28"),
            ("结算 / Settlement", a_posting(), "A04"),
            ("撤销 / Cancellation", evolve(a_posting(), control_id="C202611211012000003", cancelled=True), "A04"),
        )
    ]
    examples += [
        f"\n### {when}\n\n```\n{_lines(message, evolve(dialect, **wanted))}```\n" for when, message, wanted in by_profile()
    ]
    tail = f"\n2.4 版 / in version 2.4: {old}\n\n## 示例 / Examples\n"
    answers = pages_answers.page(dialect, a_posting())
    return "".join([_HEAD, *rows, answers, _QUERIES, *charsets, _FIELDS, *fields, tail, *examples])


_Wanted = dict[str, Any]


def by_profile() -> list[tuple[str, Sendable, _Wanted]]:
    """What is sent only where the site's configuration says so: when, an example, and what the site wants."""
    find, merge = (
        _find(),
        MergePatients("M202611211013000005", _NOON, _facts("P000000001", "测试甲"), _facts("P000000007", "")),
    )
    stays: _Wanted = {"accounts": {VisitKind.OUTPATIENT: tables.INSTEAD}}
    update = UpdatePatient("U202611211012000004", _NOON, _known())
    orders = evolve(a_posting(), references=References("Y20261121007", ("D0001", "D0002")))
    return [
        ("资料变更 update（`update_event`）", update, {"update_event": "A08", "old_card_type": "Card_No"}),
        ("资料变更 update（`update_event`）", update, {"update_event": "A31", "old_card_type": "Card_No"}),
        ("病人合并 merge（`merge_event`）", merge, {"merge_event": "A40"}),
        ("撤销合并 merge undone（`unmerge_event`）", evolve(merge, undone=True), {"unmerge_event": "A37"}),
        ("按人员查询 query by person（`find`）", find, {"asking": Asking("Q22")}),
        ("按号码查询 query by number（`find`）", evolve(find, by=FindBy.NUMBER), {"asking": Asking("Q23")}),
        ("站点查询 a site's query（`find`）", find, {"asking": Asking("ZP7", id_number="@PID.3.1")}),
        ("开户 account opened（`accounts`）", _account(), stays),
        ("结账 account ended（`accounts` = besides）", evolve(_account(), ended=True), {}),
        ("以结账代替计费 settled, in place of DFT（`accounts` = instead）", a_posting(), stays),
        ("以开户代替冲销 cancelled, in place of DFT", evolve(a_posting(), cancelled=True), stays),
        ("预约号、医嘱号 references（`references`）", orders, {"orders_field": "ORC-2", "appointment_field": "ZRF-2"}),
    ]


def _event(when: str, message: Sendable, dialect: Dialect) -> str:
    segments = segments_of(message, dialect)
    what = "^".join(str(part) for part in segments[0].fields[8][0])
    return f"| {when} | `{what}` | {' '.join(dict.fromkeys(segment.name for segment in segments))} |\n"


def _lines(message: Sendable, dialect: Dialect) -> str:
    return encode(segments_of(message, dialect)).replace("\r", "\n")


def _name_of(segment: str, number: int) -> str:
    """The standard's own name, as hl7apy has it; our segment's is ours."""
    if segment in tables.OWN:
        row = tables.OWN[segment][number - 1]
        return f"{row.name}: {row.meaning}"
    from hl7apy import load_reference

    for name, reference, *_ in load_reference(segment, "Segment", "2.5")[1]:
        if name == f"{segment}_{number}":
            return str(reference[3]).replace("_", " ").lower()
    raise AssertionError(f"{segment}-{number} is not in the standard")


_NOON = dt.datetime(2026, 11, 21, 10, 11, 12, tzinfo=dt.timezone(dt.timedelta(hours=8)))
_SEVENTEEN = "99999919740512311"


def _holder() -> Holder:
    return Holder(
        id_number=IdNumber.parse(_SEVENTEEN + id_check_character(_SEVENTEEN)),
        name=PersonName("测试甲"),
        card_number=CardNumber("A10000015"),
        card_id_code=CardIdCode("999999" + "0" * 26),
        sex="1",
        nation="01",
        birth_date=dt.date(1974, 5, 12),
    )


def _facts(number: str, name: str) -> PatientFacts:
    document = _holder().id_number if name else IdNumber("")
    return PatientFacts(MediumNumber(number), PersonName(name), document, "19740512" if name else "", "1" if name else "")


def _known() -> HisPatient:
    card = OldMedium("treatment-card", MediumNumber("C0000123"), _NOON.date())
    holder = evolve(_holder(), phone="13900000000", employer="测试单位")
    number = MediumNumber("P000000001")
    return HisPatient(holder, number, "99990000000001", "310", "V202611211011110001", VisitKind.OUTPATIENT, (card,))


def _account() -> ChangeAccount:
    registered = a_registration()
    return ChangeAccount(
        control_id="A202611211011110001",
        created_at=_NOON,
        holder=registered.holder,
        visit_id=registered.visit_id,
        visit_number=registered.visit_number,
        patient_number="P000000001",
        insurance=registered.insurance,
        begun_at=_NOON,
        ended=False,
    )


def _find() -> FindPatient:
    holder = _holder()
    return FindPatient(
        control_id="Q2026112110111200091",
        created_at=_NOON,
        by=FindBy.PERSON,
        id_number=holder.id_number,
        own_number=MediumNumber(""),
        name=holder.name,
        birth_date="19740512",
        sex="1",
        most=10,
    )


def a_registration() -> RegisterPatient:
    """The example's registration, of nobody."""
    return RegisterPatient(
        control_id="R202611211011120001",
        created_at=_NOON,
        holder=_holder(),
        visit_id="V202611211011110001",
        visit_number="999900V202611210000000002",
        patient_number="",
        person_number="99990000000001",
        insurance="310",
        department_code="0301",
        department_name="呼吸内科",
        doctor_code="D3301001",
        doctor_name="李医生",
        begun_at=_NOON,
    )


def a_posting() -> PostCharges:
    """The example's settlement, of nobody."""
    nothing = Money(0)
    split = Split(
        total=Money(2500), fund=Money(1500), account=Money(600), cash=Money(400), hospital=nothing, personal=Money(1000),
        family_account=nothing, self_paid=nothing, over_limit=nothing, first_self_paid=nothing, in_scope=Money(2500),
        pool=Money(1500), civil_servant=nothing, supplementary=nothing, serious_illness=nothing, large_sum=nothing,
        assistance=nothing, disabled_soldier=nothing, other_fund=nothing, balance_after=Money(123456), deductible=nothing,
    )  # fmt: skip
    line = ChargeLine(
        line_id="L001",
        catalogue_code="XA01AMOX0250",
        hospital_code="Y1AMOX025",
        name="阿莫西林胶囊",
        unit_price=Decimal("12.5"),
        quantity=Decimal(2),
        amount=Money(2500),
        charged_at=_NOON,
        department_code="0301",
        department_name="呼吸内科",
        doctor_code="D3301001",
        doctor_name="李医生",
    )
    return PostCharges(
        control_id="P202611211012000003",
        created_at=_NOON,
        holder=_holder(),
        visit_id="V202611211011110001",
        visit_number="999900V202611210000000002",
        patient_number="P000000001",
        settlement_id="S202611211012000003",
        settlement_number="999900J202611210000000003",
        settled_at=_NOON,
        insurance="310",
        split=split,
        lines=(line,),
        cancelled=False,
    )
