"""A region's ``[mobile]``: how its channel of mobile payment is spoken to, and what it decides there.

What the bureau has not confirmed stays empty: then a person decides.
"""

from __future__ import annotations

import re
from typing import Any

import attrs

from adapters.insurance.mobile.tables import MOBILE
from adapters.insurance.signing.sm2 import DEFAULT_USER_ID
from config.section import between, matching, setting
from middleware.domain.mobile import STANDINGS

_PATH = re.compile(r"(\.\./|/)?[0-9A-Za-z._~/-]{1,200}\Z", re.ASCII)
SENT = frozenset({"6201", "6202", "6203", "6301"})


def _paths(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, str]) -> None:
    for code, path in value.items():
        if code not in SENT or code not in MOBILE:
            raise ValueError(
                f"程序不发送这个移动支付交易 / {attribute.name}.{code} is no transaction of mobile payment that we send"
            )
        if not _PATH.match(path) or path.startswith("//"):
            raise ValueError(f"须为渠道本机的路径 / {attribute.name}.{code}: a path of the channel's own host")


def _unpaid(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    for state in value:
        if state in STANDINGS:
            raise ValueError(f"{state} 已有含义：{STANDINGS[state]} / {attribute.name}: {state} means {STANDINGS[state]}")


@attrs.frozen(slots=True, kw_only=True)
class MobileForm:
    """See ``config/regions/template.toml`` for each key with its reason."""

    offered: bool = setting(help="whether the region has the channel of mobile payment (6201-6302)", default=False)
    paths: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="transactions with a path of their own, relative to [mobile] url; else the code is the path",
        default=attrs.Factory(dict),
        validator=_paths,
    )
    user_id: str = setting(
        help="the signer's user id of the channel; a public client has the application's secret here: app-secret",
        default=DEFAULT_USER_ID,
        validator=matching(r"[\x20-\x7e]{1,64}", "1 to 64 ASCII"),
    )
    fee_type: str = setting(
        help="feeType of an outpatient's bill; without it nothing can be ordered",
        default="",
        validator=matching(r"[0-9A-Za-z]{0,6}", "at most 6 letters or digits"),
    )
    valid_s: int = setting(
        help="how long a person may take to pay; then what insurance paid is given back",
        default=1800,
        unit="s",
        validator=between(30, 86_400),
    )
    poll_s: float = setting(
        help="from an order to the first question (6301) whether it is paid; doubles each time",
        default=5.0,
        unit="s",
        validator=between(0.05, 600),
    )
    poll_max_s: float = setting(help="longest of these waits", default=60.0, unit="s", validator=between(0.05, 3600))
    unpaid: tuple[str, ...] = setting(
        help="ordStas that certainly mean: nothing was paid, and after the order's time nothing will be",
        default=(),
        validator=_unpaid,
    )
    clearing_type: str = setting(
        help="clr_type of its rows in a statement; no answer of the channel says it",
        default="",
        validator=matching(r"[0-9A-Za-z]{0,6}", "at most 6 letters or digits"),
    )
    clearing_agency: str = setting(
        help="clr_optins of them", default="", validator=matching(r"[0-9A-Za-z]{0,6}", "at most 6 letters or digits")
    )


BY_APPLICATION = "app-secret"
"""As ``user_id``: the application's secret, as a public client has it."""
