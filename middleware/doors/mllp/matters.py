"""What the door does with each type of message: one table, read by the door, by people and by tests.

A message of a type that is not here is refused and kept. A type that is here and does nothing yet says so: it is durable
and acknowledged, nothing is derived from it, and whoever adds the meaning finds all of them in the inbox.
"""

from __future__ import annotations

import re
from functools import lru_cache

from attrs import frozen

KEPT_ZH, KEPT_EN = "留存并应答 AA，不作其他处理", "kept, acknowledged AA, nothing else done"
PERSON_ZH = (
    "A01、A04、A05、A08、A28、A31、ZP1 更新病人和号码关联；A34、A40 合并；其他留存；"
    "ZP1 可按 responses 答 RSP^K23 或 ZCK^ZP1，附病人"
)
PERSON_EN = (
    "A01, A04, A05, A08, A28, A31, ZP1: patient and links of numbers; A34, A40: merge; others kept; "
    "ZP1 is answered by RSP^K23 or ZCK^ZP1 with the patient where the link's responses says so"
)
MASTER_ZH = "M01、M02、M04、M05 答 MFK，更新科室、人员、收费项目（his.masters）；其他留存"
MASTER_EN = "M01, M02, M04, M05: MFK; departments, staff, charge items (his.masters); others kept"
QUERY_ZH = "Q22、ZP7 答 RSP^K22，Q23 答 RSP^K23，至多 20 人；其他留存"
QUERY_EN = "Q22, ZP7: RSP^K22; Q23: RSP^K23; at most 20 persons; others kept"
CHARGE_ZH = "P03 成为待收明细（settlement.quote_from_his）；其他留存"
CHARGE_EN = "P03: lines to be charged (settlement.quote_from_his); others kept"
BY_PROFILE_ZH = "留存；列入该连接的 charges 后成为待收明细"
BY_PROFILE_EN = "kept; lines to be charged where the link's charges names it"


@frozen(slots=True)
class Matter:
    """One row: MSH-9.1, the events of MSH-9.2 as a pattern, what it is, what is done."""

    type: str
    events: str
    zh: str
    en: str
    does_zh: str = KEPT_ZH
    does_en: str = KEPT_EN


MATTERS = (
    Matter(
        "ADT", r"A\d\d|Z\w\w", "患者登记、就诊、变更、合并", "registration, encounter, change, merge", PERSON_ZH, PERSON_EN
    ),
    Matter("QBP", r"Q\d\d|Z\w\w", "患者查询", "patient query", QUERY_ZH, QUERY_EN),
    Matter("DFT", r"P\d\d|Z\w\w", "费用明细", "charges", CHARGE_ZH, CHARGE_EN),
    Matter("BAR", r"P\d\d|Z\w\w", "账户", "account"),
    Matter("ORM", r"O\d\d|Z\w\w", "医嘱、申请", "orders", BY_PROFILE_ZH, BY_PROFILE_EN),
    Matter("OMG", r"O\d\d|Z\w\w", "检查申请", "general clinical orders"),
    Matter("OML", r"O\d\d|Z\w\w", "检验申请", "laboratory orders"),
    Matter("OMP", r"O\d\d|Z\w\w", "药品医嘱", "pharmacy orders"),
    Matter("ORG", r"O\d\d|Z\w\w", "申请状态、收费状态", "order and charge status"),
    Matter("ORU", r"R\d\d|Z\w\w", "结果", "results"),
    Matter("OUL", r"R\d\d|Z\w\w", "检验结果", "laboratory results"),
    Matter("SIU", r"S\d\d|Z\w\w", "预约", "appointments"),
    Matter(
        "MFN",
        r"M\d\d|Z\w\w",
        "科室、人员等主数据（Z01、Z02）",
        "master files: departments, staff (Z01, Z02)",
        MASTER_ZH,
        MASTER_EN,
    ),
    Matter("ZMG", r"Z\w\w", "体检收费（Z30）", "charge of a check-up package (Z30)", BY_PROFILE_ZH, BY_PROFILE_EN),
)
_BY_TYPE = {row.type: (row, re.compile(row.events)) for row in MATTERS}
MAX_NAMES = 1024


@lru_cache(maxsize=MAX_NAMES)
def refusal(kind: bytes, event: bytes, types: tuple[str, ...]) -> str:
    """The fault code for a message of that type and event, "" when it is taken. ``types``: a link's own."""
    name, trigger = kind.decode("latin-1"), event.decode("latin-1")
    if name in types or f"{name}^{trigger}" in types:
        return ""
    row = _BY_TYPE.get(name)
    if row is None:
        return "hl7.event" if any(one.partition("^")[0] == name for one in types) else "hl7.message_type"
    return "" if row[1].fullmatch(trigger) else "hl7.event"
