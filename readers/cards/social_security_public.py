"""The public application (DF01) of the social-security card, as declarations.

Facts: the files of LD/T 32.6-2015 by their names; tags, widths and encodings as the drivers of two implementations have them
(``_LAYOUT``). The text of the standard was not available: where no source gives an item's meaning, its name says so.
Third-generation cards are declared with the layout of 2.x: not confirmed on a card.
"""

from __future__ import annotations

from types import MappingProxyType

from readers.cards.declaration import Access, CardFile, Encoding, Environment, Generation, Group, Item, Structure, Vector

_LAYOUT = "file structure and data items V2.0 (2012) and LD/T 32.6-2015, as in one driver's table; not confirmed on a card"
_FIRST = frozenset({Generation.FIRST})
_LATER = frozenset({Generation.SECOND, Generation.THIRD})
_FREE = MappingProxyType(dict.fromkeys(Generation, Access.FREE))
_EITHER = MappingProxyType(dict.fromkeys(Generation, Access.KEY_OR_PIN))

DF01_EF05_1 = CardFile(
    file_id=0xEF05,
    path="DF01/EF05",
    zh="户籍信息",
    en="household",
    access=_EITHER,
    generations=_FIRST,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x20, "户口类别", "household class", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x21, "户口所在地地址", "household address", 62, Encoding.GB18030,
             (Vector("B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5" + "00" * 46, "测试省测试市一号"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x22, "户口所在地地址扩展", "household address, continued", 18, Encoding.GB18030,
             (Vector("B6FEC2A5" + "00" * 14, "二楼"), Vector("D5" + "00" * 17, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF05 = CardFile(
    file_id=0xEF05,
    path="DF01/EF05",
    zh="户籍信息",
    en="household",
    access=_EITHER,
    generations=_LATER,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x20, "户口类别", "household class", 2, Encoding.ASCII,
             (Vector("3130", "10"), Vector("07" + "00" * 1, malformed=True)), _LAYOUT),
        Item(0x21, "户口所在地地址", "household address", 80, Encoding.GB18030,
             (Vector("B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5" + "00" * 64, "测试省测试市一号"), Vector("D5" + "00" * 79, malformed=True)), _LAYOUT),
        Item(0x0E, "户口所在地行政区划", "household region (GB/T 2260)", 3, Encoding.BCD,
             (Vector("999999", "999999"), Vector("00000A", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF06_1 = CardFile(
    file_id=0xEF06,
    path="DF01/EF06",
    zh="通讯信息",
    en="contact",
    access=_EITHER,
    generations=_FIRST,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x25, "通讯地址", "postal address", 62, Encoding.GB18030,
             (Vector("B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5" + "00" * 46, "测试省测试市一号"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x26, "通讯地址扩展", "postal address, continued", 18, Encoding.GB18030,
             (Vector("B6FEC2A5" + "00" * 14, "二楼"), Vector("D5" + "00" * 17, malformed=True)), _LAYOUT),
        Item(0x27, "邮政编码", "postal code", 3, Encoding.BCD,
             (Vector("999999", "999999"), Vector("00000A", malformed=True)), _LAYOUT),
        Item(0x28, "联系电话", "telephone", 15, Encoding.ASCII,
             (Vector("3030303030303030303031" + "00" * 4, "00000000001"), Vector("07" + "00" * 14, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF06 = CardFile(
    file_id=0xEF06,
    path="DF01/EF06",
    zh="常住地信息",
    en="residence",
    access=_EITHER,
    generations=_LATER,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x23, "常住所在地地址", "residence address", 80, Encoding.GB18030,
             (Vector("B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5" + "00" * 64, "测试省测试市一号"), Vector("D5" + "00" * 79, malformed=True)), _LAYOUT),
        Item(0x24, "常住所在地行政区划", "residence region (GB/T 2260)", 3, Encoding.BCD,
             (Vector("999999", "999999"), Vector("00000A", malformed=True)), _LAYOUT),
        Item(0x28, "联系电话", "telephone", 15, Encoding.ASCII,
             (Vector("3030303030303030303031" + "00" * 4, "00000000001"), Vector("07" + "00" * 14, malformed=True)), _LAYOUT),
        Item(0x2C, "联系人姓名", "name of a contact person", 50, Encoding.GB18030,
             (Vector("D5C5CEB0C3F1" + "00" * 44, "张伟民"), Vector("D5" + "00" * 49, malformed=True)), _LAYOUT),
        Item(0x2D, "联系人电话", "telephone of the contact person", 15, Encoding.ASCII,
             (Vector("3030303030303030303032" + "00" * 4, "00000000002"), Vector("07" + "00" * 14, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF07_1 = CardFile(
    file_id=0xEF07,
    path="DF01/EF07",
    zh="个人状况信息",
    en="personal status",
    access=_EITHER,
    generations=_FIRST,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x29, "标签 29（含义未公开）", "tag 29, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF07 = CardFile(
    file_id=0xEF07,
    path="DF01/EF07",
    zh="个人状况信息",
    en="personal status",
    access=_EITHER,
    generations=_LATER,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x29, "标签 29（含义未公开）", "tag 29, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x2A, "学历", "education (GB/T 4658)", 1, Encoding.BCD,
             (Vector("11", "11"), Vector("0A", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF08 = CardFile(
    file_id=0xEF08,
    path="DF01/EF08",
    zh="婚姻状况信息",
    en="marital status",
    access=_EITHER,
    generations=frozenset(Generation),
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x2B, "婚姻状况", "marital status (GB/T 2261.2)", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF09_1 = CardFile(
    file_id=0xEF09,
    path="DF01/EF09",
    zh="就业单位信息",
    en="employer",
    access=_EITHER,
    generations=_FIRST,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x2E, "单位名称", "name of the employer", 62, Encoding.GB18030,
             (Vector("B2E2CAD4B5A5CEBB" + "00" * 54, "测试单位"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x2F, "单位名称扩展", "name of the employer, continued", 8, Encoding.GB18030,
             (Vector("B6FEB2BF" + "00" * 4, "二部"), Vector("D5" + "00" * 7, malformed=True)), _LAYOUT),
        Item(0x30, "组织机构代码", "organisation code (GB 11714)", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x31, "标签 31（含义未公开）", "tag 31, meaning not published", 1, Encoding.ASCII,
             (Vector("31", "1"), Vector("07", malformed=True)), _LAYOUT),
        Item(0x32, "人员身份", "personal standing", 3, Encoding.ASCII,
             (Vector("303131", "011"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF09 = CardFile(
    file_id=0xEF09,
    path="DF01/EF09",
    zh="人员身份及就业单位信息",
    en="personal standing and employer",
    access=_EITHER,
    generations=_LATER,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x2E, "单位名称", "name of the employer", 70, Encoding.GB18030,
             (Vector("B2E2CAD4B5A5CEBB" + "00" * 62, "测试单位"), Vector("D5" + "00" * 69, malformed=True)), _LAYOUT),
        Item(0x30, "组织机构代码", "organisation code (GB 11714)", 9, Encoding.ASCII,
             (Vector("413130303030303135", "A10000015"), Vector("07" + "00" * 8, malformed=True)), _LAYOUT),
        Item(0x32, "人员身份", "personal standing", 2, Encoding.ASCII,
             (Vector("3131", "11"), Vector("07" + "00" * 1, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF0A_1 = CardFile(
    file_id=0xEF0A,
    path="DF01/EF0A",
    zh="工资信息",
    en="wages",
    access=_EITHER,
    generations=_FIRST,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x37, "工资项一（含义未公开）", "first amount of wages, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00123450", "1234.50"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x38, "工资项二（含义未公开）", "second amount of wages, meaning not published", 4, Encoding.BCD_MONEY,
             (Vector("00000005", "0.05"), Vector("0000000A", malformed=True)), _LAYOUT),
        Item(0x39, "工资信息日期", "date of the wages", 4, Encoding.BCD_DATE,
             (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF0A = CardFile(
    file_id=0xEF0A,
    path="DF01/EF0A",
    zh="国籍及政治面貌信息",
    en="nationality and political standing",
    access=_EITHER,
    generations=_LATER,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x37, "国籍", "nationality", 3, Encoding.ASCII,
             (Vector("313536", "156"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x38, "政治面貌", "political standing (GB/T 4762)", 2, Encoding.ASCII,
             (Vector("3133", "13"), Vector("07" + "00" * 1, malformed=True)), _LAYOUT),
        Item(0x39, "相关日期", "date of the standing", 4, Encoding.BCD_DATE,
             (Vector("20130629", "2013-06-29"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF01_EF15 = CardFile(
    file_id=0xEF15,
    path="DF01/EF15",
    zh="学历信息",
    en="education",
    access=_EITHER,
    generations=_LATER,
    key=0x2E,
    source=_LAYOUT,
    items=(
        Item(0x2A, "学历", "education (GB/T 4658)", 1, Encoding.BCD,
             (Vector("11", "11"), Vector("0A", malformed=True)), _LAYOUT),
    ),
    groups=(
        Group(0x40, "学历记录", "an education", 2, 3, (
            Item(0x57, "学历代码", "code of the education", 3, Encoding.ASCII,
                 (Vector("313233", "123"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
            Item(0x58, "年月（含义未公开）", "three packed bytes, meaning not published", 3, Encoding.CN,
                 (Vector("201306", "201306"), Vector("00000000", malformed=True)), _LAYOUT),
            Item(0x59, "学校名称", "name of the school", 40, Encoding.GB18030,
                 (Vector("B2E2CAD4B4F3D1A7" + "00" * 32, "测试大学"), Vector("D5" + "00" * 39, malformed=True)), _LAYOUT),
        )),
    ),
)  # fmt: skip

DF01_EF16 = CardFile(
    file_id=0xEF16,
    path="DF01/EF16",
    zh="预留文件",
    en="reserved",
    access=_FREE,
    generations=_LATER,
    structure=Structure.TRANSPARENT,
    size=296,
    source=_LAYOUT,
    items=(),
)  # fmt: skip

DF01_EF17 = CardFile(
    file_id=0xEF17,
    path="DF01/EF17",
    zh="预留文件",
    en="reserved",
    access=_FREE,
    generations=_LATER,
    structure=Structure.TRANSPARENT,
    size=296,
    source=_LAYOUT,
    items=(),
)  # fmt: skip

DF01_EF18 = CardFile(
    file_id=0xEF18,
    path="DF01/EF18",
    zh="预留文件",
    en="reserved",
    access=_FREE,
    generations=_LATER,
    structure=Structure.TRANSPARENT,
    size=296,
    source=_LAYOUT,
    items=(),
)  # fmt: skip

DF01_EF19 = CardFile(
    file_id=0xEF19,
    path="DF01/EF19",
    zh="预留文件",
    en="reserved",
    access=_FREE,
    generations=_LATER,
    structure=Structure.TRANSPARENT,
    size=296,
    source=_LAYOUT,
    items=(),
)  # fmt: skip

DF01_EF1A = CardFile(
    file_id=0xEF1A,
    path="DF01/EF1A",
    zh="预留文件",
    en="reserved",
    access=_FREE,
    generations=_LATER,
    structure=Structure.TRANSPARENT,
    size=296,
    source=_LAYOUT,
    items=(),
)  # fmt: skip

DF01 = Environment(
    label="DF01",
    name=bytes.fromhex("D15600000500"),
    zh="公共应用",
    en="public application",
    files=(
        DF01_EF05_1,
        DF01_EF05,
        DF01_EF06_1,
        DF01_EF06,
        DF01_EF07_1,
        DF01_EF07,
        DF01_EF08,
        DF01_EF09_1,
        DF01_EF09,
        DF01_EF0A_1,
        DF01_EF0A,
        DF01_EF15,
        DF01_EF16,
        DF01_EF17,
        DF01_EF18,
        DF01_EF19,
        DF01_EF1A,
    ),
    source="LD/T 32.3-2015; two implementations",
)
