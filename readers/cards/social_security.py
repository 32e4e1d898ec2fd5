"""The social-security card (社会保障卡), all generations, as declarations: its environment; the applications stand beside it.

Facts: LB 002-2000, LD/T 32.5 and 32.6-2015, as met in two or more implementations; a single-source fact says so.
Nothing here reads a card; ``readers.cards.social_security_read`` does.
"""

from __future__ import annotations

from types import MappingProxyType

from attrs import frozen

from readers.cards.declaration import (
    Access,
    Algorithm,
    CardFile,
    Encoding,
    Environment,
    Generation,
    Item,
    Structure,
    Vector,
)

KIND = "social-security-card"
NUMBER_CHARACTERS = 9  # tag 07

_FREE = MappingProxyType(dict.fromkeys(Generation, Access.FREE))
_HOLDER = MappingProxyType({Generation.FIRST: Access.FREE, Generation.SECOND: Access.FREE, Generation.THIRD: Access.RKSSSE})
_SPEC = "LD/T 32.6-2015"
LAYOUT = "file structure and data items V2.0 (2012) and LD/T 32.6-2015, as in one driver's table; not confirmed on a card"

# Tags, by the names that the reading uses.
CARD_ID_CODE, CARD_CLASS, SPEC_VERSION, ORGANISATION, ISSUED_ON, EXPIRES_ON, CARD_NUMBER = range(0x01, 0x08)
ID_NUMBER, NAME, SEX, NATION, BIRTHPLACE, BIRTH_DATE = range(0x08, 0x0E)
NAME_EXTENSION = 0x4E

EF05 = CardFile(
    file_id=0xEF05,
    path="SSSE/EF05",
    zh="发卡机构基本数据",
    en="issuer data",
    access=_FREE,
    items=(
        Item(CARD_ID_CODE, "卡识别码", "card identification code", 16, Encoding.CN, (
            Vector("999900000000000000000000115A1C7E", "999900000000000000000000115A1C7E"),
            Vector("9999000000000000000000110A1B2C", malformed=True),
        ), _SPEC),
        Item(CARD_CLASS, "卡的类别", "card class", 1, Encoding.ASCII, (
            Vector("31", "1"),
            Vector("00", malformed=True),
            Vector("07", malformed=True),
        ), _SPEC, personal=False),
        Item(SPEC_VERSION, "规范版本", "spec version", 4, Encoding.ASCII, (
            Vector("322E3030", "2.00"),
            Vector("322E3031", "2.01"),
            Vector("312E3000", "1.0"),
            Vector("322E30FF", "2.0", one_way=True),
            Vector("3200302E", malformed=True),
        ), _SPEC, personal=False),
        Item(ORGANISATION, "初始化机构编号", "initialising organisation", 12, Encoding.CN, (
            Vector("999900000000000000000001", "999900000000000000000001"),
            Vector("99990000FFFFFFFFFFFFFFFF", "99990000FFFFFFFFFFFFFFFF"),
        ), _SPEC, personal=False),
        Item(ISSUED_ON, "发卡日期", "issue date", 4, Encoding.BCD_DATE, (
            Vector("20180301", "2018-03-01"),
            Vector("20180229", malformed=True),
            Vector("2018030A", malformed=True),
            Vector("00000000", malformed=True),
        ), _SPEC, personal=False),
        Item(EXPIRES_ON, "卡有效期", "expiry date", 4, Encoding.BCD_DATE, (
            Vector("20680229", "2068-02-29"),
            Vector("99991231", "9999-12-31"),
            Vector("FFFFFFFF", malformed=True),
        ), _SPEC, personal=False),
        Item(CARD_NUMBER, "卡号", "card number", NUMBER_CHARACTERS, Encoding.ASCII, (
            Vector("413130303030303135", "A10000015"),
            Vector("413130303030303458", "A1000004X"),
            Vector("4131303030303031FE", malformed=True),
        ), _SPEC),
    ),
)  # fmt: skip

EF06 = CardFile(
    file_id=0xEF06,
    path="SSSE/EF06",
    key=0x0A,
    zh="持卡人基本数据",
    en="holder data",
    access=_HOLDER,
    items=(
        Item(ID_NUMBER, "社会保障号码", "social security number", 18, Encoding.ASCII, (
            Vector("393939393939313937343035313233313134", "999999197405123114"),
            Vector("FF9939393939313937343035313233313134", malformed=True),
        ), _SPEC + "; the number is the citizen id number, GB 11643"),
        Item(NAME, "姓名", "name", 30, Encoding.GB18030, (
            Vector("D5C5CEB0C3F1" + "00" * 24, "张伟民"),
            Vector("D5C5CEB0C3F1" + "FF" * 24, "张伟民", one_way=True),
            Vector("D5C5CEB0C3F1" + "20" * 2 + "00" * 22, "张伟民", one_way=True),
            Vector("D5C59933A932" + "00" * 24, "张\U0002cb4e"),  # a four-byte character
            Vector("B0A2A1A4B0AC" + "00" * 24, "阿·艾"),
            Vector("D5" + "00" * 29, malformed=True),  # half a character
            Vector("D5C500CEB0" + "00" * 25, malformed=True),  # padding inside
            Vector("D5C50A" + "00" * 27, malformed=True),  # a control character
            Vector("00" * 30, malformed=True),
        ), _SPEC),
        Item(NAME_EXTENSION, "姓名扩展", "name extension", 20, Encoding.GB18030, (
            Vector("BDAD" + "00" * 18, "江"),
            Vector("BDAD" + "FF" * 18, "江", one_way=True),
        ), "file structure V2.0 (2012); met missing on second-generation cards",
            since=Generation.SECOND, may_be_missing=frozenset({Generation.SECOND})),
        Item(SEX, "性别", "sex", 1, Encoding.ASCII, (Vector("31", "1"), Vector("32", "2")), _SPEC),
        Item(NATION, "民族", "nation", 1, Encoding.BCD, (
            Vector("01", "01"),
            Vector("56", "56"),
            Vector("0A", malformed=True),
        ), _SPEC + "; GB 3304"),
        Item(BIRTHPLACE, "出生地", "birthplace", 3, Encoding.BCD, (
            Vector("110101", "110101"),
            Vector("FFFFFF", malformed=True),
        ), _SPEC + "; GB/T 2260"),
        Item(BIRTH_DATE, "出生日期", "birth date", 4, Encoding.BCD_DATE, (
            Vector("19740512", "1974-05-12"),
            Vector("19741301", malformed=True),
        ), _SPEC),
    ),
)  # fmt: skip

