"""``run.py check-profile FILE``: every mistake of a region's profile at once, and what a bureau must still confirm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from adapters.insurance.opening import must_have_contract
from adapters.insurance.profile import Profile, mistakes, profile_of
from adapters.insurance.profile_soap import PROCESS
from config.load import ConfigError, Problem, document_of

Say = Callable[[str], object]


@frozen(slots=True)
class Open:
    """A key whose value nobody has confirmed: what happens until then."""

    key: str
    zh: str
    en: str


_EMPTY = (
    Open("reversible", "任何结果不明的交易都转人工", "every unknown outcome goes to a person"),
    Open(
        "not_found_codes", "冲正被拒时转人工，不会认定原交易未到达", "a refused reversal goes to a person, never ends one"
    ),
    Open("already_reversed_codes", "重复冲正被拒时转人工", "a refusal of a repeated reversal goes to a person"),
    Open("already_done_codes", "重发的登记、明细、出院被拒时转人工", "a refused repetition of an errand goes to a person"),
    Open(
        "sign_in_again_codes",
        "日间签到失效后不会自动重新签到",
        "a sign-in that ends within the day is not made again by itself",
    ),
    Open("refusing_fault_codes", "每个 SOAP Fault 都按结果不明处理", "every SOAP fault is an unknown outcome"),
    Open(
        "statement.not_ready_codes", "对账结果未就绪时当日对账即止", "a result that is not ready ends the day's comparison"
    ),
    Open("services", "不做查询、备案和入院信息变更", "no queries, no filings, no change of an admission"),
    Open("cross_region.regions", "不接待异地参保人", "nobody insured elsewhere is treated"),
)
_SOAP_ONLY = frozenset({"refusing_fault_codes"})
_UNSAID = (
    Open("sign_in", "按每日签到", "9001 each day"),
    Open("after_settle", "按无须确认，结算成功即算结算", "nothing must follow a settlement's yes"),
    Open(
        "processing_limit_s", "按 600 秒：此后“查无原交易”才可结束冲正", "600 s: only then does 'not found' end a reversal"
    ),
    Open("quote_expiry_s", "按 900 秒", "900 s"),
    Open("adopt_listed", "按 false：次日结果文件列出的结算予以冲正", "false: what the next day's file lists is reversed"),
    Open("query_visits", "按 false：不用 5201 查询", "false: 5201 is not asked"),
    Open("statement.columns", "按湖南七列", "Hunan's seven columns"),
    Open("statement.result_columns", "按湖南十列", "Hunan's ten columns"),
    Open("statement.verdicts", "按湖南：0 平，1 不平", "Hunan's: 0 equal, 1 not"),
    Open("statement.encoding", "按 UTF-8", "UTF-8"),
    Open("catalogue.offered", "不下载目录，报价不带目录提示", "no catalogue is downloaded, no quote is remarked by one"),
    Open("inpatient.discharge", "按先出院后预结算", "discharge before the quote"),
    Open("cross_region.local_digits", "按前 4 位区划判断本地", "the first 4 digits tell who is local"),
)


_TEXTS = ("soap-process", "soap-string")
# What only some schemes want: the key that says which, its values, whether empty is as good as unsaid, and what is open.
_OF_SCHEME: tuple[tuple[str, tuple[object, ...], bool, Open], ...] = (
    ("mobile.offered", (True,), True, Open("mobile.fee_type", "移动支付不能启用", "payment by phone cannot be enabled")),
    (
        "mobile.offered",
        (True,),
        True,
        Open("mobile.unpaid", "到时未付的订单转人工", "an order nobody paid goes to a person"),
    ),
    ("mobile.offered", (True,), True, Open("mobile.clearing_type", "对账按空的清算类别", "compared without clearing type")),
    ("mobile.offered", (True,), True, Open("mobile.clearing_agency", "对账按空的清算机构", "compared without an agency")),
    ("mobile.offered", (True,), False, Open("mobile.user_id", "按 1234567812345678", "1234567812345678")),
    (
        "statement.by_cycle",
        (True,),
        True,
        Open("statement.signed_out_codes", "已结束的周期被拒时转人工", "a refusal of an ended cycle goes to a person"),
    ),
    (
        "dialect",
        _TEXTS,
        True,
        Open("soap.wsdl", "按随附的 WSDL 和操作名", "the WSDL and operation that come with the style"),
    ),
    (
        "dialect",
        _TEXTS,
        True,
        Open("soap.codes", "交易代码同国家平台", "transactions have the national platform's numbers"),
    ),
    ("dialect", ("soap-process",), True, Open("soap.head", "按随附的八个元素", "the eight elements that come with it")),
    ("gateway.scheme", ("csb",), True, Open("gateway.api_name", "网关服务名未知，程序不启动", "the daemon does not start")),
    ("gateway.scheme", ("csb",), False, Open("gateway.timestamp", "按毫秒（13 位）", "milliseconds, 13 digits")),
    ("gateway.scheme", ("csb", "tif"), False, Open("gateway.window_s", "按 1800 秒", "1800 s")),
    ("signature.scheme", ("sm2",), False, Open("signature.user_id", "按 1234567812345678", "1234567812345678")),
    ("signature.scheme", ("sm2",), False, Open("signature.form", "按 r、s 共 64 字节", "r and s, 64 bytes")),
    ("dialect", ("national",), False, Open("gateway.scheme", "不加网关报文头", "no header for a gateway")),
    ("dialect", ("national",), False, Open("signature.scheme", "报文不签名", "the envelope is not signed")),
    ("dialect", ("national",), False, Open("national.numbers", "数字不带引号", "numbers without quotation marks")),
    ("dialect", ("national",), False, Open("national.addresses", "9102 另址下载", "9102 at an address of its own")),
)


def unconfirmed(document: Mapping[str, Any]) -> list[Open]:
    """What a sound profile leaves to a person or to our defaults, in the order of its consequences."""
    of_scheme = [
        one
        for decides, schemes, empty, one in _OF_SCHEME
        if _at(document, decides) in schemes and (not _at(document, one.key) if empty else _at(document, one.key) is None)
    ]
    faultless = _at(document, "dialect") == "national"  # there are no SOAP Faults in JSON
    empties = [one for one in _EMPTY if not _at(document, one.key) and not (faultless and one.key in _SOAP_ONLY)]
    return [*of_scheme, *empties, *(one for one in _UNSAID if _at(document, one.key) is None)]


def _at(document: Mapping[str, Any], key: str) -> object:
    value: object = document
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def check_profile(path: Path, say: Say, *, production: bool) -> int:
    """Say all of it. 0 good, 1 with ``production`` while something is unconfirmed, 2 with a mistake."""
    try:
        document = document_of(path)
    except ConfigError as exc:
        return _refused(path, exc.problems, say)
    if problems := mistakes(document):
        return _refused(path, problems, say)
    profile = profile_of(document)
    try:
        must_have_contract(profile)
    except ConfigError as exc:
        return _refused(path, exc.problems, say)
    say(f"地区文件正确 / the profile is good: {path} ({profile.name}, {profile.region})")
    _say_misnamed(path, profile, say)
    _say_unsigned(profile, say)
    still = unconfirmed(document)
    if still:
        say(f"投产前须经医保中心确认 / to be confirmed by the centre before production: {len(still)}")
    for one in still:
        say(f"  {one.key}: {one.zh} / {one.en}")
    if still:
        say("各键写法 / how each is written: docs/profile-keys.md, config/regions/template.toml")
    return 1 if production and still else 0


def _refused(path: Path, problems: list[Problem], say: Say) -> int:
    say(f"地区文件有误 / the profile has {len(problems)} mistake(s): {path}")
    for problem in problems:
        say(f"  {problem}")
    return 2


def _say_misnamed(path: Path, profile: Profile, say: Say) -> None:
    if not path.stem.startswith(profile.region) and path.stem != "template":
        say(f'  文件名应以 region 开头：改文件名，或改 region = "{profile.region}"')
        say("  the file's name should begin with its region: rename the file, or mend the key")


def _say_unsigned(profile: Profile, say: Say) -> None:
    """An envelope without the number of the sign-in: some centres tell by it who is signed in."""
    if profile.dialect == PROCESS and profile.sign_in == "daily" and "sign_no" not in profile.soap.head.values():
        say("  soap.head 没有放 sign_no 的元素：签到后的交易不带签到编号，中心若要求则全部被拒")
        say("  soap.head has no element for sign_no: a centre that wants the sign-in's number refuses every call")
