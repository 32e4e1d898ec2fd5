"""The employment application (DF02) of the social-security card, as declarations.

Facts: the files of LD/T 32.6-2015 by their names; tags, widths and encodings as the drivers of two implementations have them
(``LAYOUT``). The text of the standard was not available: where no source gives an item's meaning, its name says so.
Third-generation cards are declared with the layout of 2.x: not confirmed on a card.
"""

from __future__ import annotations

from readers.cards.declaration import Access, Environment, Group, Structure
from readers.cards.rows import ASCII, CN, DATE, FIRST, GB18030, LATER, Place, row
from readers.cards.social_security import LAYOUT

# fmt: off
_IN = Place("DF02", LAYOUT)

DF02_EF05 = _IN.file(0xEF05, ("职业与专业技能信息", "occupation and skills"), Access.KEY_OR_PIN, (
    row(0x42, "标签 42（含义未公开）", "tag 42, meaning not published", 3, ASCII, "303031", "001"),
    row(0x41, "标签 41（含义未公开）", "tag 41, meaning not published", 3, ASCII, "303032", "002"),
    Group(0x43, "职业资格证书", "a certificate of vocational qualification", 3, 2, (
        row(0x5A, "职业代码", "code of the occupation", 7, ASCII, "31323334353637", "1234567"),
        row(0x5B, "等级", "level", 1, ASCII, "32", "2"),
        row(0x5C, "发证机构", "issuer", 70, GB18030, "B2E2CAD4CCFC", "测试厅"),
        row(0x5D, "发证日期", "issued on", 4, DATE, "20130630", "2013-06-30"),
        row(0x5E, "证书编号", "certificate number", 16, ASCII, "31323334353637383930", "1234567890"),
    )),
    Group(0x44, "职业资格注册", "a registration of vocational qualification", 5, 2, (
        row(0x33, "资格代码", "code of the qualification", 3, ASCII, "303032", "002"),
        row(0x34, "注册机构", "registered by", 70, GB18030, "B2E2CAD4CCFC", "测试厅"),
        row(0x35, "注册日期", "registered on", 4, DATE, "20130630", "2013-06-30"),
        row(0x36, "注册编号", "registration number", 16, ASCII, "31323334353637383930", "1234567890"),
    )),
), generations=LATER, key=0x35)
DF02_EF06_1 = _IN.file(0xEF06, ("就业状况信息", "employment"), Access.KEY_OR_PIN, (
    row(0x4B, "标签 4B（含义未公开）", "tag 4B, meaning not published", 4, CN, "20130630", "20130630"),
    row(0x4C, "标签 4C（含义未公开）", "tag 4C, meaning not published", 4, CN, "20130630", "20130630"),
    row(0x60, "标签 60（含义未公开）", "tag 60, meaning not published", 4, CN, "20130630", "20130630"),
    row(0x4D, "标签 4D（含义未公开）", "tag 4D, meaning not published", 4, CN, "00010203", "00010203"),
    row(0x4F, "标签 4F（含义未公开）", "tag 4F, meaning not published", 4, CN, "00000102", "00000102"),
    row(0x50, "标签 50（含义未公开）", "tag 50, meaning not published", 4, CN, "00123123", "00123123"),
    row(0x3A, "工种", "kind of work", 7, GB18030, "B2E2CAD4B9A4", "测试工"),
), generations=FIRST, key=0x35)
DF02_EF06 = _IN.file(0xEF06, ("就业状况信息", "employment"), Access.KEY_OR_PIN, (
    row(0x4C, "日期一（含义未公开）", "first date, meaning not published", 4, DATE, "20130630", "2013-06-30"),
    row(0x4B, "标签 4B（含义未公开）", "tag 4B, meaning not published", 5, ASCII, "3132333435", "12345"),
    row(0x4D, "标签 4D（含义未公开）", "tag 4D, meaning not published", 3, CN, "010203", "010203"),
    row(0x60, "日期二（含义未公开）", "second date, meaning not published", 4, DATE, "20130630", "2013-06-30"),
    row(0x4F, "标签 4F（含义未公开）", "tag 4F, meaning not published", 6, ASCII, "303030313032", "000102"),
    row(0x50, "标签 50（含义未公开）", "tag 50, meaning not published", 3, CN, "123123", "123123"),
    row(0x3A, "工种", "kind of work", 7, GB18030, "B2E2CAD4B9A4", "测试工"),
), generations=LATER, key=0x35)
DF02_EF07 = _IN.file(0xEF07, ("就业记录信息", "record of employments"), Access.KEY_OR_PIN, (
    row(0x01, "工种", "kind of work", 7, GB18030, "B2E2CAD4B9A4", "测试工"),
    row(0x02, "起始日期", "from", 4, DATE, "20130630", "2013-06-30"),
    row(0x03, "终止日期", "to", 4, DATE, "20140630", "2014-06-30"),
    row(0x04, "单位名称", "employer", 70, GB18030, "B2E2CAD4B5A5CEBB", "测试单位"),
), key=0x35, structure=Structure.NUMBERED, extent=4)
DF02_EF08_1 = _IN.file(0xEF08, ("外来人员就业登记信息", "registration of a worker from elsewhere"), Access.KEY_OR_PIN, (
    row(0x52, "证件编号", "certificate number", 10, CN, "12345678901234567890", "12345678901234567890"),
    row(0x53, "发证机构", "issuer", 62, GB18030, "B2E2CAD4BED6", "测试局"),
    row(0x94, "发证机构扩展", "issuer, continued", 8, GB18030, "B6FEB4A6", "二处"),
    row(0x54, "发证日期", "issued on", 4, DATE, "20130630", "2013-06-30"),
), generations=FIRST, key=0x35)
DF02_EF09_1 = _IN.file(0xEF09, ("外来人员就业证信息", "employment permit of a worker from elsewhere"), Access.KEY_OR_PIN, (
    row(0x55, "证件编号", "certificate number", 10, CN, "12345678901234567890", "12345678901234567890"),
    row(0x56, "发证机构", "issuer", 62, GB18030, "B2E2CAD4BED6", "测试局"),
    row(0x95, "发证机构扩展", "issuer, continued", 8, GB18030, "B6FEB4A6", "二处"),
    row(0x96, "发证日期", "issued on", 4, DATE, "20130630", "2013-06-30"),
    row(0x97, "标签 97（含义未公开）", "tag 97, meaning not published", 4, CN, "20130630", "20130630"),
), generations=FIRST, key=0x35)
DF02_EF09 = _IN.file(0xEF09, ("就业失业登记证信息", "certificate of registration"), Access.KEY_OR_PIN, (
    row(0x55, "证件编号", "certificate number", 16, ASCII, "32303133303633303330303030303030", "2013063030000000"),
    row(0x56, "发证机构", "issuer", 70, GB18030, "B2E2CAD4BED6", "测试局"),
    row(0x96, "发证日期", "issued on", 4, DATE, "20130630", "2013-06-30"),
    row(0x97, "标签 97（含义未公开）", "tag 97, meaning not published", 3, CN, "000077", "000077"),
), generations=LATER, key=0x35)
DF02_EF15 = _IN.file(0xEF15, ("就业援助对象认定信息", "entitlement to employment aid"), Access.KEY_OR_PIN, (
    row(0x0F, "认定日期", "entitled on", 4, DATE, "20130801", "2013-08-01"),
    row(0x1F, "标签 1F（含义未公开）", "tag 1F, meaning not published", 3, CN, "223344", "223344"),
    Group(0x99, "认定记录", "an entitlement", 1, 4, (
        row(0x10, "标签 10（含义未公开）", "tag 10, meaning not published", 3, ASCII, "303031", "001"),
        row(0x11, "日期", "date", 4, DATE, "20130701", "2013-07-01"),
        row(0x12, "标签 12（含义未公开）", "tag 12, meaning not published", 3, CN, "112233", "112233"),
    )),
), generations=LATER, key=0x35)
DF02_EF16 = _IN.file(0xEF16, ("就业援助记录", "record of employment aid"), Access.KEY_OR_PIN, (
    row(0x01, "类别", "class", 3, ASCII, "303031", "001"),
    row(0x02, "日期一（含义未公开）", "first date, meaning not published", 4, DATE, "20130701", "2013-07-01"),
    row(0x03, "日期二（含义未公开）", "second date, meaning not published", 4, DATE, "20130701", "2013-07-01"),
    row(0x04, "日期三（含义未公开）", "third date, meaning not published", 4, DATE, "20130701", "2013-07-01"),
    row(0x05, "三字节（含义未公开）", "three bytes, meaning not published", 3, CN, "112233", "112233"),
), generations=LATER, key=0x35, structure=Structure.NUMBERED, extent=4)

DF02 = Environment(
    "DF02", bytes.fromhex("D15600000501"), "就业与失业应用", "employment application",
    (DF02_EF05, DF02_EF06_1, DF02_EF06, DF02_EF07, DF02_EF08_1, DF02_EF09_1, DF02_EF09, DF02_EF15, DF02_EF16),
    "LD/T 32.3-2015; two implementations",
)
# fmt: on