_BIOMETRIC = MappingProxyType(dict.fromkeys(Generation, Access.RKSSSE))
_LATER = frozenset({Generation.SECOND, Generation.THIRD})
_ONE_DRIVER = "one driver's table; not confirmed on a card"

EF07_1 = CardFile(
    0xEF07, "SSSE/EF07", "指纹数据", "fingerprint", (), _BIOMETRIC, structure=Structure.TRANSPARENT,
    generations=frozenset({Generation.FIRST}), key=0x0A, size=0x300, source=_ONE_DRIVER,
)  # fmt: skip
EF07 = CardFile(
    0xEF07, "SSSE/EF07", "指纹数据", "fingerprint", (), _BIOMETRIC, structure=Structure.TRANSPARENT,
    generations=_LATER, key=0x0A, size=0x400, source=_ONE_DRIVER,
)  # fmt: skip
EF08 = CardFile(
    0xEF08, "SSSE/EF08", "照片", "photo", (), _BIOMETRIC, structure=Structure.TRANSPARENT,
    generations=_LATER, key=0x0A, size=0x1000, source=_ONE_DRIVER,
)  # fmt: skip
EF0D = CardFile(
    0xEF0D, "SSSE/EF0D", "地区扩展（数据项未公开）", "regional extension, items not published", (), _BIOMETRIC,
    generations=_LATER, key=0x0A, source="one implementation: a person id and the place of the first application",
)  # fmt: skip

SSSE = Environment(
    label="SSSE",
    name=b"sx1.sh." + "社会保障".encode("gbk"),
    zh="社会保障系统环境",
    en="social-security system environment",
    files=(EF05, EF06, EF07_1, EF07, EF08, EF0D),
    source="LB 002-2000, LD/T 32.3: 15 bytes, DDF1",
)
ENVIRONMENTS = (SSSE,)

SEXES = frozenset("0129")  # GB/T 2261.1
# Check character of the card number, as in GB 11714. Single source: good for a warning, never for a refusal.
NUMBER_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)


def number_check_character(first8: str) -> str:
    """The ninth character of a card number; "" when the first eight are not digits and capital letters."""
    if len(first8) != len(NUMBER_WEIGHTS) or not (first8.isascii() and first8.isalnum()):
        return ""
    value = 11 - sum(int(char, 36) * weight for char, weight in zip(first8, NUMBER_WEIGHTS, strict=True)) % 11
    return {10: "X", 11: "0"}.get(value, str(value))


# The FCI of the environment says the cipher of the card's keys in tag 9F0C: 86 01 and one of these. Absent on 3DES cards.
ALGORITHMS = MappingProxyType({0x01: Algorithm.TDES, 0x02: Algorithm.SSF33, 0x03: Algorithm.SM4})

# The card identification code (tag 01): what the issuer gave the card, then a MAC over it under the key IRK. Whoever
# lacks IRK (only PSAM and HSM have it) can take the code apart but cannot prove it.
CODE_DIGITS = 24
CODE_MAC_DIGITS = 8
CODE_REGION_DIGITS = 6


@frozen(slots=True, repr=False)
class IdentificationCode:
    """The parts of a card identification code, upper-case hex: region (6), the rest of the code (18), MAC (8).

    ``covered`` is what the MAC is computed over and ``proof`` the MAC itself, as bytes, for whoever has the key IRK.
    """

    region: str
    serial: str
    mac: str

    @classmethod
    def parse(cls, text: str) -> IdentificationCode:
        """The parts of 32 hex digits; ``ValueError`` names the rule, never the code."""
        if len(text) != CODE_DIGITS + CODE_MAC_DIGITS or not set(text) <= set("0123456789ABCDEF"):
            raise ValueError("a card identification code is 32 hex digits")
        if not text[:CODE_REGION_DIGITS].isdecimal():
            raise ValueError("the region of a card identification code is six digits")
        return cls(text[:CODE_REGION_DIGITS], text[CODE_REGION_DIGITS:CODE_DIGITS], text[CODE_DIGITS:])

    @property
    def covered(self) -> bytes:
        """The twelve bytes that the MAC stands for."""
        return bytes.fromhex(self.region + self.serial)

    @property
    def proof(self) -> bytes:
        """The four bytes of the MAC."""
        return bytes.fromhex(self.mac)

    def __repr__(self) -> str:
        return f"IdentificationCode({self.region}...)"
