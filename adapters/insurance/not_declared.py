"""Transactions of the published interface that stand in no table of ours, or that nobody sends, and why.

Data for ``docs/transactions.md``.
"""

from __future__ import annotations

from types import MappingProxyType

_NO_FIELDS = (
    "公开文本中没有其字段表，须向中心索取",
    "no field table of it is public: the centre must give it",
)
_HUNAN_ONLY = (
    "不在 206 个交易清单中，仅湖南文本附有字段",
    "not in the list of 206 transactions; only Hunan's text has fields for it",
)
_ABOLISHED = ("湖南已停用，改由网页平台办理", "abolished in Hunan: a web platform has taken its place")

NOT_DECLARED = MappingProxyType(
    {
        **dict.fromkeys(("1304", "1306A", "1310", "1311", "1313", "1314", "1315", "1316"), _NO_FIELDS),
        **dict.fromkeys([f"13{number}" for number in range(20, 28)], _NO_FIELDS),
        "2181": (
            "异地就医购药（2161-2181）另成一套，无就诊信封字段",
            "of cross-region pharmacies (2161 to 2181), a protocol of its own without the envelope's visit",
        ),
        **dict.fromkeys(("2306", "2406", "2407"), _HUNAN_ONLY),
        **dict.fromkeys(("3203", "3204"), _ABOLISHED),
        "6401": _NO_FIELDS,
    }
)
"""Code -> reason in Chinese, reason in English."""

NOT_BY_PHONE = MappingProxyType(
    {
        "6204": (
            "公开文本没有 thdPayType 的代码，也没有说同步之后订单算不算付清：不发送。个人自付在医保 App 里付，由 6301 查证",
            "no text has the codes of thdPayType, or says whether an order so told is paid: not sent; 6301 tells who paid",
        ),
        "2401, 2304": (
            "住院不用：6201 须再传一遍 2301 的明细，公开文本没有说中心如何对待，也没有 feeType 代码和出院字段何时必填",
            "no stays: 6201 would upload again what 2301 did, and no text says what becomes of it, nor feeType's codes",
        ),
        "2102": (
            "药店售药不用：6201 明细的 mdtrtId 必填，结算之前没有就诊号。按 2203A 登记就诊的药店是门诊，可以用",
            "no sales: a line of 6201 names a visit (mdtrtId), and a sale has none. A pharmacy with visits (2203A) may",
        ),
    }
)
"""What mobile payment is not used for -> reason in Chinese, reason in English."""
