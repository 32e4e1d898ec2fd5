"""A region's JSON, the gateway before it, who signs the envelope: ``[national]``, ``[gateway]``, ``[signature]``.

Keys and passwords are the site's, not the region's: they stand in ``[centre]`` (exchange/options.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from adapters.insurance.signing.sm2 import DEFAULT_USER_ID, FORMS, RAW
from adapters.insurance.transactions import DECLARED
from config.load import Problem
from config.section import between, matching, one_of, setting

NO, CSB, TIF = "none", "csb", "tif"
UNSIGNED, MOCK, SM2, PASSWORD = "none", "mock", "sm2", "password"
_ADDRESS = re.compile(r"(\.\./|/)?[0-9A-Za-z._~/-]{1,200}\Z", re.ASCII)
_DOWNLOAD = {"9102": "../fileupload/download"}
_WORD = r"[\x21-\x7e]{0,128}"  # what a header may carry


def _addresses(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, str]) -> None:
    for code, address in value.items():
        if code not in DECLARED:
            raise ValueError(f"程序没有这个交易 / {attribute.name}.{code} is no transaction of ours")
        if not _ADDRESS.match(address) or address.startswith("//"):
            raise ValueError(
                f"须为中心本机的路径 / {attribute.name}.{code}: a path of its own host, such as ../fileupload/download"
            )


@attrs.frozen(slots=True, kw_only=True)
class NationalForm:
    """A region's JSON; see ``config/regions/template.toml`` for each key with its reason."""

    content_type: str = setting(
        help="what our messages say that they are",
        default="application/json; charset=utf-8",
        validator=matching(r"[a-z]+/[a-z+.-]+(; ?charset=utf-8)?", "a content type, of UTF-8 if it names one"),
    )
    numbers: str = setting(
        help="how amounts and counts are written: number, or text (in quotation marks)",
        default="number",
        validator=one_of("number", "text"),
    )
    addresses: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="transactions with an address of their own, relative to [centre] url",
        default=attrs.Factory(lambda: dict(_DOWNLOAD)),
        validator=_addresses,
    )


@attrs.frozen(slots=True, kw_only=True)
class GatewayForm:
    """What stands before the centre's service, and what its headers say."""

    scheme: str = setting(
        help="none; csb: _api_* headers, HMAC-SHA1; tif: x-tif-* headers, SHA-256",
        default=NO,
        validator=one_of(NO, CSB, TIF),
    )
    api_name: str = setting(
        help="csb: _api_name; without it nothing can be sent",
        default="",
        validator=matching(_WORD, "printable ASCII, at most 128"),
    )
    api_version: str = setting(
        help="csb: _api_version", default="1.0.0", validator=matching(_WORD, "printable ASCII, at most 128")
    )
    timestamp: str = setting(
        help="csb: the time in ms (13 digits) or s (10 digits)", default="ms", validator=one_of("ms", "s")
    )
    window_s: int = setting(
        help="a clock further away than this is refused by the gateway",
        default=1800,
        unit="s",
        validator=between(10, 86_400),
    )


@attrs.frozen(slots=True, kw_only=True)
class SignatureForm:
    """What ``signtype`` and ``cainfo`` of the envelope hold."""

    scheme: str = setting(
        help="none; mock: signtype MOCK, for test desks; sm2: SM3withSM2 over the envelope's fields; password: cainfo of "
        "2102, 2207 and 2304 is the person's password under the centre's RSA key",
        default=UNSIGNED,
        validator=one_of(UNSIGNED, MOCK, SM2, PASSWORD),
    )
    user_id: str = setting(
        help="sm2: the signer's user id", default=DEFAULT_USER_ID, validator=matching(r"[\x20-\x7e]{1,64}", "1 to 64 ASCII")
    )
    form: str = setting(help="sm2: raw (r and s, 64 bytes) or der (ASN.1)", default=RAW, validator=one_of(*FORMS))
    signtype: str = setting(
        help="password: what signtype says",
        default="",
        validator=matching(r"[0-9A-Za-z]{0,10}", "at most 10 letters or digits"),
    )
    with_token: bool = setting(help="password: the gateway's token (tif) follows the password inside", default=False)


# Which keys mean something to which scheme; elsewhere they are a mistake, for somebody believed in them.
_KEYS: dict[str, dict[str, tuple[str, ...]]] = {
    "gateway": {"api_name": (CSB,), "api_version": (CSB,), "timestamp": (CSB,), "window_s": (CSB, TIF)},
    "signature": {"user_id": (SM2,), "form": (SM2,), "signtype": (PASSWORD,), "with_token": (PASSWORD,)},
}


def crossing(document: Mapping[str, Any]) -> list[Problem]:
    """What only several keys together show to be wrong. Never raises, whatever the document is."""
    problems = []
    for name, keys in _KEYS.items():
        table = _table(document.get(name))
        scheme = table.get("scheme", NO)
        problems += [
            Problem(
                f"{name}.{key}",
                f'对 scheme = "{scheme}" 无意义 / means nothing to scheme = "{scheme}"',
                f"只用于 / it is of {' and '.join(schemes)}",
            )
            for key, schemes in keys.items()
            if key in table and scheme not in schemes
        ]
    if _table(document.get("signature")).get("with_token") is True and _table(document.get("gateway")).get("scheme") != TIF:
        problems.append(
            Problem(
                "signature.with_token",
                "没有令牌 / there is no token",
                '只有 [gateway] scheme = "tif" 有 / only [gateway] scheme = "tif" has one',
            )
        )
    if document.get("dialect") != "national" and "national" in document:
        problems.append(
            Problem("national", '只用于 dialect = "national" / means nothing to another dialect', "删去 / leave it out")
        )
    return problems


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
