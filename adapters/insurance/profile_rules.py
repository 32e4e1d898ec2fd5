"""What a region's profile must hold to beyond the type of each key. Pure; each problem has its key, the rule and a hint.

``field`` validators stand first; ``crossing`` looks at the document as it was written, so that one run shows these
mistakes beside all others, however wrong the rest is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from adapters.insurance.dictionaries import DICTIONARIES
from adapters.insurance.schema import Type
from adapters.insurance.transactions import DECLARED, REQUEST_HEAD
from config.load import Problem
from middleware.domain.category import Need
from middleware.domain.kind import VisitKind

MAX_LENGTH = 4000
_REVERSAL = "2601"
_CATEGORY = re.compile(r"[0-9A-Z]{2,6}")
_MEASURED = frozenset(
    spec.name
    for specs in (REQUEST_HEAD, *(node.fields for one in DECLARED.values() for node in one.input))
    for spec in specs
    if spec.type in {Type.TEXT, Type.NUMBER}
)
_ENDS = ("not_found_codes", "already_reversed_codes", "sign_in_again_codes")  # one refusal code has one meaning


def reversible(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """Codes of transactions, each once; a reversal is never reversed."""
    for code in value:
        if code not in DECLARED:
            raise ValueError(f"程序没有这个交易 / {attribute.name} names {code!r}, which is no transaction of ours")
    if _REVERSAL in value:
        raise ValueError(f"冲正（2601）本身不能冲正 / {attribute.name}: a reversal (2601) cannot be reversed")
    if len(set(value)) != len(value):
        raise ValueError(f"有交易重复 / {attribute.name} names a transaction twice")


def extra_codes(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, tuple[str, ...]]) -> None:
    """Lists that there are."""
    for name, codes in value.items():
        if name not in DICTIONARIES:
            raise ValueError(f"程序没有这个码表 / {attribute.name}.{name} is no code list of ours")
        if "" in codes or len(set(codes)) != len(codes):
            raise ValueError(f"代码不可重复、不可为空 / {attribute.name}.{name}: each code once, none empty")


def lengths(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, int]) -> None:
    """Fields that we send."""
    for name, length in value.items():
        if name not in _MEASURED:
            raise ValueError(f"程序不发送这个字段 / {attribute.name}.{name} is no text or number that we send")
        if not 1 <= length <= MAX_LENGTH:
            raise ValueError(f"应在 1 和 {MAX_LENGTH} 之间 / {attribute.name}.{name} must be between 1 and {MAX_LENGTH}")


def kinds(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """Kinds of visit."""
    _words(attribute.name, value, [str(one) for one in VisitKind])


def needs(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """Facts that a category may want."""
    _words(attribute.name, value, [str(one) for one in Need])


def regions(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    """Beginnings of region codes."""
    for one in value:
        if not re.fullmatch(r"\d{0,6}", one, re.ASCII):
            raise ValueError(
                f"不是区划代码的开头 / {attribute.name}: {one!r} is not the beginning of a region code (0 to 6 digits)"
            )


def _words(name: str, value: tuple[str, ...], known: list[str]) -> None:
    for one in value:
        if one not in known:
            raise ValueError(f"没有这个词 / {name}: {one!r} is unknown; one of {', '.join(known)}")


def crossing(document: Mapping[str, Any]) -> list[Problem]:
    """What only two keys together show to be wrong. Never raises, whatever the document is."""
    return [*_ends(document), *_categories(document), *_upload(document)]


def _upload(document: Mapping[str, Any]) -> list[Problem]:
    wanted = _table(document.get("outpatient")).get("upload_visit")
    if wanted != "2203A" or wanted in _list(document.get("services")):
        return []
    return [
        Problem(
            "outpatient.upload_visit",
            "services 中没有 2203A / 2203A is not among services",
            '加上 / add it: services = ["2203A"]',
        )
    ]


def _ends(document: Mapping[str, Any]) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for key in _ENDS:
        for code in _list(document.get(key)):
            if code in seen and seen[code] != key:
                hint = "一个代码只有一个含义，问中心 / one code has one meaning: ask the centre which"
                problems.append(Problem(key, f"{code} 又在 {seen[code]} 中 / {code} stands in {seen[code]}, too", hint))
            seen.setdefault(code, key)
    return problems


def _categories(document: Mapping[str, Any]) -> list[Problem]:
    extra = _table(document.get("extra_codes"))
    med_types = {*DICTIONARIES["med_type"], *_list(extra.get("med_type"))}
    insurances = {*DICTIONARIES["insutype"], *_list(extra.get("insutype"))}
    problems = []
    for code, row in _table(document.get("categories")).items():
        if not _CATEGORY.fullmatch(code):
            problems.append(
                Problem(
                    f"categories.{code}",
                    "须为 2 至 6 位数字或大写字母 / must be 2 to 6 digits or capitals",
                    "med_type 的代码 / a code of med_type",
                )
            )
        elif code not in med_types:
            problems.append(
                Problem(
                    f"categories.{code}",
                    "不在 med_type 码表中，报文发不出 / is in no list of med_type: no message with it can be sent",
                    f'加上 / add it: [extra_codes] med_type = ["{code}"]',
                )
            )
        problems += [
            Problem(
                f"categories.{code}.insurances",
                f"{one} 不是险种 / {one} is no insurance (insutype)",
                "或加入 / or add it to [extra_codes]",
            )
            for one in _list(_table(row).get("insurances"))
            if one not in insurances
        ]
    return problems


def _list(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
