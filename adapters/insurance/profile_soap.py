"""How a region's SOAP looks: the ``[soap]`` table of its profile. Two of the three styles carry one text in and one out.

Source: insurance.md 3 (the predecessors). Which names a centre gives to the parts of its envelope is nowhere published as a
standard; the defaults are those of the one implementation that was seen, and every one may be set.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from adapters.insurance.transactions import REQUEST_HEAD, TRANSACTIONS
from config.load import Problem
from config.section import matching, setting

WSDLS = Path(__file__).resolve().parents[2] / "config" / "regions" / "wsdl"
TYPED, PROCESS, STRING = "soap", "soap-process", "soap-string"
OPERATIONS = {TYPED: "call{code}", PROCESS: "process", STRING: "BUSINESS_HANDLE"}
# The MSGNO envelope: its elements in order, and what of ours stands in each. The last two are of a reversal only (2601).
HEAD = {
    "MSGNO": "infno",
    "MSGID": "msgid",
    "GRANTID": "fixmedins_code",
    "ORGMSGNO": "oinfno",
    "ORGMSGID": "omsgid",
    "OPERID": "opter",
    "BATNO": "sign_no",
    "OPTTIME": "inf_time",
}
# The parts of both messages that are no field of a table: ours, and what the centre calls them.
NAMES = {
    "root": "ROOT",
    "input": "INPUT",
    "output": "OUTPUT",
    "code": "CODE",
    "message": "ERRMSG",
    "message_id": "MSGID",
    "said_at": "RETTIME",
}
ORIGINAL = ("oinfno", "omsgid")
_HEAD_FIELDS = frozenset({*(spec.name for spec in REQUEST_HEAD), *ORIGINAL})
_FIELDS = frozenset(
    spec.name for one in TRANSACTIONS.values() for node in (*one.input, *one.output) for spec in node.fields
) | frozenset(node.name for one in TRANSACTIONS.values() for node in (*one.input, *one.output) if node.name)
_ELEMENT = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,63}\Z", re.ASCII)
_CODE = re.compile(r"[A-Za-z0-9_-]{1,32}\Z", re.ASCII)  # no separator of the strings can stand in one


def _names_of(known: frozenset[str], what: str, shape: re.Pattern[str] = _ELEMENT) -> Any:
    """Ours to theirs: ours is known, theirs can be written, and no two of ours become one of theirs."""

    def check(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, str]) -> None:
        for ours, theirs in value.items():
            if ours not in known:
                raise ValueError(f"程序没有这个名称 / {attribute.name}.{ours} is no {what} of ours")
            if not shape.match(theirs):
                raise ValueError(f"报文中写不了 / {attribute.name}.{ours}: {theirs!r} cannot be written")
        _apart(attribute.name, list(value.values()))

    return check


def _head(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, str]) -> None:
    known = ", ".join(sorted(_HEAD_FIELDS))
    for theirs, ours in value.items():
        if not _ELEMENT.match(theirs):
            raise ValueError(f"不能作元素名 / {attribute.name}.{theirs} cannot be the name of an element")
        if ours not in _HEAD_FIELDS:
            raise ValueError(
                f"信封没有这个字段 / {attribute.name}.{theirs}: {ours!r} is no field of our envelope; known: {known}"
            )
    missing = [ours for ours in ("infno", "msgid") if ours not in value.values()]
    if missing:
        raise ValueError(
            f"缺了就无法冲正 / {attribute.name} lacks {' and '.join(missing)}: without them nothing can be reversed"
        )
    _apart(attribute.name, list(value))


def _apart(name: str, theirs: list[str]) -> None:
    folded = [one.casefold() for one in theirs]
    twice = sorted({one for one in folded if folded.count(one) > 1})
    if twice:
        raise ValueError(
            f"一名两用（不分大小写） / {name}: {', '.join(twice)} stands for two things (capitals make no difference)"
        )


@attrs.frozen(slots=True, kw_only=True)
class SoapForm:
    """A region's WSDL and, of the styles that carry a text, the names in it."""

    wsdl: str = setting(
        help="the centre's own WSDL, a file of config/regions/wsdl; empty: the one that comes with the style",
        default="",
        validator=matching(r"([0-9A-Za-z_-]{1,64}\.wsdl)?", "a file name that ends in .wsdl, without its folder"),
    )
    operation: str = setting(
        help="the operation's name; of dialect soap with {code} for the transaction; empty: as in our own WSDL",
        default="",
        validator=matching(r"([A-Za-z_][A-Za-z0-9_.-]{0,63}(\{code\}[A-Za-z0-9_.-]{0,32})?)?", "the name of an operation"),
    )
    codes: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="transactions that this centre calls otherwise: ours = theirs",
        default=attrs.Factory(dict),
        validator=_names_of(frozenset(TRANSACTIONS), "transaction", _CODE),
    )
    head: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="of soap-process: the envelope's elements in order, and which field of ours stands in each",
        default=attrs.Factory(lambda: dict(HEAD)),
        validator=_head,
    )
    names: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="of soap-process: other names of root, input, output, code, message, message_id, said_at",
        default=attrs.Factory(dict),
        validator=_names_of(frozenset(NAMES), "part of the envelope"),
    )
    fields: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="of soap-process: fields and nodes that this centre calls otherwise: ours = theirs",
        default=attrs.Factory(dict),
        validator=_names_of(_FIELDS, "field or node"),
    )

    def operation_of(self, dialect: str) -> str:
        """What the operation is called."""
        return self.operation or OPERATIONS[dialect]

    def code_of(self, code: str) -> str:
        """What this centre calls a transaction."""
        return self.codes.get(code, code)


