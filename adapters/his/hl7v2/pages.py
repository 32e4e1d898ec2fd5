"""``docs/hl7-out.md``: what we send to a HIS, made from the tables; its examples are the mapping's own bytes."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

from attrs import evolve

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.frame import encode
from adapters.his.hl7v2.mapping import Dialect, segments_of
from adapters.his.hl7v2.options import Hl7Options
from middleware.domain.centre import Holder
from middleware.domain.charge import ChargeLine
from middleware.domain.his import HisMessage, PostCharges, RegisterPatient
from middleware.domain.identity import CardIdCode, CardNumber, IdNumber, PersonName, id_check_character
from middleware.domain.money import Money
from middleware.domain.split import Split
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
_MODES = """
## 应答 / Acknowledgement

| MSH-15 | MSH-16 | HIS 应答 what the HIS answers |
| --- | --- | --- |
| 任意 any | 空、`NE`、`ER` empty, `NE`, `ER` | 一条：`AA` 或 `CA` 收下，`AE` `AR` `CE` `CR` 拒绝 / one: taken or refused |
| 任意 any | `AL`、`SU` | 先 `CA` 后 `AA`、`AE`、`AR`，见下 / `CA`, then `AA`, `AE` or `AR`: see below |

`AL`、`SU` 时 `CA` 只表示收到；办理结果在同一连接另发一条应答，不发则到时重发。
MSA-2 必须等于 MSH-10。同一病人的报文按次序逐条投递；不同病人的可经 `connections` 条连接并行，登记优先。

With `AL` and `SU`, `CA` says that the message was received; what became of it comes as a second acknowledgement on the same
connection, or the message is repeated. MSA-2 must be the MSH-10. A patient's messages come one after another, in order;
those of different patients may come side by side on `connections` connections, registrations first.

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
    rows.append(_event("结算、撤销 settlement, cancellation", a_posting(), dialect))
    charsets = [f"| `{codec}` | `{name}` |\n" for codec, name in STANDARD.items()]
    fields = [
        f"| {name}-{number} | {datatype} | {_name_of(name, number)} |\n"
        for name, numbers in tables.FIELDS.items()
        for number, datatype in numbers.items()
    ]
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
    tail = f"\n2.4 版 / in version 2.4: {old}\n\n## 示例 / Examples\n"
    return "".join([_HEAD, *rows, _MODES, *charsets, _FIELDS, *fields, tail, *examples])


def _event(when: str, message: HisMessage, dialect: Dialect) -> str:
    segments = segments_of(message, dialect)
    what = "^".join(str(part) for part in segments[0].fields[8][0])
    return f"| {when} | `{what}` | {' '.join(dict.fromkeys(segment.name for segment in segments))} |\n"


def _lines(message: HisMessage, dialect: Dialect) -> str:
    return encode(segments_of(message, dialect)).replace("\r", "\n")


def _name_of(segment: str, number: int) -> str:
    """The standard's own name, as hl7apy has it; our segment's is ours."""
    if segment == "ZST":
        row = tables.ZST[number - 1]
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
