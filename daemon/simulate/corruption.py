"""What happens to an answer on its way: each of these makes it no answer, whatever it said (SETTLEMENT.md, evidence)."""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from decimal import Decimal

from attrs import evolve

from adapters.insurance.exchange.frame import HttpReply, Unusable
from adapters.insurance.soap.frame import judge
from daemon.simulate.speech import Row, Said
from middleware.domain.kind import MONEY_CALLS, Call

# The number without which a yes is none, by the node that carries it.
_NUMBER = {"signinoutb": "sign_no", "baseinfo": "psn_no", "data": "mdtrt_id", "setlinfo": "setl_id"}
_ECHOES = frozenset({"data", "setlinfo"})  # nodes that give our own numbers back


def corrupted(call: Call, answer: Said, rng: random.Random) -> tuple[str, Said]:
    """One of the ways that apply to this answer: its name, and the answer as it arrives."""
    ways: dict[str, Callable[[Said], Said]] = {
        "no-code": lambda one: evolve(one, code=""),
        "word-for-code": lambda one: evolve(one, code="OK"),
    }
    node = next((name for name in (answer.output or {}) if name in _NUMBER), "")
    if node:
        quoted = node == "setlinfo" and not (answer.output or {})[node].get("setl_id")
        ways["no-node"] = lambda one: _without(one, node)
        ways["no-number"] = lambda one: _cell(one, node, "medfee_sumamt" if quoted else _NUMBER[node], None)
    if node in _ECHOES:
        ways["another-person"] = lambda one: _cell(one, node, "psn_no", "P-ELSE")
    if node == "setlinfo":
        ways["no-amount"] = lambda one: _cell(one, node, "fund_pay_sumamt", None)
        ways["half-a-fen"] = lambda one: _cell(one, node, "medfee_sumamt", Decimal("1.005"))
        ways["no-amount-at-all"] = lambda one: _cell(one, node, "acct_pay", Decimal("NaN"))
        if call in MONEY_CALLS:
            ways["no-and-yes"] = lambda one: evolve(one, code="5001")
            ways["no-time"] = lambda one: _cell(one, node, "setl_time", "yesterday")
    likely = ["no-and-yes"] * 6 if "no-and-yes" in ways else []  # the most dangerous is met most often
    name = rng.choice(sorted(ways) + likely)
    return name, ways[name](answer)


def _without(answer: Said, node: str) -> Said:
    return evolve(answer, output={name: rows for name, rows in (answer.output or {}).items() if name != node})


def _cell(answer: Said, node: str, name: str, value: object) -> Said:
    output: Row = deepcopy(answer.output or {})
    output[node][name] = value
    return evolve(answer, output=output)


_PAGES = (
    HttpReply(502, "text/html", b"<html>Bad Gateway</html>"),
    HttpReply(200, "text/html", b"<html>busy</html>"),
    HttpReply(200, "text/xml", b""),
    HttpReply(504, "text/xml", b"<fault/>"),
    HttpReply(200, "text/xml; charset=utf-8", b"<a>\xff\xfe</a>"),
    HttpReply(200, "application/json", b'{"code": 500}'),
)


def page(rng: random.Random) -> Unusable:
    """A gateway's page in the place of the answer, as our own judgement of bytes takes it."""
    judged = judge(rng.choice(_PAGES))
    if isinstance(judged, Unusable):
        return judged
    raise AssertionError("a page that could be read")
