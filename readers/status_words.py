"""Status words: one table of what a card may answer, and which of our faults that is.

``pattern`` is four hex digits, an ``x`` standing for any digit. The most exact row wins. Rows are those of the
reference (LD/T 32.5, PBOC, ISO 7816-4); a word that no row matches is ``card.status_word`` all the same.
"""

from __future__ import annotations

from attrs import frozen

from middleware.domain.fault import Fault

_VERIFICATION_FAILED = 0x63C0
_TRIES = 0x0F
ABSENT_RECORD = frozenset({0x6A82, 0x6A83, 0x6A88})  # a record that this card simply does not have


@frozen(slots=True)
class StatusWord:
    """One row: pattern, the fault it means ("" for success), and what it says. What to do stands with the fault."""

    pattern: str
    fault: str
    zh: str
    en: str


STATUS_WORDS = (
    StatusWord("9000", "", "成功", "success"),
    StatusWord("61xx", "", "还有数据可取", "more data to fetch"),
    StatusWord("6283", "card.locked", "所选应用已锁定", "selected application deactivated"),
    StatusWord("63Cx", "card.verification", "验证失败，还可试 x 次", "verification failed, x tries left"),
    StatusWord("6581", "card.broken", "写存储器失败", "memory failure"),
    StatusWord("6700", "card.command_refused", "长度错误", "wrong length"),
    StatusWord("6900", "card.command_refused", "不能处理", "cannot be processed"),
    StatusWord("6981", "card.command_refused", "命令与文件结构不符", "command does not fit the file"),
    StatusWord("6982", "card.access_denied", "安全状态不满足", "security status not satisfied"),
    StatusWord("6983", "card.locked", "认证方式已锁定", "authentication method locked"),
    StatusWord("6984", "card.key_unusable", "引用数据无效", "referenced data not usable"),
    StatusWord("6985", "card.access_denied", "使用条件不满足", "conditions of use not satisfied"),
    StatusWord("6986", "card.command_refused", "没有当前文件", "no current file"),
    StatusWord("6988", "card.mac", "安全报文数据错误", "secure messaging data wrong"),
    StatusWord("6A80", "card.command_refused", "数据域参数错误", "wrong parameters in data"),
    StatusWord("6A81", "card.command_refused", "不支持此功能或卡已锁定", "function not supported, or card blocked"),
    StatusWord("6A82", "card.not_found", "未找到文件", "file not found"),
    StatusWord("6A83", "card.not_found", "未找到记录", "record not found"),
    StatusWord("6A86", "card.command_refused", "P1 P2 错误", "wrong P1 P2"),
    StatusWord("6A88", "card.not_found", "未找到引用数据", "referenced data not found"),
    StatusWord("6B00", "card.command_refused", "偏移地址错误", "wrong offset"),
    StatusWord("6Cxx", "card.command_refused", "Le 错误", "wrong Le"),
    StatusWord("6D00", "card.command_refused", "不支持此命令", "instruction not supported"),
    StatusWord("6Exx", "card.command_refused", "不支持此类命令", "class not supported"),
    StatusWord("6F00", "card.broken", "卡内部错误", "internal error of the card"),
    StatusWord("9302", "card.mac", "MAC 错误", "MAC wrong"),
    StatusWord("9303", "card.blocked", "应用已永久锁定", "application permanently locked"),
    StatusWord("9403", "card.key_unusable", "密钥索引不支持", "key index not supported"),
    StatusWord("9406", "card.key_unusable", "MAC/TAC 不可用", "MAC or TAC not available"),
    StatusWord("xxxx", "card.status_word", "未知状态", "unknown status"),
)
# What a card's word about one file or item comes to: the others of the card can still be read.
OF_AN_ITEM = frozenset(row.fault for row in STATUS_WORDS) - {"", "card.locked", "card.blocked"}
# The words by which a card says that it has never heard of the environment: another kind of card.
# (6A81 is not among them: PBOC cards also say it when the whole card is blocked.)
NO_SUCH_APPLICATION = frozenset({0x6A82, 0x6A86, 0x6A88, 0x6D00, 0x6E00})
# The words by which a card says that it does not take this form of SELECT; the other one is worth a try.
OTHER_FORM = frozenset({0x6700, 0x6981, 0x6A80, 0x6A81, 0x6A82, 0x6A86, 0x6A88, 0x6B00, 0x6D00, 0x6F00})


def explain(sw: int) -> StatusWord:
    """The row of a status word; every number from 0 to FFFF has one."""
    text = f"{sw:04X}"
    fitting = (row for row in STATUS_WORDS if all(p in {"x", t} for p, t in zip(row.pattern, text, strict=True)))
    return min(fitting, key=lambda row: row.pattern.count("x"))


def tries_left(sw: int) -> int | None:
    """How often the secret may still be tried, from 63Cx; ``None`` for any other word."""
    return sw & _TRIES if sw & ~_TRIES == _VERIFICATION_FAILED else None


def as_fault(sw: int, where: str) -> Fault:
    """The fault of a status word that was not expected at ``where`` (file and item, never a value).

    What a person should do stands with the fault's code; the detail has the word and its meaning in two languages.
    """
    row = explain(sw)
    left = tries_left(sw)
    zh, en = (row.zh, row.en) if left is None else (row.zh.replace("x", f"{left}"), row.en.replace("x", f"{left}"))
    return Fault(row.fault or "card.status_word", f"{where}: status {sw:04X} ({zh} / {en})", status=sw)
