"""The fields that we use, and what a response code (field 39) means. Data, not rules: a site's bank confirms each row.

Sources: ISO 8583:1987; for the Chinese network style only public terminal code (reference, reliability.md 1.3), so every
value that a bank may want otherwise is a key of ``[bank]``.
"""

from __future__ import annotations

from enum import StrEnum

from attrs import frozen

from middleware.domain.payment import RefusalReason


class Kind(StrEnum):
    """What characters a field holds."""

    N = "n"  # digits
    Z = "z"  # track 2: digits and one separator
    AN = "an"  # letters and digits
    ANS = "ans"  # text; Chinese as GB18030
    B = "b"  # bytes


@frozen(slots=True)
class Field:
    """One field: ``length`` is fixed when ``prefix`` is 0, else the most; ``prefix`` digits of length stand before it.

    Lengths count digits of n and z, bytes of everything else.
    """

    number: int
    kind: Kind
    length: int
    prefix: int = 0
    hidden: bool = False  # a card's data: never in a digest, a log, a repr


_N, _Z, _AN, _ANS, _B = Kind.N, Kind.Z, Kind.AN, Kind.ANS, Kind.B
_ROWS = (
    Field(2, _N, 19, 2, hidden=True),  # primary account number
    Field(3, _N, 6),  # processing code
    Field(4, _N, 12),  # amount in fen
    Field(11, _N, 6),  # system trace audit number
    Field(12, _N, 6),  # local time hhmmss
    Field(13, _N, 4),  # local date MMDD
    Field(14, _N, 4, hidden=True),  # expiry YYMM
    Field(15, _N, 4),  # settlement date MMDD
    Field(22, _N, 3),  # point of service entry mode
    Field(25, _N, 2),  # point of service condition
    Field(26, _N, 2),  # length of the PIN
    Field(32, _N, 11, 2),  # acquirer
    Field(35, _Z, 37, 2, hidden=True),  # track 2
    Field(37, _AN, 12),  # retrieval reference number
    Field(38, _AN, 6),  # authorisation
    Field(39, _AN, 2),  # response code; in a reversal's request its reason
    Field(41, _ANS, 8),  # terminal
    Field(42, _ANS, 15),  # merchant
    Field(43, _ANS, 40),  # the merchant's name and place
    Field(44, _ANS, 25, 2),  # additional response data
    Field(49, _AN, 3),  # currency
    Field(52, _B, 8, hidden=True),  # PIN block
    Field(53, _N, 16),  # security control
    Field(60, _N, 17, 3),  # message type 2, batch 6, network code 3
    Field(61, _N, 29, 3),  # of the original: batch 6, trace 6, date 4
    Field(63, _ANS, 163, 3),  # operator
    Field(64, _B, 8),  # MAC
)
FIELDS: dict[int, Field] = {row.number: row for row in _ROWS}
MAC_FIELD = 64


class Meaning(StrEnum):
    """What a response code says of what was asked."""

    APPROVED = "approved"
    REFUSED = "refused"  # certainly not done
    NOT_FOUND = "not-found"  # no such original
    DONE_BEFORE = "done-before"  # this very message was carried out before
    UNKNOWN = "unknown"  # it may have been done


@frozen(slots=True)
class ResponseCode:
    """One value of field 39."""

    code: str
    meaning: Meaning
    zh: str
    en: str
    reason: RefusalReason = RefusalReason.OTHER


