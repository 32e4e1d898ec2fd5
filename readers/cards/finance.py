"""The financial side of a card (PBOC), as declarations: a bank card, or the bank's chip part of a social-security or citizen card.

Nothing here identifies a patient: the daemon never takes an identity from it. ``run.py card read`` shows it, the account number
masked for everybody. Facts: PBOC 3.0 (JR/T 0025) and EMV by their tags; commands as two implementations send them.
"""

from __future__ import annotations

import attrs

from readers.cards.declaration import Access, Environment, Item, Structure, Vector
from readers.cards.rows import ACCOUNT, BCD, BCD_MONEY, BINARY_MONEY, BYTES, CN, DATE, NUMBER, SHORT_DATE, Place, row

ACCOUNT_NUMBER, EXPIRY = 0x5A, 0x5F24
LABEL, APPLICATION_NAME, DIRECTORY_ENTRY, DIRECTORY_FILE = 0x50, 0x4F, 0x61, 0x88
MAX_DIRECTORY = 10  # records of a directory that are looked at

# fmt: off
_IN = Place("PBOC", "PBOC 3.0 (JR/T 0025); two implementations")
_PAN = Item(ACCOUNT_NUMBER, "银行卡号", "account number (PAN)", 10, ACCOUNT, (
    Vector("6200000000000005", "6200000000000005"),
    Vector("6200000000000000000F", "6200000000000000000"),
    Vector("6200000000000006", malformed=True),  # the check digit
    Vector("620000000005", malformed=True),  # twelve digits
    Vector("62000000000000A5", malformed=True),
), "", least=7, never_shown=True)
_EXPIRY = row(EXPIRY, "应用失效日期", "application expires", 3, SHORT_DATE, "301231", "2030-12-31", personal=False)
SFI02, SFI03 = (
    _IN.file(short_id, ("账户数据", "account data"), Access.FREE, (_PAN, _EXPIRY), structure=Structure.OBJECTS, extent=1, name=name)
    for short_id, name in ((0x02, "SFI02"), (0x03, "SFI03"))
)
_AMOUNTS = (
    (0x9F79, "电子现金余额", "e-cash balance", "000000001234", "12.34"),
    (0x9F77, "电子现金余额上限", "e-cash balance, upper limit", "000000100000", "1000.00"),
    (0x9F78, "电子现金单笔交易限额", "e-cash, limit of one payment", "000000050000", "500.00"),
    (0x9F6D, "电子现金重置阈值", "e-cash, threshold of reloading", "000000010000", "100.00"),
    (0x9F5D, "可用脱机消费金额", "offline spending amount available", "000000001234", "12.34"),
)
ECASH = (
    *(_IN.balance(f"80CA{tag:04X}", (zh, en), Access.FREE, (row(0x01, "金额", "amount", 6, BCD_MONEY, raw, text),), tag=tag)
      for tag, zh, en, raw, text in _AMOUNTS),
    _IN.balance("80CA9F36", ("应用交易计数器（ATC）", "application transaction counter (ATC)"), Access.FREE, (
        row(0x01, "计数", "count", 2, NUMBER, "002A", "42"),
    ), tag=0x9F36),
)
PBOC = Environment(
    "PBOC", bytes.fromhex("A000000333010101"), "金融应用（借记、贷记、电子现金）", "financial application (debit, credit, e-cash)",
    (SFI02, SFI03),
    "PBOC 3.0: debit; credit, quasi-credit and e-cash by their own names",
    ECASH,
    also=tuple(bytes.fromhex(name) for name in ("A000000333010102", "A000000333010103", "A000000333010106")),
)

_EP = Place("EP", "PBOC 1.0 and 2.0; as several implementations of city cards read it")
LOG = attrs.evolve(_EP.file(0x18, ("电子钱包交易明细", "e-purse log"), Access.FREE, (
    row(0x01, "交易序号", "transaction number", 2, NUMBER, "0011", "17"),
    row(0x02, "透支限额", "overdraft limit", 3, BYTES, "000000", "000000"),
    row(0x03, "交易金额", "amount", 4, BINARY_MONEY, "000001F4", "5.00"),
    row(0x04, "交易类型", "kind of transaction", 1, BYTES, "06", "06"),
    row(0x05, "终端机编号", "terminal number", 6, CN, "999900000001", "999900000001"),
    row(0x06, "交易日期", "date of the transaction", 4, DATE, "20260301", "2026-03-01"),
    row(0x07, "交易时间", "time of the transaction", 3, BCD, "123059", "123059"),
), structure=Structure.NUMBERED, extent=10, name="SFI18"), by_short_id=True)
PURSE = (
    _EP.balance("805C0002", ("电子钱包余额", "e-purse balance"), Access.FREE, (
        row(0x01, "余额", "balance", 4, BINARY_MONEY, "000004D2", "12.34"),
    )),
)
EP = Environment(
    "EP", bytes.fromhex("A00000000386980701"), "电子钱包", "e-purse",
    (LOG,),
    "one implementation of a city card; an issuer may have given its purse another name",
    PURSE,
)

_DIRECTORY = Place("PSE", "PBOC 3.0, EMV book 1, 12.2 and 12.3")
PSE = Environment(
    "PSE", b"1PAY.SYS.DDF01", "支付系统环境（接触）", "payment system environment (contact)", (), _DIRECTORY.source
)
PPSE = Environment(
    "PPSE", b"2PAY.SYS.DDF01", "近距支付系统环境（非接触）", "proximity payment system environment (contactless)", (), _DIRECTORY.source
)
FINANCE = (PBOC, EP)
# fmt: on
