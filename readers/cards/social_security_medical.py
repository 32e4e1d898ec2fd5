"""The medical application (DF04) of the social-security card, as declarations.

Facts: the files of LD/T 32.6-2015 by their names; tags, widths and encodings as the drivers of two implementations have them
(``_LAYOUT``). The text of the standard was not available: where no source gives an item's meaning, its name says so.
Third-generation cards are declared with the layout of 2.x: not confirmed on a card.
"""

from __future__ import annotations

from types import MappingProxyType

from readers.cards.declaration import Access, Balance, CardFile, Encoding, Environment, Generation, Item, Structure, Vector

_LAYOUT = "file structure and data items V2.0 (2012) and LD/T 32.6-2015, as in one driver's table; not confirmed on a card"
_FIRST = frozenset({Generation.FIRST})
_LATER = frozenset({Generation.SECOND, Generation.THIRD})
_EITHER = MappingProxyType(dict.fromkeys(Generation, Access.KEY_OR_PIN))
_BOTH = MappingProxyType(dict.fromkeys(Generation, Access.KEY_AND_PIN))
_NEVER = MappingProxyType(dict.fromkeys(Generation, Access.NEVER))

DF04_EF05_1 = CardFile(
    file_id=0xEF05,
    path="DF04/EF05",
    zh="医疗保险基本信息",
    en="medical insurance basics",
    access=_EITHER,
    generations=_FIRST,
    key=0x2D,
    source=_LAYOUT,
    items=(
        Item(0x80, "日期（含义未公开）", "date, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x81, "定点医疗机构一名称", "name of designated institution 1", 62, Encoding.GB18030,
             (Vector("B2E2CAD4D2BDD4BA" + "00" * 54, "测试医院"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x82, "定点医疗机构一名称扩展", "name of designated institution 1, continued", 8, Encoding.GB18030,
             (Vector("B6ABD4BA" + "00" * 4, "东院"), Vector("D5" + "00" * 7, malformed=True)), _LAYOUT),
        Item(0x83, "定点医疗机构一代码", "code of designated institution 1", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x84, "定点医疗机构二名称", "name of designated institution 2", 62, Encoding.GB18030,
             (Vector("B2E2CAD4D2BDD4BA" + "00" * 54, "测试医院"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x85, "定点医疗机构二名称扩展", "name of designated institution 2, continued", 8, Encoding.GB18030,
             (Vector("B6ABD4BA" + "00" * 4, "东院"), Vector("D5" + "00" * 7, malformed=True)), _LAYOUT),
        Item(0x86, "定点医疗机构二代码", "code of designated institution 2", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x87, "定点医疗机构三名称", "name of designated institution 3", 62, Encoding.GB18030,
             (Vector("B2E2CAD4D2BDD4BA" + "00" * 54, "测试医院"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x88, "定点医疗机构三名称扩展", "name of designated institution 3, continued", 8, Encoding.GB18030,
             (Vector("B6ABD4BA" + "00" * 4, "东院"), Vector("D5" + "00" * 7, malformed=True)), _LAYOUT),
        Item(0x89, "定点医疗机构三代码", "code of designated institution 3", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x8A, "标签 8A（含义未公开）", "tag 8A, meaning not published", 15, Encoding.ASCII,
             (Vector("31323334353738" + "00" * 8, "1234578"), Vector("07" + "00" * 14, malformed=True)), _LAYOUT),
        Item(0x8B, "标签 8B（含义未公开）", "tag 8B, meaning not published", 10, Encoding.ASCII,
             (Vector("3132333435" + "00" * 5, "12345"), Vector("07" + "00" * 9, malformed=True)), _LAYOUT),
        Item(0x8C, "标签 8C（含义未公开）", "tag 8C, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x8F, "标签 8F（含义未公开）", "tag 8F, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF04_EF05 = CardFile(
    file_id=0xEF05,
    path="DF04/EF05",
    zh="医疗保险基本信息",
    en="medical insurance basics",
    access=_EITHER,
    generations=_LATER,
    key=0x2D,
    source=_LAYOUT,
    items=(
        Item(0x81, "标签 81（含义未公开）", "tag 81, meaning not published", 8, Encoding.ASCII,
             (Vector("3132333435363738", "12345678"), Vector("07" + "00" * 7, malformed=True)), _LAYOUT),
        Item(0x84, "年月（含义未公开）", "month, meaning not published", 3, Encoding.CN,
             (Vector("201211", "201211"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x87, "标签 87（含义未公开）", "tag 87, meaning not published", 17, Encoding.ASCII,
             (Vector("3336303132333132333435" + "00" * 6, "36012312345"), Vector("07" + "00" * 16, malformed=True)), _LAYOUT),
        Item(0x8C, "标签 8C（含义未公开）", "tag 8C, meaning not published", 1, Encoding.CN,
             (Vector("11", "11"), Vector("0000", malformed=True)), _LAYOUT),
        Item(0x80, "日期（含义未公开）", "date, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x8B, "标签 8B（含义未公开）", "tag 8B, meaning not published", 29, Encoding.ASCII,
             (Vector("31323334353738" + "00" * 22, "1234578"), Vector("07" + "00" * 28, malformed=True)), _LAYOUT),
        Item(0x8A, "标签 8A（含义未公开）", "tag 8A, meaning not published", 15, Encoding.ASCII,
             (Vector("3230313231313239" + "00" * 7, "20121129"), Vector("07" + "00" * 14, malformed=True)), _LAYOUT),
        Item(0x83, "定点医疗机构一代码", "code of designated institution 1", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x86, "定点医疗机构二代码", "code of designated institution 2", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x89, "定点医疗机构三代码", "code of designated institution 3", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x7D, "定点医疗机构四代码", "code of designated institution 4", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x7E, "定点医疗机构五代码", "code of designated institution 5", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x7F, "定点医疗机构六代码", "code of designated institution 6", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x8D, "定点医疗机构七代码", "code of designated institution 7", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x8E, "定点医疗机构八代码", "code of designated institution 8", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x8F, "标签 8F（含义未公开）", "tag 8F, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF04_EF06_1 = CardFile(
    file_id=0xEF06,
    path="DF04/EF06",
    zh="医疗保险临时脱网结算信息",
    en="offline settlement",
    access=_BOTH,
    generations=_FIRST,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x90, "金额一（含义未公开）", "first amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00001212", "12.12"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x92, "金额二（含义未公开）", "second amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00001212", "12.12"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x93, "金额三（含义未公开）", "third amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00000000", "0.00"), Vector("0000000A", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF04_EF06 = CardFile(
    file_id=0xEF06,
    path="DF04/EF06",
    zh="医疗保险临时脱网结算信息",
    en="offline settlement",
    access=_BOTH,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x90, "脱网结算标志", "whether offline settlement is on", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x92, "金额（含义未公开）", "amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00029819", "298.19"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x93, "标签 93（含义未公开）", "tag 93, meaning not published", 2, Encoding.ASCII,
             (Vector("3132", "12"), Vector("07" + "00" * 1, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF04_EF08_1 = CardFile(
    file_id=0xEF08,
    path="DF04/EF08",
    zh="医疗交易明细",
    en="medical transaction log",
    access=_EITHER,
    generations=_FIRST,
    structure=Structure.NUMBERED,
    key=0x2B,
    records=10,
    source=_LAYOUT,
    items=(
        Item(0x01, "交易序号", "transaction number", 2, Encoding.NUMBER,
             (Vector("0011", "17"), Vector("000000", malformed=True)), _LAYOUT),
        Item(0x02, "交易类型", "kind of transaction", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x03, "终端机编号", "terminal number", 6, Encoding.CN,
             (Vector("999900000001", "999900000001"), Vector("00000000000000", malformed=True)), _LAYOUT),
        Item(0x04, "交易时间", "time of the transaction", 7, Encoding.BCD_MOMENT,
             (Vector("20130630123059", "2013-06-30T12:30:59"), Vector("20230229120000", malformed=True)), _LAYOUT),
        Item(0x05, "金额一（含义未公开）", "first amount, meaning not published", 4, Encoding.BINARY_MONEY,
             (Vector("000004D2", "12.34"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x06, "金额二（含义未公开）", "second amount, meaning not published", 4, Encoding.BINARY_MONEY,
             (Vector("00000005", "0.05"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x07, "金额三（含义未公开）", "third amount, meaning not published", 4, Encoding.BINARY_MONEY,
             (Vector("00000000", "0.00"), Vector("0000000000", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF04_EF08 = CardFile(
    file_id=0xEF08,
    path="DF04/EF08",
    zh="医疗交易明细",
    en="medical transaction log",
    access=_EITHER,
    generations=_LATER,
    structure=Structure.NUMBERED,
    key=0x2B,
    records=30,
    source=_LAYOUT,
    items=(
        Item(0x01, "交易序号", "transaction number", 2, Encoding.NUMBER,
             (Vector("0011", "17"), Vector("000000", malformed=True)), _LAYOUT),
        Item(0x02, "交易类型", "kind of transaction", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x03, "终端机编号", "terminal number", 6, Encoding.CN,
             (Vector("999900000001", "999900000001"), Vector("00000000000000", malformed=True)), _LAYOUT),
        Item(0x04, "交易时间", "time of the transaction", 7, Encoding.BCD_MOMENT,
             (Vector("20130630123059", "2013-06-30T12:30:59"), Vector("20230229120000", malformed=True)), _LAYOUT),
        Item(0x05, "金额一（含义未公开）", "first amount, meaning not published", 4, Encoding.BINARY_MONEY,
             (Vector("000004D2", "12.34"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x06, "金额二（含义未公开）", "second amount, meaning not published", 4, Encoding.BINARY_MONEY,
             (Vector("00000005", "0.05"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x07, "金额三（含义未公开）", "third amount, meaning not published", 4, Encoding.BINARY_MONEY,
             (Vector("00000000", "0.00"), Vector("0000000000", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF04_EF15 = CardFile(
    file_id=0xEF15,
    path="DF04/EF15",
    zh="特殊医疗结算记录",
    en="special medical settlements",
    access=_EITHER,
    generations=_LATER,
    structure=Structure.NUMBERED,
    key=0x2D,
    records=8,
    source=_LAYOUT,
    items=(
        Item(0x01, "编号", "number", 2, Encoding.NUMBER,
             (Vector("0001", "1"), Vector("000000", malformed=True)), _LAYOUT),
        Item(0x02, "标志", "mark", 1, Encoding.ASCII,
             (Vector("32", "2"), Vector("07", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF04_SFI1F = CardFile(
    file_id=0x001F,
    path="DF04/1F",
    zh="医疗保险交易内部文件",
    en="internal file of the medical debit",
    access=_NEVER,
    generations=frozenset(Generation),
    structure=Structure.INTERNAL,
    source=_LAYOUT,
    items=(),
)  # fmt: skip

DF04 = Environment(
    label="DF04",
    name=bytes.fromhex("D15600000503"),
    zh="社会保险应用二（医疗）",
    en="social insurance application 2 (medical)",
    files=(
        DF04_EF05_1,
        DF04_EF05,
        DF04_EF06_1,
        DF04_EF06,
        DF04_EF08_1,
        DF04_EF08,
        DF04_EF15,
        DF04_SFI1F,
    ),
    source="LD/T 32.3-2015; two implementations",
)

_BALANCE = "one implementation; asked for after the PIN; a third account (P2 03, SPFP) is known by name only"
BALANCES = (
    Balance(0x01, "个人账户余额（CIA）", "balance of the individual account (CIA)", (
        Item(0x01, "余额", "balance", 4, Encoding.BINARY_MONEY,
            (Vector("000004D2", "12.34"), Vector("0000", malformed=True)), _BALANCE),
    ), Access.PIN, _BALANCE),
    Balance(0x02, "统筹账户累计（SPIP）", "pooled fund, sum of the year (SPIP)", (
        Item(0x01, "年度", "year", 2, Encoding.BCD, (Vector("2026", "2026"), Vector("20FF", malformed=True)), _BALANCE),
        Item(0x02, "累计金额", "sum", 4, Encoding.BINARY_MONEY,
            (Vector("0000000A", "0.10"), Vector("0000", malformed=True)), _BALANCE),
    ), Access.PIN, _BALANCE),
)  # fmt: skip
