"""The debit on a card, as far as nobody published it: every number and every order that we assume, once, with its source.

Nothing here was seen on a real card. ``docs/card-keys.md`` lists the same rows by name, and a site confirms each of them
on a real card and PSAM before ``[card_keys] debit = "on"``.
"""

from __future__ import annotations

from attrs import frozen

_PBOC = "PBOC electronic purse, purchase"
_OURS = "our reading; nothing public"


@frozen(slots=True)
class Assumption:
    """One of them: its name, what is assumed in two languages, and where it comes from."""

    name: str
    zh: str
    en: str
    source: str


BEGIN = (0x80, 0x50, 0x01, 0x02)
DEBIT = (0x80, 0x54, 0x01, 0x00)
PSAM_BEGIN = (0x80, 0x70, 0x00, 0x00)
PSAM_CHECK = (0x80, 0x72, 0x00, 0x00)
KEY_INDEX = 0x01
KIND = 0x06  # the PBOC's own number of a purchase
KEY_ADDRESS = "0020"
BEGUN_BYTES = 15  # balance 4, counter 2, overdraft 3, key version 1, algorithm 1, random 4
RECEIPT_BYTES = 8  # TAC 4, MAC2 4
PSAM_BYTES = 8  # transaction number 4, MAC1 4
MAC_BYTES = 4
NEWEST = 1  # record of the log that was written last

# The card's word that it did nothing. Any other word but 9000 - a failure of its memory, one that nobody knows - is no
# answer: what became of the money is unknown.
REFUSALS = frozenset({
    0x6700, 0x6901, 0x6982, 0x6983, 0x6984, 0x6985, 0x6986, 0x6988, 0x6A80, 0x6A81, 0x6A86, 0x6A88, 0x6D00, 0x6E00,
    0x9302, 0x9303, 0x9401, 0x9403, 0x9406,
})  # fmt: skip
NO_FUNDS = 0x9401

# fmt: off
ASSUMPTIONS = (
    Assumption(
        "application", "扣款在 DF04 内进行，须先校验 PIN", "debited inside DF04, after the PIN", _OURS,
    ),
    Assumption(
        "begin", "8050 0102，数据：密钥索引 01、个人账户金额 4、统筹金额 4、终端号 6",
        "8050 0102 with key index 01, individual amount 4, pooled amount 4, terminal 6", f"{_PBOC}, a second amount added",
    ),
    Assumption(
        "begun", "应答 15 字节：余额 4、脱机序号 2、透支限额 3、密钥版本 1、算法 1、随机数 4",
        "15 bytes: balance 4, counter 2, overdraft 3, key version 1, algorithm 1, random 4", _PBOC,
    ),
    Assumption(
        "psam-mac1",
        "PSAM 8070：随机数、序号、两笔金额、类型 06、日期、时间、密钥版本、算法、"
        "卡因子 8、城市因子 8；应答终端交易序号 4、MAC1 4",
        "PSAM 8070: random, counter, both amounts, kind 06, date, time, key version, algorithm, card factor 8, "
        "city factor 8; "
        "answers transaction number 4, MAC1 4", f"{_PBOC}, two levels of diversification",
    ),
    Assumption(
        "debit", "8054 0100，数据：终端交易序号 4、日期 4、时间 3、MAC1 4；应答 TAC 4、MAC2 4",
        "8054 0100 with transaction number 4, date 4, time 3, MAC1 4; answers TAC 4, MAC2 4", _PBOC,
    ),
    Assumption(
        "mac2", "PSAM 8072 校验 MAC2；用加密机时 MAC2 交还调用方，本机不能校验",
        "PSAM 8072 checks MAC2; with an HSM it goes back to the caller, for nobody here can check it", _PBOC,
    ),
    Assumption(
        "step1", "Step1 八项：算法、密钥地址 0020、随机数、脱机序号、个人金额、统筹金额、交易类型、终端号",
        "step 1's eight fields: algorithm, key address 0020, random, counter, individual and pooled amount, kind, terminal",
        "only the count is public",
    ),
    Assumption(
        "out", "输出五项：终端交易序号、时间、脱机序号、TAC、MAC2",
        "five fields: transaction number, time, offline counter, TAC, MAC2", _OURS,
    ),
    Assumption(
        "pay-info", "pPayInfo 金额以元计、必带两位小数，中间各项为空",
        "amounts in yuan with two decimals; the fields between stay empty", _OURS,
    ),
    Assumption(
        "log", "EF08 第 1 条是最新一条，序号每次加一，金额一、二为个人、统筹金额",
        "record 1 of EF08 is the newest, its number goes up by one, its first two amounts are individual and pooled", _OURS,
    ),
    Assumption("pooled", "统筹累计按统筹金额增加", "the sum of the pooled fund grows by the pooled amount", _OURS),
    Assumption(
        "refusals", "表中的状态字表示未扣款，其余一律算结果未明",
        "the listed status words mean that nothing was done; any other means unknown", "ISO 7816-4, PBOC",
    ),
)
# fmt: on
