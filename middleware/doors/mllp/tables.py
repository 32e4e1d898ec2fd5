"""What the door answers to what: one table, read by the door, by people and by tests.

Codes of ERR-3 are those of HL7 table 0357. Everything that is refused before its meaning is asked is refused by R (table
0008: the envelope, or our own system); E is for whoever reads what the message says.
"""

from __future__ import annotations

from attrs import frozen

from middleware.domain.fault import FAULTS
from middleware.hl7.acknowledge import Trouble

MAX_TEXT = 80  # MSA-3 is an ST of 80


@frozen(slots=True)
class Rule:
    """One case. ``number`` 0: nobody is answered. ``field``: of MSH, 0 = none. ``kept``: for an operator."""

    fault: str
    zh: str
    en: str
    number: int = 0
    name: str = ""
    field: int = 0
    kept: bool = True


# fmt: off
_ROWS = (
    Rule("hl7.not_hl7", "成帧，但不是 HL7：无 MSH，或分隔符不可用", "a block that is no HL7: no MSH, or delimiters that cannot be used", 100, "Segment sequence error"),
    Rule("hl7.control_character", "报文中有未转义的 FS（0x1C）", "an unescaped FS (0x1C) inside the message", 102, "Data type error"),
    Rule("hl7.too_long", "超过 max_bytes，或段数过多", "longer than max_bytes, or too many segments", 102, "Data type error"),
    Rule("hl7.charset_name", "MSH-18 是不认识的名称", "MSH-18 names an unknown charset", 103, "Table value not found", 18),
    Rule("hl7.charset", "内容不是所声明字符集的文字", "not text in the charset that it declares", 102, "Data type error", 18),
    Rule("hl7.control_id", "MSH-10 为空、过长或含非 ASCII 字符", "MSH-10 empty, too long or not ASCII", 101, "Required field missing", 10),
    Rule("hl7.version", "MSH-12 不是 2.1 至 2.9", "MSH-12 is not 2.1 to 2.9", 203, "Unsupported version id", 12),
    Rule("hl7.message_type", "MSH-9.1 不在受理之列", "MSH-9.1 is not taken here", 200, "Unsupported message type", 9),
    Rule("hl7.event", "MSH-9.2 不在受理之列", "MSH-9.2 is not taken here", 201, "Unsupported event code", 9),
    Rule("hl7.reused", "MSH-10 用过，内容不同", "a used MSH-10 with another body", 205, "Duplicate key identifier", 10),
    Rule("hl7.stray_ack", "本身是应答（有 MSA）", "itself an answer (it has an MSA)"),
    Rule("hl7.ack_unknown", "应答所指的 MSH-10 不是我们发出的", "an answer to a message that we never sent", 204, "Unknown key identifier"),
    Rule("hl7.ack_link", "应答来自不该来的连接", "an answer over a link that is not its destination's", 204, "Unknown key identifier"),
    Rule("hl7.ack_closed", "该报文已有不同的结论", "an answer that contradicts an earlier one", 205, "Duplicate key identifier"),
    Rule("hl7.unframed", "起止符之外的字节；未完的报文：被新的起始符、断线或超时截断", "bytes outside any block; a message cut off by a new start, a lost connection or the time limit"),
    Rule("system.journal", "数据库写不进", "the database takes nothing", 207, "Application internal error", kept=False),
    Rule("system.busy", "积压过多", "too much is waiting", 207, "Application internal error", kept=False),
    Rule("system.node", "本节点租约到期", "this node's lease ran out", 207, "Application internal error", kept=False),
    Rule("system.keys", "主密钥不可用", "the master key cannot be used", 207, "Application internal error", kept=False),
)
# fmt: on
RULES = {row.fault: row for row in _ROWS}


def trouble(fault: str) -> Trouble | None:
    """What an answer says of a fault; None for what nobody is answered. A fault not in the table is our system's."""
    row = RULES.get(fault, RULES["system.journal"])
    if not row.number:
        return None
    whole = f"{fault}: {FAULTS[fault].en}"
    return Trouble(row.number, row.name, row.field, whole if len(whole) <= MAX_TEXT else f"{fault}: {row.en}")