_ONLY_PROCESS = ("head", "names", "fields")
_OTHERS = (TYPED, STRING, "national")  # of a dialect that there is not, only that is told
_LEAVE_OUT = "删去或改 dialect / leave it out, or set another dialect"


def crossing(document: Mapping[str, Any]) -> list[Problem]:
    """What only the dialect and ``[soap]`` together show to be wrong. Never raises, whatever the document is."""
    dialect, table = document.get("dialect", TYPED), document.get("soap")
    if not isinstance(table, Mapping):
        return []
    problems = [
        Problem(f"soap.{key}", f'对 dialect = "{dialect}" 无意义 / means nothing to dialect = "{dialect}"', _LEAVE_OUT)
        for key in (*_ONLY_PROCESS, "codes")
        if key in table and dialect in _OTHERS and (key != "codes" or dialect != STRING)
    ]
    operation, wsdl = table.get("operation"), table.get("wsdl")
    each = isinstance(operation, str) and "{code}" in operation
    if operation and dialect in OPERATIONS and each is not (dialect == TYPED):
        hint = '"{code}" 代表交易，只有 soap 如此 / "{code}" is the transaction; only dialect soap has an operation each'
        problems.append(Problem("soap.operation", "与 dialect 不符 / does not fit the dialect", hint))
    if isinstance(wsdl, str) and wsdl and not (WSDLS / wsdl).is_file():
        problems.append(
            Problem(
                "soap.wsdl",
                f"没有 {wsdl} / there is no {wsdl}",
                "中心的文件放入 / put the centre's file into config/regions/wsdl",
            )
        )
    return [*problems, *_collisions(table)]


def _collisions(table: Mapping[str, Any]) -> list[Problem]:
    """A code or field that was renamed to what another one, not renamed, is called anyhow."""
    problems = []
    for key, known in (("codes", frozenset(TRANSACTIONS)), ("fields", _FIELDS)):
        renamed = table.get(key)
        if not isinstance(renamed, Mapping):
            continue
        kept = {name.casefold() for name in known if name not in renamed}
        problems += [
            Problem(
                f"soap.{key}.{ours}",
                f"{theirs} 是程序另一项的名称 / {theirs} is the name of another one of ours",
                "那一项也改名 / rename that one, too",
            )
            for ours, theirs in renamed.items()
            if isinstance(theirs, str) and theirs.casefold() in kept
        ]
    return problems
