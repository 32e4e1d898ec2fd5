"""The kinds of card that are told apart, as declarations: by what each is known, and what becomes of it here."""

from __future__ import annotations

from enum import StrEnum

import attrs
from attrs import frozen

from readers.cards import finance, health
from readers.cards import social_security as ss


@frozen(slots=True)
class ByName:
    """The card has an application or environment of this name (or of one that begins so)."""

    name: bytes
    source: str

    def __str__(self) -> str:
        return f"SELECT {self.name.hex().upper()}"


@frozen(slots=True)
class ByFile:
    """The card has a file of this identifier right under its root."""

    file_id: int
    source: str

    def __str__(self) -> str:
        return f"SELECT {self.file_id:04X}"


@frozen(slots=True)
class ByHistory:
    """The historical bytes of the answer to reset begin so; costs no exchange."""

    prefix: bytes
    source: str

    def __str__(self) -> str:
        return f"ATR {self.prefix.hex().upper()}"


Probe = ByName | ByFile | ByHistory


class Kind(StrEnum):
    """The names of the kinds, as the configuration has them."""

    SOCIAL_SECURITY = ss.KIND
    CITIZEN = "citizen-card"
    CITIZEN_SUB = "citizen-sub-card"
    BANK = "bank-card"
    HEALTH = "health-card"
    MIFARE = "mifare-classic"
    PSAM = "psam"


@frozen(slots=True)
class CardKind:
    """One kind: a card is of it when any of ``probes`` holds. ``readable``: it gives a patient's identity.

    A kind without probes cannot be told apart; ``known_zh`` and ``known_en`` say why, and it stands in no order.
    """

    key: Kind
    zh: str
    en: str
    probes: tuple[Probe, ...]
    readable: bool
    todo_zh: str = ""
    todo_en: str = ""
    known_zh: str = ""
    known_en: str = ""


_PCSC = "PC/SC part 3, 3.1.3.2.3: storage cards"
_STORAGE = "804F0CA000000306"
KINDS = (
    CardKind(
        Kind.SOCIAL_SECURITY, "社会保障卡", "social-security card",
        (ByName(ss.SSSE.name, ss.SSSE.source),),
        readable=True,
    ),
    CardKind(
        Kind.CITIZEN, "市民卡（主卡）", "citizen card (main card)", (), readable=False,
        known_zh="芯片上是社会保障应用和金融应用，按社会保障卡识别和读取；非接触面未见公开资料",
        known_en="its chip has the social-security and the financial application: it is known and read as a social-security card; "
        "of its contactless side nothing is published",
    ),
    CardKind(
        Kind.CITIZEN_SUB, "市民卡（副卡）", "citizen card (sub card)", (), readable=False,
        todo_zh="请使用主卡、社会保障卡或身份证", todo_en="use the main card, the social-security card or the id card",
        known_zh="没有社会保障应用，只有身份；应用名称和文件因城市而异，未见公开资料，故不声明",
        known_en="no social-security application, identity only; names and files differ by city and none is published, so none is declared",
    ),
    CardKind(
        Kind.BANK, "银行卡（或卡的金融应用）", "bank card, or a card's financial side",
        (
            ByName(finance.PBOC.name, "PBOC 3.0: debit"),
            ByName(finance.PBOC.also[0], "PBOC 3.0: credit"),
            ByName(finance.PSE.name, "PBOC 3.0: payment system environment"),
            ByName(finance.PPSE.name, "PBOC 3.0: the same, contactless"),
        ),
        readable=False,
        todo_zh="请使用社会保障卡，或在收款处刷银行卡", todo_en="use the social-security card, or pay with it at the bank terminal",
    ),
    CardKind(
        Kind.HEALTH, "居民健康卡", "resident health card",
        (ByFile(health.ROOT, health.DDF1.source),),
        readable=True,
        todo_zh="须有 PSAM，姓名要先认证读密钥", todo_en="with a PSAM: the name is behind the read key",
    ),
    CardKind(
        Kind.MIFARE, "就诊卡（Mifare Classic）", "treatment card (Mifare classic)",
        (
            ByHistory(bytes.fromhex(_STORAGE + "030001"), _PCSC + ", 1K"),
            ByHistory(bytes.fromhex(_STORAGE + "030002"), _PCSC + ", 4K"),
        ),
        readable=False,
        todo_zh="未在 [[stored_cards]] 中配置，请使用社会保障卡", todo_en="no [[stored_cards]] describes it; use the social-security card",
    ),
    CardKind(
        Kind.PSAM, "PSAM 卡（终端安全模块）", "PSAM, a terminal's security module",
        (
            ByName(bytes.fromhex("D15600000590"), "PSAM for 3DES: its DF01; the environment has the name of a person's card"),
            ByName(b"sx2.sh.", "PSAM for SSF33"),
            ByName(b"sx3.sh." + "社会保障".encode("gbk"), "PSAM for SM4"),
        ),
        readable=False,
        todo_zh="这是终端的卡，不是持卡人的卡", todo_en="this is a terminal's card, not a person's",
    ),
)  # fmt: skip
DEFAULT_ORDER = tuple(str(kind.key) for kind in KINDS if kind.probes)


def check_order(_instance: object, attribute: attrs.Attribute[tuple[str, ...]], value: tuple[str, ...]) -> None:
    """The validator of an order in a configuration: known kinds, each once, at least one."""
    unknown = [key for key in value if key not in DEFAULT_ORDER]
    if unknown or not value or len(set(value)) != len(value):
        raise ValueError(f"{attribute.name} must be some of {', '.join(DEFAULT_ORDER)}, each once, got {list(value)}")


def by_key(key: str) -> CardKind:
    """The kind of that name; ``KeyError`` when there is none."""
    for kind in KINDS:
        if kind.key == key:
            return kind
    raise KeyError(key)
