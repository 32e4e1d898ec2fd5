"""Transactions of the published interface that stand in no table of ours, and why. Data for ``docs/transactions.md``."""

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
    }
)
"""Code -> reason in Chinese, reason in English."""
