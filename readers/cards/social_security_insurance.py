"""The social-insurance application (DF03) of the social-security card, as declarations.

Facts: the files of LD/T 32.6-2015 by their names; tags, widths and encodings as the drivers of two implementations have them
(``_LAYOUT``). The text of the standard was not available: where no source gives an item's meaning, its name says so.
Third-generation cards are declared with the layout of 2.x: not confirmed on a card.
"""

from __future__ import annotations

from types import MappingProxyType

from readers.cards.declaration import Access, CardFile, Encoding, Environment, Generation, Group, Item, Vector

_LAYOUT = "file structure and data items V2.0 (2012) and LD/T 32.6-2015, as in one driver's table; not confirmed on a card"
_FIRST = frozenset({Generation.FIRST})
_LATER = frozenset({Generation.SECOND, Generation.THIRD})
_EITHER = MappingProxyType(dict.fromkeys(Generation, Access.KEY_OR_PIN))

DF03_EF05_1 = CardFile(
    file_id=0xEF05,
    path="DF03/EF05",
    zh="失业保险信息",
    en="unemployment insurance",
    access=_EITHER,
    generations=_FIRST,
    key=0x2C,
    source=_LAYOUT,
    items=(
        Item(0x60, "标签 60（含义未公开）", "tag 60, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x98, "标签 98（含义未公开）", "tag 98, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x61, "金额（含义未公开）", "amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00112233", "1122.33"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x62, "标签 62（含义未公开）", "tag 62, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x63, "标签 63（含义未公开）", "tag 63, meaning not published", 3, Encoding.ASCII,
             (Vector("303135", "015"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x64, "标签 64（含义未公开）", "tag 64, meaning not published", 3, Encoding.ASCII,
             (Vector("303135", "015"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x65, "标签 65（含义未公开）", "tag 65, meaning not published", 3, Encoding.BCD_MONEY,
             (Vector("008600", "86.00"), Vector("00000A", malformed=True)), _LAYOUT),
        Item(0x66, "标签 66（含义未公开）", "tag 66, meaning not published", 3, Encoding.BCD_MONEY,
             (Vector("008600", "86.00"), Vector("00000A", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF05 = CardFile(
    file_id=0xEF05,
    path="DF03/EF05",
    zh="失业保险信息",
    en="unemployment insurance",
    access=_EITHER,
    generations=_LATER,
    key=0x2C,
    source=_LAYOUT,
    items=(
        Item(0x61, "标签 61（含义未公开）", "tag 61, meaning not published", 3, Encoding.CN,
             (Vector("112233", "112233"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x60, "标签 60（含义未公开）", "tag 60, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x98, "标签 98（含义未公开）", "tag 98, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x62, "标签 62（含义未公开）", "tag 62, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x63, "标签 63（含义未公开）", "tag 63, meaning not published", 3, Encoding.ASCII,
             (Vector("303135", "015"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x64, "标签 64（含义未公开）", "tag 64, meaning not published", 3, Encoding.ASCII,
             (Vector("303135", "015"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x65, "标签 65（含义未公开）", "tag 65, meaning not published", 3, Encoding.ASCII,
             (Vector("303836", "086"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x66, "标签 66（含义未公开）", "tag 66, meaning not published", 3, Encoding.ASCII,
             (Vector("303836", "086"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF06_1 = CardFile(
    file_id=0xEF06,
    path="DF03/EF06",
    zh="丧失劳动能力鉴定信息",
    en="assessment of working capacity",
    access=_EITHER,
    generations=_FIRST,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x67, "鉴定日期", "assessed on", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x68, "标签 68（含义未公开）", "tag 68, meaning not published", 62, Encoding.GB18030,
             (Vector("B2E2CAD4" + "00" * 58, "测试"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x69, "标签 69（含义未公开）", "tag 69, meaning not published", 62, Encoding.GB18030,
             (Vector("B2E2CAD4" + "00" * 58, "测试"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x6A, "标签 6A（含义未公开）", "tag 6A, meaning not published", 16, Encoding.GB18030,
             (Vector("B2E2CAD4" + "00" * 12, "测试"), Vector("D5" + "00" * 15, malformed=True)), _LAYOUT),
        Item(0x6B, "鉴定机构", "assessed by", 60, Encoding.GB18030,
             (Vector("B2E2CAD4BED6" + "00" * 54, "测试局"), Vector("D5" + "00" * 59, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF06 = CardFile(
    file_id=0xEF06,
    path="DF03/EF06",
    zh="劳动能力鉴定信息",
    en="assessment of working capacity",
    access=_EITHER,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x45, "鉴定编号", "number of the assessment", 20, Encoding.ASCII,
             (Vector("31323334353637383930313233" + "00" * 7, "1234567890123"), Vector("07" + "00" * 19, malformed=True)), _LAYOUT),
        Item(0x46, "标签 46（含义未公开）", "tag 46, meaning not published", 2, Encoding.ASCII,
             (Vector("3032", "02"), Vector("07" + "00" * 1, malformed=True)), _LAYOUT),
        Item(0x47, "标签 47（含义未公开）", "tag 47, meaning not published", 2, Encoding.ASCII,
             (Vector("3032", "02"), Vector("07" + "00" * 1, malformed=True)), _LAYOUT),
        Item(0x48, "标签 48（含义未公开）", "tag 48, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x49, "标签 49（含义未公开）", "tag 49, meaning not published", 1, Encoding.ASCII,
             (Vector("30", "0"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x67, "鉴定日期", "assessed on", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x6B, "鉴定机构", "assessed by", 60, Encoding.GB18030,
             (Vector("B2E2CAD4BED6" + "00" * 54, "测试局"), Vector("D5" + "00" * 59, malformed=True)), _LAYOUT),
    ),
    groups=(
        Group(0x4A, "鉴定记录", "an assessment", 8, 3, (
            Item(0x13, "标签 13（含义未公开）", "tag 13, meaning not published", 2, Encoding.ASCII,
                 (Vector("3231", "21"), Vector("07" + "00" * 1, malformed=True)), _LAYOUT),
            Item(0x14, "标签 14（含义未公开）", "tag 14, meaning not published", 1, Encoding.ASCII,
                 (Vector("32", "2"), Vector("07", malformed=True)), _LAYOUT),
            Item(0x15, "标签 15（含义未公开）", "tag 15, meaning not published", 20, Encoding.GB18030,
                 (Vector("B2E2CAD4" + "00" * 16, "测试"), Vector("D5" + "00" * 19, malformed=True)), _LAYOUT),
            Item(0x16, "日期", "date", 4, Encoding.BCD_DATE,
                 (Vector("20120111", "2012-01-11"), Vector("20230229", malformed=True)), _LAYOUT),
            Item(0x17, "机构", "body", 60, Encoding.GB18030,
                 (Vector("B2E2CAD4BED6" + "00" * 54, "测试局"), Vector("D5" + "00" * 59, malformed=True)), _LAYOUT),
        )),
    ),
)  # fmt: skip

DF03_EF07_1 = CardFile(
    file_id=0xEF07,
    path="DF03/EF07",
    zh="养老保险基本信息",
    en="pension insurance",
    access=_EITHER,
    generations=_FIRST,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x6C, "标签 6C（含义未公开）", "tag 6C, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x6D, "金额一（含义未公开）", "first amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00112233", "1122.33"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x6E, "标签 6E（含义未公开）", "tag 6E, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x6F, "标签 6F（含义未公开）", "tag 6F, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x70, "标签 70（含义未公开）", "tag 70, meaning not published", 3, Encoding.ASCII,
             (Vector("313233", "123"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x71, "金额二（含义未公开）", "second amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00112233", "1122.33"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x72, "金额三（含义未公开）", "third amount, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00112233", "1122.33"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x73, "标签 73（含义未公开）", "tag 73, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF07 = CardFile(
    file_id=0xEF07,
    path="DF03/EF07",
    zh="养老保险信息",
    en="pension insurance",
    access=_EITHER,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x70, "标签 70（含义未公开）", "tag 70, meaning not published", 3, Encoding.ASCII,
             (Vector("313233", "123"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x71, "年月（含义未公开）", "month, meaning not published", 3, Encoding.CN,
             (Vector("201211", "201211"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x6E, "标签 6E（含义未公开）", "tag 6E, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x6C, "标签 6C（含义未公开）", "tag 6C, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x6F, "标签 6F（含义未公开）", "tag 6F, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x73, "标签 73（含义未公开）", "tag 73, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF15 = CardFile(
    file_id=0xEF15,
    path="DF03/EF15",
    zh="工伤保险信息",
    en="work injury insurance",
    access=_EITHER,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x7A, "年月（含义未公开）", "month, meaning not published", 3, Encoding.CN,
             (Vector("201211", "201211"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x7B, "标签 7B（含义未公开）", "tag 7B, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x7C, "标签 7C（含义未公开）", "tag 7C, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20121129", "2012-11-29"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF16 = CardFile(
    file_id=0xEF16,
    path="DF03/EF16",
    zh="文件 EF16（用途未公开）",
    en="file EF16, purpose not published",
    access=_EITHER,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x51, "年月（含义未公开）", "month, meaning not published", 3, Encoding.CN,
             (Vector("201211", "201211"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x5F, "标签 5F（含义未公开）", "tag 5F, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF17 = CardFile(
    file_id=0xEF17,
    path="DF03/EF17",
    zh="文件 EF17（用途未公开）",
    en="file EF17, purpose not published",
    access=_EITHER,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x3B, "编号", "number", 20, Encoding.ASCII,
             (Vector("3132333435363738393031323334" + "00" * 6, "12345678901234"), Vector("07" + "00" * 19, malformed=True)), _LAYOUT),
        Item(0x3C, "标签 3C（含义未公开）", "tag 3C, meaning not published", 70, Encoding.GB18030,
             (Vector("B2E2CAD4BDD6B5C0" + "00" * 62, "测试街道"), Vector("D5" + "00" * 69, malformed=True)), _LAYOUT),
        Item(0x3D, "标签 3D（含义未公开）", "tag 3D, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x3E, "日期", "date", 4, Encoding.BCD_DATE,
             (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x3F, "机构", "body", 60, Encoding.GB18030,
             (Vector("B2E2CAD4BED6" + "00" * 54, "测试局"), Vector("D5" + "00" * 59, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF18 = CardFile(
    file_id=0xEF18,
    path="DF03/EF18",
    zh="文件 EF18（用途未公开）",
    en="file EF18, purpose not published",
    access=_EITHER,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x74, "标签 74（含义未公开）", "tag 74, meaning not published", 3, Encoding.ASCII,
             (Vector("313233", "123"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x75, "标签 75（含义未公开）", "tag 75, meaning not published", 3, Encoding.CN,
             (Vector("112233", "112233"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x76, "标签 76（含义未公开）", "tag 76, meaning not published", 1, Encoding.CN,
             (Vector("11", "11"), Vector("0000", malformed=True)), _LAYOUT),
        Item(0x77, "标签 77（含义未公开）", "tag 77, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x78, "标签 78（含义未公开）", "tag 78, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF03_EF19 = CardFile(
    file_id=0xEF19,
    path="DF03/EF19",
    zh="文件 EF19（用途未公开）",
    en="file EF19, purpose not published",
    access=_EITHER,
    generations=_LATER,
    key=0x2B,
    source=_LAYOUT,
    items=(
        Item(0x75, "标签 75（含义未公开）", "tag 75, meaning not published", 3, Encoding.CN,
             (Vector("112233", "112233"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x76, "标签 76（含义未公开）", "tag 76, meaning not published", 1, Encoding.CN,
             (Vector("11", "11"), Vector("0000", malformed=True)), _LAYOUT),
        Item(0x77, "标签 77（含义未公开）", "tag 77, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x78, "标签 78（含义未公开）", "tag 78, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
    groups=(
        Group(0x79, "记录", "a record", 1, 4, (
            Item(0x18, "标签 18（含义未公开）", "tag 18, meaning not published", 3, Encoding.ASCII,
                 (Vector("313233", "123"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
            Item(0x19, "标签 19（含义未公开）", "tag 19, meaning not published", 3, Encoding.CN,
                 (Vector("112233", "112233"), Vector("00000000", malformed=True)), _LAYOUT),
            Item(0x1A, "标签 1A（含义未公开）", "tag 1A, meaning not published", 4, Encoding.BCD_DATE,
                 (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
            Item(0x1B, "标签 1B（含义未公开）", "tag 1B, meaning not published", 4, Encoding.BCD_DATE,
                 (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
            Item(0x1C, "金额（含义未公开）", "amount, meaning not published", 4, Encoding.BCD_MONEY,
                 (Vector("00021250", "212.50"), Vector("0000000A", malformed=True)), _LAYOUT),
            Item(0x1D, "标签 1D（含义未公开）", "tag 1D, meaning not published", 3, Encoding.ASCII,
                 (Vector("313233", "123"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
            Item(0x1E, "标签 1E（含义未公开）", "tag 1E, meaning not published", 4, Encoding.BCD_DATE,
                 (Vector("20120312", "2012-03-12"), Vector("20230229", malformed=True)), _LAYOUT),
        )),
    ),
)  # fmt: skip

DF03 = Environment(
    label="DF03",
    name=bytes.fromhex("D15600000502"),
    zh="社会保险应用一",
    en="social insurance application 1",
    files=(
        DF03_EF05_1,
        DF03_EF05,
        DF03_EF06_1,
        DF03_EF06,
        DF03_EF07_1,
        DF03_EF07,
        DF03_EF15,
        DF03_EF16,
        DF03_EF17,
        DF03_EF18,
        DF03_EF19,
    ),
    source="LD/T 32.3-2015; two implementations",
)
