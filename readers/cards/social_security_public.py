"""The public application (DF01) of the social-security card, as declarations.

Facts: the files of LD/T 32.6-2015 by their names; tags, widths and encodings as the drivers of two implementations have them
(``LAYOUT``). The text of the standard was not available: where no source gives an item's meaning, its name says so.
Third-generation cards are declared with the layout of 2.x: not confirmed on a card.
"""

from __future__ import annotations

from readers.cards.declaration import Access, Environment, Group, Structure
from readers.cards.rows import ASCII, BCD, BCD_MONEY, CN, DATE, FIRST, GB18030, LATER, Place, row
from readers.cards.social_security import LAYOUT

# fmt: off
_IN = Place("DF01", LAYOUT)

DF01_EF05_1 = _IN.file(0xEF05, ("户籍信息", "household"), Access.KEY_OR_PIN, (
    row(0x20, "户口类别", "household class", 1, ASCII, "31", "1"),
    row(0x21, "户口所在地地址", "household address", 62, GB18030, "B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5", "测试省测试市一号"),
    row(0x22, "户口所在地地址扩展", "household address, continued", 18, GB18030, "B6FEC2A5", "二楼"),
), generations=FIRST, key=0x2E)
DF01_EF05 = _IN.file(0xEF05, ("户籍信息", "household"), Access.KEY_OR_PIN, (
    row(0x20, "户口类别", "household class", 2, ASCII, "3130", "10"),
    row(0x21, "户口所在地地址", "household address", 80, GB18030, "B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5", "测试省测试市一号"),
    row(0x0E, "户口所在地行政区划", "household region (GB/T 2260)", 3, BCD, "999999", "999999"),
), generations=LATER, key=0x2E)
DF01_EF06_1 = _IN.file(0xEF06, ("通讯信息", "contact"), Access.KEY_OR_PIN, (
    row(0x25, "通讯地址", "postal address", 62, GB18030, "B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5", "测试省测试市一号"),
    row(0x26, "通讯地址扩展", "postal address, continued", 18, GB18030, "B6FEC2A5", "二楼"),
    row(0x27, "邮政编码", "postal code", 3, BCD, "999999", "999999"),
    row(0x28, "联系电话", "telephone", 15, ASCII, "3030303030303030303031", "00000000001"),
), generations=FIRST, key=0x2E)
DF01_EF06 = _IN.file(0xEF06, ("常住地信息", "residence"), Access.KEY_OR_PIN, (
    row(0x23, "常住所在地地址", "residence address", 80, GB18030, "B2E2CAD4CAA1B2E2CAD4CAD0D2BBBAC5", "测试省测试市一号"),
    row(0x24, "常住所在地行政区划", "residence region (GB/T 2260)", 3, BCD, "999999", "999999"),
    row(0x28, "联系电话", "telephone", 15, ASCII, "3030303030303030303031", "00000000001"),
    row(0x2C, "联系人姓名", "name of a contact person", 50, GB18030, "D5C5CEB0C3F1", "张伟民"),
    row(0x2D, "联系人电话", "telephone of the contact person", 15, ASCII, "3030303030303030303032", "00000000002"),
), generations=LATER, key=0x2E)
DF01_EF07_1 = _IN.file(0xEF07, ("个人状况信息", "personal status"), Access.KEY_OR_PIN, (
    row(0x29, "标签 29（含义未公开）", "tag 29, meaning not published", 1, ASCII, "31", "1"),
), generations=FIRST, key=0x2E)
DF01_EF07 = _IN.file(0xEF07, ("个人状况信息", "personal status"), Access.KEY_OR_PIN, (
    row(0x29, "标签 29（含义未公开）", "tag 29, meaning not published", 1, ASCII, "31", "1"),
    row(0x2A, "学历", "education (GB/T 4658)", 1, BCD, "11", "11"),
), generations=LATER, key=0x2E)
DF01_EF08 = _IN.file(0xEF08, ("婚姻状况信息", "marital status"), Access.KEY_OR_PIN, (
    row(0x2B, "婚姻状况", "marital status (GB/T 2261.2)", 1, ASCII, "31", "1"),
), key=0x2E)
DF01_EF09_1 = _IN.file(0xEF09, ("就业单位信息", "employer"), Access.KEY_OR_PIN, (
    row(0x2E, "单位名称", "name of the employer", 62, GB18030, "B2E2CAD4B5A5CEBB", "测试单位"),
    row(0x2F, "单位名称扩展", "name of the employer, continued", 8, GB18030, "B6FEB2BF", "二部"),
    row(0x30, "组织机构代码", "organisation code (GB 11714)", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x31, "标签 31（含义未公开）", "tag 31, meaning not published", 1, ASCII, "31", "1"),
    row(0x32, "人员身份", "personal standing", 3, ASCII, "303131", "011"),
), generations=FIRST, key=0x2E)
DF01_EF09 = _IN.file(0xEF09, ("人员身份及就业单位信息", "personal standing and employer"), Access.KEY_OR_PIN, (
    row(0x2E, "单位名称", "name of the employer", 70, GB18030, "B2E2CAD4B5A5CEBB", "测试单位"),
    row(0x30, "组织机构代码", "organisation code (GB 11714)", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x32, "人员身份", "personal standing", 2, ASCII, "3131", "11"),
), generations=LATER, key=0x2E)
DF01_EF0A_1 = _IN.file(0xEF0A, ("工资信息", "wages"), Access.KEY_OR_PIN, (
    row(0x37, "工资项一（含义未公开）", "first amount of wages, meaning not published", 4, BCD_MONEY, "00123450", "1234.50"),
    row(0x38, "工资项二（含义未公开）", "second amount of wages, meaning not published", 4, BCD_MONEY, "00000005", "0.05"),
    row(0x39, "工资信息日期", "date of the wages", 4, DATE, "20130630", "2013-06-30"),
), generations=FIRST, key=0x2E)
DF01_EF0A = _IN.file(0xEF0A, ("国籍及政治面貌信息", "nationality and political standing"), Access.KEY_OR_PIN, (
    row(0x37, "国籍", "nationality", 3, ASCII, "313536", "156"),
    row(0x38, "政治面貌", "political standing (GB/T 4762)", 2, ASCII, "3133", "13"),
    row(0x39, "相关日期", "date of the standing", 4, DATE, "20130629", "2013-06-29"),
), generations=LATER, key=0x2E)
DF01_EF15 = _IN.file(0xEF15, ("学历信息", "education"), Access.KEY_OR_PIN, (
    row(0x2A, "学历", "education (GB/T 4658)", 1, BCD, "11", "11"),
    Group(0x40, "学历记录", "an education", 2, 3, (
        row(0x57, "学历代码", "code of the education", 3, ASCII, "313233", "123"),
        row(0x58, "年月（含义未公开）", "three packed bytes, meaning not published", 3, CN, "201306", "201306"),
        row(0x59, "学校名称", "name of the school", 40, GB18030, "B2E2CAD4B4F3D1A7", "测试大学"),
    )),
), generations=LATER, key=0x2E)
DF01_EF16 = _IN.file(0xEF16, ("预留文件", "reserved"), Access.FREE, generations=LATER, structure=Structure.TRANSPARENT, extent=296)
DF01_EF17 = _IN.file(0xEF17, ("预留文件", "reserved"), Access.FREE, generations=LATER, structure=Structure.TRANSPARENT, extent=296)
DF01_EF18 = _IN.file(0xEF18, ("预留文件", "reserved"), Access.FREE, generations=LATER, structure=Structure.TRANSPARENT, extent=296)
DF01_EF19 = _IN.file(0xEF19, ("预留文件", "reserved"), Access.FREE, generations=LATER, structure=Structure.TRANSPARENT, extent=296)
DF01_EF1A = _IN.file(0xEF1A, ("预留文件", "reserved"), Access.FREE, generations=LATER, structure=Structure.TRANSPARENT, extent=296)

DF01 = Environment(
    "DF01", bytes.fromhex("D15600000500"), "公共应用", "public application",
    (DF01_EF05_1, DF01_EF05, DF01_EF06_1, DF01_EF06, DF01_EF07_1, DF01_EF07, DF01_EF08, DF01_EF09_1, DF01_EF09, DF01_EF0A_1, DF01_EF0A, DF01_EF15, DF01_EF16, DF01_EF17, DF01_EF18, DF01_EF19, DF01_EF1A),
    "LD/T 32.3-2015; two implementations",
)
# fmt: on
