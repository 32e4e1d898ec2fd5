"""The social-insurance application (DF03) of the social-security card, as declarations.

Facts: the files of LD/T 32.6-2015 by their names; tags, widths and encodings as the drivers of two implementations have them
(``LAYOUT``). The text of the standard was not available: where no source gives an item's meaning, its name says so.
Third-generation cards are declared with the layout of 2.x: not confirmed on a card.
"""

from __future__ import annotations

from readers.cards.declaration import Access, Environment, Group
from readers.cards.rows import ASCII, BCD_MONEY, CN, DATE, FIRST, GB18030, LATER, Place, row
from readers.cards.social_security import LAYOUT

# fmt: off
_IN = Place("DF03", LAYOUT)

DF03_EF05_1 = _IN.file(0xEF05, ("失业保险信息", "unemployment insurance"), Access.KEY_OR_PIN, (
    row(0x60, "标签 60（含义未公开）", "tag 60, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x98, "标签 98（含义未公开）", "tag 98, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x61, "金额（含义未公开）", "amount, meaning not published", 4, BCD_MONEY, "00112233", "1122.33"),
    row(0x62, "标签 62（含义未公开）", "tag 62, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x63, "标签 63（含义未公开）", "tag 63, meaning not published", 3, ASCII, "303135", "015"),
    row(0x64, "标签 64（含义未公开）", "tag 64, meaning not published", 3, ASCII, "303135", "015"),
    row(0x65, "标签 65（含义未公开）", "tag 65, meaning not published", 3, BCD_MONEY, "008600", "86.00"),
    row(0x66, "标签 66（含义未公开）", "tag 66, meaning not published", 3, BCD_MONEY, "008600", "86.00"),
), generations=FIRST, key=0x2C)
DF03_EF05 = _IN.file(0xEF05, ("失业保险信息", "unemployment insurance"), Access.KEY_OR_PIN, (
    row(0x61, "标签 61（含义未公开）", "tag 61, meaning not published", 3, CN, "112233", "112233"),
    row(0x60, "标签 60（含义未公开）", "tag 60, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x98, "标签 98（含义未公开）", "tag 98, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x62, "标签 62（含义未公开）", "tag 62, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x63, "标签 63（含义未公开）", "tag 63, meaning not published", 3, ASCII, "303135", "015"),
    row(0x64, "标签 64（含义未公开）", "tag 64, meaning not published", 3, ASCII, "303135", "015"),
    row(0x65, "标签 65（含义未公开）", "tag 65, meaning not published", 3, ASCII, "303836", "086"),
    row(0x66, "标签 66（含义未公开）", "tag 66, meaning not published", 3, ASCII, "303836", "086"),
), generations=LATER, key=0x2C)
DF03_EF06_1 = _IN.file(0xEF06, ("丧失劳动能力鉴定信息", "assessment of working capacity"), Access.KEY_OR_PIN, (
    row(0x67, "鉴定日期", "assessed on", 4, DATE, "20121129", "2012-11-29"),
    row(0x68, "标签 68（含义未公开）", "tag 68, meaning not published", 62, GB18030, "B2E2CAD4", "测试"),
    row(0x69, "标签 69（含义未公开）", "tag 69, meaning not published", 62, GB18030, "B2E2CAD4", "测试"),
    row(0x6A, "标签 6A（含义未公开）", "tag 6A, meaning not published", 16, GB18030, "B2E2CAD4", "测试"),
    row(0x6B, "鉴定机构", "assessed by", 60, GB18030, "B2E2CAD4BED6", "测试局"),
), generations=FIRST, key=0x2B)
DF03_EF06 = _IN.file(0xEF06, ("劳动能力鉴定信息", "assessment of working capacity"), Access.KEY_OR_PIN, (
    row(0x45, "鉴定编号", "number of the assessment", 20, ASCII, "31323334353637383930313233", "1234567890123"),
    row(0x46, "标签 46（含义未公开）", "tag 46, meaning not published", 2, ASCII, "3032", "02"),
    row(0x47, "标签 47（含义未公开）", "tag 47, meaning not published", 2, ASCII, "3032", "02"),
    row(0x48, "标签 48（含义未公开）", "tag 48, meaning not published", 1, ASCII, "31", "1"),
    row(0x49, "标签 49（含义未公开）", "tag 49, meaning not published", 1, ASCII, "30", "0"),
    row(0x67, "鉴定日期", "assessed on", 4, DATE, "20121129", "2012-11-29"),
    row(0x6B, "鉴定机构", "assessed by", 60, GB18030, "B2E2CAD4BED6", "测试局"),
    Group(0x4A, "鉴定记录", "an assessment", 8, 3, (
        row(0x13, "标签 13（含义未公开）", "tag 13, meaning not published", 2, ASCII, "3231", "21"),
        row(0x14, "标签 14（含义未公开）", "tag 14, meaning not published", 1, ASCII, "32", "2"),
        row(0x15, "标签 15（含义未公开）", "tag 15, meaning not published", 20, GB18030, "B2E2CAD4", "测试"),
        row(0x16, "日期", "date", 4, DATE, "20120111", "2012-01-11"),
        row(0x17, "机构", "body", 60, GB18030, "B2E2CAD4BED6", "测试局"),
    )),
), generations=LATER, key=0x2B)
DF03_EF07_1 = _IN.file(0xEF07, ("养老保险基本信息", "pension insurance"), Access.KEY_OR_PIN, (
    row(0x6C, "标签 6C（含义未公开）", "tag 6C, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x6D, "金额一（含义未公开）", "first amount, meaning not published", 4, BCD_MONEY, "00112233", "1122.33"),
    row(0x6E, "标签 6E（含义未公开）", "tag 6E, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x6F, "标签 6F（含义未公开）", "tag 6F, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x70, "标签 70（含义未公开）", "tag 70, meaning not published", 3, ASCII, "313233", "123"),
    row(0x71, "金额二（含义未公开）", "second amount, meaning not published", 4, BCD_MONEY, "00112233", "1122.33"),
    row(0x72, "金额三（含义未公开）", "third amount, meaning not published", 4, BCD_MONEY, "00112233", "1122.33"),
    row(0x73, "标签 73（含义未公开）", "tag 73, meaning not published", 4, DATE, "20121129", "2012-11-29"),
), generations=FIRST, key=0x2B)
DF03_EF07 = _IN.file(0xEF07, ("养老保险信息", "pension insurance"), Access.KEY_OR_PIN, (
    row(0x70, "标签 70（含义未公开）", "tag 70, meaning not published", 3, ASCII, "313233", "123"),
    row(0x71, "年月（含义未公开）", "month, meaning not published", 3, CN, "201211", "201211"),
    row(0x6E, "标签 6E（含义未公开）", "tag 6E, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x6C, "标签 6C（含义未公开）", "tag 6C, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x6F, "标签 6F（含义未公开）", "tag 6F, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x73, "标签 73（含义未公开）", "tag 73, meaning not published", 4, DATE, "20121129", "2012-11-29"),
), generations=LATER, key=0x2B)
DF03_EF15 = _IN.file(0xEF15, ("工伤保险信息", "work injury insurance"), Access.KEY_OR_PIN, (
    row(0x7A, "年月（含义未公开）", "month, meaning not published", 3, CN, "201211", "201211"),
    row(0x7B, "标签 7B（含义未公开）", "tag 7B, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x7C, "标签 7C（含义未公开）", "tag 7C, meaning not published", 4, DATE, "20121129", "2012-11-29"),
), generations=LATER, key=0x2B)
DF03_EF16 = _IN.file(0xEF16, ("文件 EF16（用途未公开）", "file EF16, purpose not published"), Access.KEY_OR_PIN, (
    row(0x51, "年月（含义未公开）", "month, meaning not published", 3, CN, "201211", "201211"),
    row(0x5F, "标签 5F（含义未公开）", "tag 5F, meaning not published", 1, ASCII, "31", "1"),
), generations=LATER, key=0x2B)
DF03_EF17 = _IN.file(0xEF17, ("文件 EF17（用途未公开）", "file EF17, purpose not published"), Access.KEY_OR_PIN, (
    row(0x3B, "编号", "number", 20, ASCII, "3132333435363738393031323334", "12345678901234"),
    row(0x3C, "标签 3C（含义未公开）", "tag 3C, meaning not published", 70, GB18030, "B2E2CAD4BDD6B5C0", "测试街道"),
    row(0x3D, "标签 3D（含义未公开）", "tag 3D, meaning not published", 1, ASCII, "31", "1"),
    row(0x3E, "日期", "date", 4, DATE, "20120312", "2012-03-12"),
    row(0x3F, "机构", "body", 60, GB18030, "B2E2CAD4BED6", "测试局"),
), generations=LATER, key=0x2B)
DF03_EF18 = _IN.file(0xEF18, ("文件 EF18（用途未公开）", "file EF18, purpose not published"), Access.KEY_OR_PIN, (
    row(0x74, "标签 74（含义未公开）", "tag 74, meaning not published", 3, ASCII, "313233", "123"),
    row(0x75, "标签 75（含义未公开）", "tag 75, meaning not published", 3, CN, "112233", "112233"),
    row(0x76, "标签 76（含义未公开）", "tag 76, meaning not published", 1, CN, "11", "11"),
    row(0x77, "标签 77（含义未公开）", "tag 77, meaning not published", 4, DATE, "20120312", "2012-03-12"),
    row(0x78, "标签 78（含义未公开）", "tag 78, meaning not published", 4, DATE, "20120312", "2012-03-12"),
), generations=LATER, key=0x2B)
DF03_EF19 = _IN.file(0xEF19, ("文件 EF19（用途未公开）", "file EF19, purpose not published"), Access.KEY_OR_PIN, (
    row(0x75, "标签 75（含义未公开）", "tag 75, meaning not published", 3, CN, "112233", "112233"),
    row(0x76, "标签 76（含义未公开）", "tag 76, meaning not published", 1, CN, "11", "11"),
    row(0x77, "标签 77（含义未公开）", "tag 77, meaning not published", 4, DATE, "20120312", "2012-03-12"),
    row(0x78, "标签 78（含义未公开）", "tag 78, meaning not published", 4, DATE, "20120312", "2012-03-12"),
    Group(0x79, "记录", "a record", 1, 4, (
        row(0x18, "标签 18（含义未公开）", "tag 18, meaning not published", 3, ASCII, "313233", "123"),
        row(0x19, "标签 19（含义未公开）", "tag 19, meaning not published", 3, CN, "112233", "112233"),
        row(0x1A, "标签 1A（含义未公开）", "tag 1A, meaning not published", 4, DATE, "20120312", "2012-03-12"),
        row(0x1B, "标签 1B（含义未公开）", "tag 1B, meaning not published", 4, DATE, "20120312", "2012-03-12"),
        row(0x1C, "金额（含义未公开）", "amount, meaning not published", 4, BCD_MONEY, "00021250", "212.50"),
        row(0x1D, "标签 1D（含义未公开）", "tag 1D, meaning not published", 3, ASCII, "313233", "123"),
        row(0x1E, "标签 1E（含义未公开）", "tag 1E, meaning not published", 4, DATE, "20120312", "2012-03-12"),
    )),
), generations=LATER, key=0x2B)

DF03 = Environment(
    "DF03", bytes.fromhex("D15600000502"), "社会保险应用一", "social insurance application 1",
    (DF03_EF05_1, DF03_EF05, DF03_EF06_1, DF03_EF06, DF03_EF07_1, DF03_EF07, DF03_EF15, DF03_EF16, DF03_EF17, DF03_EF18, DF03_EF19),
    "LD/T 32.3-2015; two implementations",
)
# fmt: on
