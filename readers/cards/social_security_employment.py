"""The employment application (DF02) of the social-security card, as declarations.

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
_EITHER = MappingProxyType(dict.fromkeys(Generation, Access.KEY_OR_PIN))

DF02_EF05 = CardFile(
    file_id=0xEF05,
    path="DF02/EF05",
    zh="职业与专业技能信息",
    en="occupation and skills",
    access=_EITHER,
    generations=_LATER,
    key=0x35,
    source=_LAYOUT,
    items=(
        Item(0x42, "标签 42（含义未公开）", "tag 42, meaning not published", 3, Encoding.ASCII,
             (Vector("303031", "001"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x41, "标签 41（含义未公开）", "tag 41, meaning not published", 3, Encoding.ASCII,
             (Vector("303032", "002"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
    ),
    groups=(
        Group(0x43, "职业资格证书", "a certificate of vocational qualification", 3, 2, (
            Item(0x5A, "职业代码", "code of the occupation", 7, Encoding.ASCII,
                 (Vector("31323334353637", "1234567"), Vector("07" + "00" * 6, malformed=True)), _LAYOUT),
            Item(0x5B, "等级", "level", 1, Encoding.ASCII,
                 (Vector("32", "2"), Vector("07", malformed=True)), _LAYOUT),
            Item(0x5C, "发证机构", "issuer", 70, Encoding.GB18030,
                 (Vector("B2E2CAD4CCFC" + "00" * 64, "测试厅"), Vector("D5" + "00" * 69, malformed=True)), _LAYOUT),
            Item(0x5D, "发证日期", "issued on", 4, Encoding.BCD_DATE,
                 (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
            Item(0x5E, "证书编号", "certificate number", 16, Encoding.ASCII,
                 (Vector("31323334353637383930" + "00" * 6, "1234567890"), Vector("07" + "00" * 15, malformed=True)), _LAYOUT),
        )),
        Group(0x44, "职业资格注册", "a registration of vocational qualification", 5, 2, (
            Item(0x33, "资格代码", "code of the qualification", 3, Encoding.ASCII,
                 (Vector("303032", "002"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
            Item(0x34, "注册机构", "registered by", 70, Encoding.GB18030,
                 (Vector("B2E2CAD4CCFC" + "00" * 64, "测试厅"), Vector("D5" + "00" * 69, malformed=True)), _LAYOUT),
            Item(0x35, "注册日期", "registered on", 4, Encoding.BCD_DATE,
                 (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
            Item(0x36, "注册编号", "registration number", 16, Encoding.ASCII,
                 (Vector("31323334353637383930" + "00" * 6, "1234567890"), Vector("07" + "00" * 15, malformed=True)), _LAYOUT),
        )),
    ),
)  # fmt: skip

DF02_EF06_1 = CardFile(
    file_id=0xEF06,
    path="DF02/EF06",
    zh="就业状况信息",
    en="employment",
    access=_EITHER,
    generations=_FIRST,
    key=0x35,
    source=_LAYOUT,
    items=(
        Item(0x4B, "标签 4B（含义未公开）", "tag 4B, meaning not published", 4, Encoding.CN,
             (Vector("20130630", "20130630"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x4C, "标签 4C（含义未公开）", "tag 4C, meaning not published", 4, Encoding.CN,
             (Vector("20130630", "20130630"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x60, "标签 60（含义未公开）", "tag 60, meaning not published", 4, Encoding.CN,
             (Vector("20130630", "20130630"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x4D, "标签 4D（含义未公开）", "tag 4D, meaning not published", 4, Encoding.CN,
             (Vector("00010203", "00010203"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x4F, "标签 4F（含义未公开）", "tag 4F, meaning not published", 4, Encoding.CN,
             (Vector("00000102", "00000102"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x50, "标签 50（含义未公开）", "tag 50, meaning not published", 4, Encoding.CN,
             (Vector("00123123", "00123123"), Vector("0000000000", malformed=True)), _LAYOUT),
        Item(0x3A, "工种", "kind of work", 7, Encoding.GB18030,
             (Vector("B2E2CAD4B9A4" + "00" * 1, "测试工"), Vector("D5" + "00" * 6, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF02_EF06 = CardFile(
    file_id=0xEF06,
    path="DF02/EF06",
    zh="就业状况信息",
    en="employment",
    access=_EITHER,
    generations=_LATER,
    key=0x35,
    source=_LAYOUT,
    items=(
        Item(0x4C, "日期一（含义未公开）", "first date, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x4B, "标签 4B（含义未公开）", "tag 4B, meaning not published", 5, Encoding.ASCII,
             (Vector("3132333435", "12345"), Vector("07" + "00" * 4, malformed=True)), _LAYOUT),
        Item(0x4D, "标签 4D（含义未公开）", "tag 4D, meaning not published", 3, Encoding.CN,
             (Vector("010203", "010203"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x60, "日期二（含义未公开）", "second date, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x4F, "标签 4F（含义未公开）", "tag 4F, meaning not published", 6, Encoding.ASCII,
             (Vector("303030313032", "000102"), Vector("07" + "00" * 5, malformed=True)), _LAYOUT),
        Item(0x50, "标签 50（含义未公开）", "tag 50, meaning not published", 3, Encoding.CN,
             (Vector("123123", "123123"), Vector("00000000", malformed=True)), _LAYOUT),
        Item(0x3A, "工种", "kind of work", 7, Encoding.GB18030,
             (Vector("B2E2CAD4B9A4" + "00" * 1, "测试工"), Vector("D5" + "00" * 6, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF02_EF07 = CardFile(
    file_id=0xEF07,
    path="DF02/EF07",
    zh="就业记录信息",
    en="record of employments",
    access=_EITHER,
    generations=frozenset(Generation),
    structure=Structure.NUMBERED,
    key=0x35,
    records=4,
    source=_LAYOUT,
    items=(
        Item(0x01, "工种", "kind of work", 7, Encoding.GB18030,
             (Vector("B2E2CAD4B9A4" + "00" * 1, "测试工"), Vector("D5" + "00" * 6, malformed=True)), _LAYOUT),
        Item(0x02, "起始日期", "from", 4, Encoding.BCD_DATE,
             (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x03, "终止日期", "to", 4, Encoding.BCD_DATE,
             (Vector("20140630", "2014-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x04, "单位名称", "employer", 70, Encoding.GB18030,
             (Vector("B2E2CAD4B5A5CEBB" + "00" * 62, "测试单位"), Vector("D5" + "00" * 69, malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF02_EF08_1 = CardFile(
    file_id=0xEF08,
    path="DF02/EF08",
    zh="外来人员就业登记信息",
    en="registration of a worker from elsewhere",
    access=_EITHER,
    generations=_FIRST,
    key=0x35,
    source=_LAYOUT,
    items=(
        Item(0x52, "证件编号", "certificate number", 10, Encoding.CN,
             (Vector("12345678901234567890", "12345678901234567890"), Vector("0000000000000000000000", malformed=True)), _LAYOUT),
        Item(0x53, "发证机构", "issuer", 62, Encoding.GB18030,
             (Vector("B2E2CAD4BED6" + "00" * 56, "测试局"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x94, "发证机构扩展", "issuer, continued", 8, Encoding.GB18030,
             (Vector("B6FEB4A6" + "00" * 4, "二处"), Vector("D5" + "00" * 7, malformed=True)), _LAYOUT),
        Item(0x54, "发证日期", "issued on", 4, Encoding.BCD_DATE,
             (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF02_EF09_1 = CardFile(
    file_id=0xEF09,
    path="DF02/EF09",
    zh="外来人员就业证信息",
    en="employment permit of a worker from elsewhere",
    access=_EITHER,
    generations=_FIRST,
    key=0x35,
    source=_LAYOUT,
    items=(
        Item(0x55, "证件编号", "certificate number", 10, Encoding.CN,
             (Vector("12345678901234567890", "12345678901234567890"), Vector("0000000000000000000000", malformed=True)), _LAYOUT),
        Item(0x56, "发证机构", "issuer", 62, Encoding.GB18030,
             (Vector("B2E2CAD4BED6" + "00" * 56, "测试局"), Vector("D5" + "00" * 61, malformed=True)), _LAYOUT),
        Item(0x95, "发证机构扩展", "issuer, continued", 8, Encoding.GB18030,
             (Vector("B6FEB4A6" + "00" * 4, "二处"), Vector("D5" + "00" * 7, malformed=True)), _LAYOUT),
        Item(0x96, "发证日期", "issued on", 4, Encoding.BCD_DATE,
             (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x97, "标签 97（含义未公开）", "tag 97, meaning not published", 4, Encoding.CN,
             (Vector("20130630", "20130630"), Vector("0000000000", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF02_EF09 = CardFile(
    file_id=0xEF09,
    path="DF02/EF09",
    zh="就业失业登记证信息",
    en="certificate of registration",
    access=_EITHER,
    generations=_LATER,
    key=0x35,
    source=_LAYOUT,
    items=(
        Item(0x55, "证件编号", "certificate number", 16, Encoding.ASCII,
             (Vector("32303133303633303330303030303030", "2013063030000000"), Vector("07" + "00" * 15, malformed=True)), _LAYOUT),
        Item(0x56, "发证机构", "issuer", 70, Encoding.GB18030,
             (Vector("B2E2CAD4BED6" + "00" * 64, "测试局"), Vector("D5" + "00" * 69, malformed=True)), _LAYOUT),
        Item(0x96, "发证日期", "issued on", 4, Encoding.BCD_DATE,
             (Vector("20130630", "2013-06-30"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x97, "标签 97（含义未公开）", "tag 97, meaning not published", 3, Encoding.CN,
             (Vector("000077", "000077"), Vector("00000000", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF02_EF15 = CardFile(
    file_id=0xEF15,
    path="DF02/EF15",
    zh="就业援助对象认定信息",
    en="entitlement to employment aid",
    access=_EITHER,
    generations=_LATER,
    key=0x35,
    source=_LAYOUT,
    items=(
        Item(0x0F, "认定日期", "entitled on", 4, Encoding.BCD_DATE,
             (Vector("20130801", "2013-08-01"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x1F, "标签 1F（含义未公开）", "tag 1F, meaning not published", 3, Encoding.CN,
             (Vector("223344", "223344"), Vector("00000000", malformed=True)), _LAYOUT),
    ),
    groups=(
        Group(0x99, "认定记录", "an entitlement", 1, 4, (
            Item(0x10, "标签 10（含义未公开）", "tag 10, meaning not published", 3, Encoding.ASCII,
                 (Vector("303031", "001"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
            Item(0x11, "日期", "date", 4, Encoding.BCD_DATE,
                 (Vector("20130701", "2013-07-01"), Vector("20230229", malformed=True)), _LAYOUT),
            Item(0x12, "标签 12（含义未公开）", "tag 12, meaning not published", 3, Encoding.CN,
                 (Vector("112233", "112233"), Vector("00000000", malformed=True)), _LAYOUT),
        )),
    ),
)  # fmt: skip

DF02_EF16 = CardFile(
    file_id=0xEF16,
    path="DF02/EF16",
    zh="就业援助记录",
    en="record of employment aid",
    access=_EITHER,
    generations=_LATER,
    structure=Structure.NUMBERED,
    key=0x35,
    records=4,
    source=_LAYOUT,
    items=(
        Item(0x01, "类别", "class", 3, Encoding.ASCII,
             (Vector("303031", "001"), Vector("07" + "00" * 2, malformed=True)), _LAYOUT),
        Item(0x02, "日期一（含义未公开）", "first date, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20130701", "2013-07-01"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x03, "日期二（含义未公开）", "second date, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20130701", "2013-07-01"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x04, "日期三（含义未公开）", "third date, meaning not published", 4, Encoding.BCD_DATE,
             (Vector("20130701", "2013-07-01"), Vector("20230229", malformed=True)), _LAYOUT),
        Item(0x05, "三字节（含义未公开）", "three bytes, meaning not published", 3, Encoding.CN,
             (Vector("112233", "112233"), Vector("00000000", malformed=True)), _LAYOUT),
    ),
)  # fmt: skip

DF02 = Environment(
    label="DF02",
    name=bytes.fromhex("D15600000501"),
    zh="就业与失业应用",
    en="employment application",
    files=(
        DF02_EF05,
        DF02_EF06_1,
        DF02_EF06,
        DF02_EF07,
        DF02_EF08_1,
        DF02_EF09_1,
        DF02_EF09,
        DF02_EF15,
        DF02_EF16,
    ),
    source="LD/T 32.3-2015; two implementations",
)