_OK, _NO, _MAYBE = Meaning.APPROVED, Meaning.REFUSED, Meaning.UNKNOWN
_R = RefusalReason
_CODES = (
    ResponseCode("00", _OK, "交易成功", "approved"),
    ResponseCode("11", _OK, "交易成功", "approved"),
    ResponseCode("01", _NO, "请持卡人与发卡银行联系", "call the issuer", _R.NOT_PERMITTED),
    ResponseCode("03", _NO, "无效商户", "invalid merchant", _R.NOT_PERMITTED),
    ResponseCode("04", _NO, "此卡被没收", "keep the card", _R.STOLEN),
    ResponseCode("05", _NO, "持卡人认证失败", "the holder was not authenticated", _R.NOT_PERMITTED),
    ResponseCode("12", _NO, "无效交易", "invalid transaction", _R.NOT_PERMITTED),
    ResponseCode("13", _NO, "无效金额", "invalid amount", _R.LIMIT),
    ResponseCode("14", _NO, "无效卡号", "invalid card number", _R.CARD),
    ResponseCode("15", _NO, "此卡无对应发卡方", "no such issuer", _R.CARD),
    ResponseCode("21", _NO, "此卡未初始化", "the card is not activated", _R.CARD),
    ResponseCode("25", Meaning.NOT_FOUND, "找不到原始交易", "the original was not found"),
    ResponseCode("30", _NO, "报文格式错误", "format error", _R.BANK),
    ResponseCode("33", _NO, "过期的卡", "the card has expired", _R.CARD),
    ResponseCode("38", _NO, "密码错误次数超限", "too many wrong PINs", _R.PIN),
    ResponseCode("40", _NO, "发卡方不支持的交易类型", "not supported by the issuer", _R.NOT_PERMITTED),
    ResponseCode("41", _NO, "挂失卡", "lost card", _R.STOLEN),
    ResponseCode("43", _NO, "被窃卡", "stolen card", _R.STOLEN),
    ResponseCode("51", _NO, "余额不足", "not enough money", _R.FUNDS),
    ResponseCode("54", _NO, "卡已过期", "the card has expired", _R.CARD),
    ResponseCode("55", _NO, "密码错", "wrong PIN", _R.PIN),
    ResponseCode("57", _NO, "不允许持卡人做的交易", "not permitted to the holder", _R.NOT_PERMITTED),
    ResponseCode("58", _NO, "不允许终端做的交易", "not permitted to the terminal", _R.NOT_PERMITTED),
    ResponseCode("61", _NO, "超出金额限制", "over the amount limit", _R.LIMIT),
    ResponseCode("62", _NO, "受限制的卡", "restricted card", _R.NOT_PERMITTED),
    ResponseCode("65", _NO, "超出消费次数限制", "over the count limit", _R.LIMIT),
    ResponseCode("68", _MAYBE, "发卡方响应超时", "the issuer answered too late"),
    ResponseCode("75", _NO, "密码错误次数超限", "too many wrong PINs", _R.PIN),
    ResponseCode("90", _NO, "系统日切，请稍后再试", "cut-over, try later", _R.BANK),
    ResponseCode("91", _NO, "发卡方状态不正常", "the issuer is not available", _R.BANK),
    ResponseCode("92", _NO, "发卡方线路异常", "no route to the issuer", _R.BANK),
    ResponseCode("94", Meaning.DONE_BEFORE, "重复交易", "duplicate"),
    ResponseCode("96", _MAYBE, "银行系统异常", "the host's own failure"),
    ResponseCode("97", _NO, "终端号不存在", "no such terminal", _R.BANK),
    ResponseCode("98", _MAYBE, "收不到发卡方应答", "no answer from the issuer"),
    ResponseCode("99", _NO, "PIN 格式错", "PIN format", _R.PIN),
    ResponseCode("A0", _NO, "MAC 校验错，请重新签到", "our MAC was wrong: sign on again", _R.BANK),
    ResponseCode("B4", _MAYBE, "交易成功，请冲正", "approved, but to be reversed"),
    ResponseCode("C4", _MAYBE, "交易成功，请冲正", "approved, but to be reversed"),
    ResponseCode("D4", _MAYBE, "交易成功，请冲正", "approved, but to be reversed"),
)
CODES: dict[str, ResponseCode] = {row.code: row for row in _CODES}
SIGN_ON_AGAIN = "A0"
