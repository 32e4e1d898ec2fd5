"""The medical application (DF04) of the social-security card, as declarations.

Facts: the files of LD/T 32.6-2015 by their names; tags, widths and encodings as the drivers of two implementations have them
(``LAYOUT``). The text of the standard was not available: where no source gives an item's meaning, its name says so.
Third-generation cards are declared with the layout of 2.x: not confirmed on a card.
"""

from __future__ import annotations

from readers.cards.declaration import Access, Environment, Structure
from readers.cards.rows import (
    ASCII,
    BCD,
    BCD_MONEY,
    BINARY_MONEY,
    CN,
    DATE,
    FIRST,
    GB18030,
    LATER,
    MOMENT,
    NUMBER,
    Place,
    row,
)
from readers.cards.social_security import LAYOUT

# fmt: off
_IN = Place("DF04", LAYOUT)

DF04_EF05_1 = _IN.file(0xEF05, ("医疗保险基本信息", "medical insurance basics"), Access.KEY_OR_PIN, (
    row(0x80, "日期（含义未公开）", "date, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x81, "定点医疗机构一名称", "name of designated institution 1", 62, GB18030, "B2E2CAD4D2BDD4BA", "测试医院"),
    row(0x82, "定点医疗机构一名称扩展", "name of designated institution 1, continued", 8, GB18030, "B6ABD4BA", "东院"),
    row(0x83, "定点医疗机构一代码", "code of designated institution 1", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x84, "定点医疗机构二名称", "name of designated institution 2", 62, GB18030, "B2E2CAD4D2BDD4BA", "测试医院"),
    row(0x85, "定点医疗机构二名称扩展", "name of designated institution 2, continued", 8, GB18030, "B6ABD4BA", "东院"),
    row(0x86, "定点医疗机构二代码", "code of designated institution 2", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x87, "定点医疗机构三名称", "name of designated institution 3", 62, GB18030, "B2E2CAD4D2BDD4BA", "测试医院"),
    row(0x88, "定点医疗机构三名称扩展", "name of designated institution 3, continued", 8, GB18030, "B6ABD4BA", "东院"),
    row(0x89, "定点医疗机构三代码", "code of designated institution 3", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x8A, "标签 8A（含义未公开）", "tag 8A, meaning not published", 15, ASCII, "31323334353738", "1234578"),
    row(0x8B, "标签 8B（含义未公开）", "tag 8B, meaning not published", 10, ASCII, "3132333435", "12345"),
    row(0x8C, "标签 8C（含义未公开）", "tag 8C, meaning not published", 1, ASCII, "31", "1"),
    row(0x8F, "标签 8F（含义未公开）", "tag 8F, meaning not published", 1, ASCII, "31", "1"),
), generations=FIRST, key=0x2D)
DF04_EF05 = _IN.file(0xEF05, ("医疗保险基本信息", "medical insurance basics"), Access.KEY_OR_PIN, (
    row(0x81, "标签 81（含义未公开）", "tag 81, meaning not published", 8, ASCII, "3132333435363738", "12345678"),
    row(0x84, "年月（含义未公开）", "month, meaning not published", 3, CN, "201211", "201211"),
    row(0x87, "标签 87（含义未公开）", "tag 87, meaning not published", 17, ASCII, "3336303132333132333435", "36012312345"),
    row(0x8C, "标签 8C（含义未公开）", "tag 8C, meaning not published", 1, CN, "11", "11"),
    row(0x80, "日期（含义未公开）", "date, meaning not published", 4, DATE, "20121129", "2012-11-29"),
    row(0x8B, "标签 8B（含义未公开）", "tag 8B, meaning not published", 29, ASCII, "31323334353738", "1234578"),
    row(0x8A, "标签 8A（含义未公开）", "tag 8A, meaning not published", 15, ASCII, "3230313231313239", "20121129"),
    row(0x83, "定点医疗机构一代码", "code of designated institution 1", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x86, "定点医疗机构二代码", "code of designated institution 2", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x89, "定点医疗机构三代码", "code of designated institution 3", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x7D, "定点医疗机构四代码", "code of designated institution 4", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x7E, "定点医疗机构五代码", "code of designated institution 5", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x7F, "定点医疗机构六代码", "code of designated institution 6", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x8D, "定点医疗机构七代码", "code of designated institution 7", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x8E, "定点医疗机构八代码", "code of designated institution 8", 9, ASCII, "413130303030303135", "A10000015"),
    row(0x8F, "标签 8F（含义未公开）", "tag 8F, meaning not published", 1, ASCII, "31", "1"),
), generations=LATER, key=0x2D)
DF04_EF06_1 = _IN.file(0xEF06, ("医疗保险临时脱网结算信息", "offline settlement"), Access.KEY_AND_PIN, (
    row(0x90, "金额一（含义未公开）", "first amount, meaning not published", 4, BCD_MONEY, "00001212", "12.12"),
    row(0x92, "金额二（含义未公开）", "second amount, meaning not published", 4, BCD_MONEY, "00001212", "12.12"),
    row(0x93, "金额三（含义未公开）", "third amount, meaning not published", 4, BCD_MONEY, "00000000", "0.00"),
), generations=FIRST, key=0x2B)
DF04_EF06 = _IN.file(0xEF06, ("医疗保险临时脱网结算信息", "offline settlement"), Access.KEY_AND_PIN, (
    row(0x90, "脱网结算标志", "whether offline settlement is on", 1, ASCII, "31", "1"),
    row(0x92, "金额（含义未公开）", "amount, meaning not published", 4, BCD_MONEY, "00029819", "298.19"),
    row(0x93, "标签 93（含义未公开）", "tag 93, meaning not published", 2, ASCII, "3132", "12"),
), generations=LATER, key=0x2B)
_TRANSACTION = (
    row(0x01, "交易序号", "transaction number", 2, NUMBER, "0011", "17"),
    row(0x02, "交易类型", "kind of transaction", 1, ASCII, "31", "1"),
    row(0x03, "终端机编号", "terminal number", 6, CN, "999900000001", "999900000001"),
    row(0x04, "交易时间", "time of the transaction", 7, MOMENT, "20130630123059", "2013-06-30T12:30:59"),
    row(0x05, "金额一（含义未公开）", "first amount, meaning not published", 4, BINARY_MONEY, "000004D2", "12.34"),
    row(0x06, "金额二（含义未公开）", "second amount, meaning not published", 4, BINARY_MONEY, "00000005", "0.05"),
    row(0x07, "金额三（含义未公开）", "third amount, meaning not published", 4, BINARY_MONEY, "00000000", "0.00"),
)
DF04_EF08_1, DF04_EF08 = (
    _IN.file(0xEF08, ("医疗交易明细", "medical transaction log"), Access.KEY_OR_PIN, _TRANSACTION,
             generations=generations, key=0x2B, structure=Structure.NUMBERED, extent=room)
    for generations, room in ((FIRST, 10), (LATER, 30))
)
DF04_EF15 = _IN.file(0xEF15, ("特殊医疗结算记录", "special medical settlements"), Access.KEY_OR_PIN, (
    row(0x01, "编号", "number", 2, NUMBER, "0001", "1"),
    row(0x02, "标志", "mark", 1, ASCII, "32", "2"),
), generations=LATER, key=0x2D, structure=Structure.NUMBERED, extent=8)
DF04_SFI1F = _IN.file(0x001F, ("医疗保险交易内部文件", "internal file of the medical debit"), Access.NEVER, structure=Structure.INTERNAL, name="1F")

_ACCOUNT = Place("DF04", "one implementation; asked for after the PIN")
BALANCES = (
    _ACCOUNT.balance("B0260001", ("个人账户余额（CIA）", "balance of the individual account (CIA)"), Access.PIN, (
        row(0x01, "余额", "balance", 4, BINARY_MONEY, "000004D2", "12.34"),
    )),
    _ACCOUNT.balance("B0260002", ("统筹账户累计（SPIP）", "pooled fund, sum of the year (SPIP)"), Access.PIN, (
        row(0x01, "年度", "year", 2, BCD, "2026", "2026"),
        row(0x02, "累计金额", "sum", 4, BINARY_MONEY, "0000000A", "0.10"),
    )),
    _ACCOUNT.balance("B0260003", ("第三账户（SPFP，内容未公开）", "a third account (SPFP), content not published"), Access.PIN),
)

DF04 = Environment(
    "DF04", bytes.fromhex("D15600000503"), "社会保险应用二（医疗）", "social insurance application 2 (medical)",
    (DF04_EF05_1, DF04_EF05, DF04_EF06_1, DF04_EF06, DF04_EF08_1, DF04_EF08, DF04_EF15, DF04_SFI1F),
    "LD/T 32.3-2015; two implementations",
    BALANCES,
)
# fmt: on
