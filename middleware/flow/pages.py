"""The page of the state machines, made from their own rows, so that it cannot say anything else than they do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

from attrs import frozen

from middleware.domain.errand import ErrandState
from middleware.domain.payment import LEG_IN_FLIGHT, LEG_OPEN, LegState
from middleware.domain.visit import IN_FLIGHT, MONEY_OPEN, SettlementState, VisitState
from middleware.flow.step import Row, cell
from middleware.flow.visit import ERRAND_ROWS, PAYER_ROWS, REGISTRATION_ROWS, SETTLEMENT_ROWS

# What stands after "->" in a move's first line, for lines that do not name a state by itself.
_SENT = {
    SettlementState.SETTLE_INTENDED: SettlementState.SETTLE_SENT,
    SettlementState.CONFIRM_INTENDED: SettlementState.CONFIRM_SENT,
    SettlementState.REVERSAL_INTENDED: SettlementState.REVERSAL_SENT,
    SettlementState.CANCEL_INTENDED: SettlementState.CANCEL_SENT,
}
_HEAD = """\
# 状态机 · State machines

本页由程序的状态表生成：`python run.py docs`。请勿手工修改。
Made from the program's own tables by `python run.py docs`; do not edit it by hand.

每个格子只有三种：转移、忽略（附理由）、不可能（附理由）。被忽略的事件同样写入日志，作为证据。
A cell is one of three: a move, ignored with a reason, or illegal with a reason. An ignored event is journalled all the
same, as evidence.
"""


@frozen(slots=True)
class _Machine:
    zh: str
    en: str
    states: type[StrEnum]
    first: StrEnum
    rows: Mapping[type, Row[Any]]
    what_is_known: Mapping[StrEnum, tuple[str, str]]


_V, _S = VisitState, SettlementState
_REGISTRATION = _Machine(
    "登记", "Registration", VisitState, _V.RECEIVED, REGISTRATION_ROWS,
    {
        _V.RECEIVED: ("请求已落盘，只知道卡", "a request is on disk; of the person only the card is known"),
        _V.IDENTIFIED: ("中心认识此人及其参保", "the centre knows the person and how they are insured"),
        _V.ENROLLED: ("中心已登记就诊，HIS 尚未确认", "the visit exists at the centre; the HIS has not said yes yet"),
        _V.REGISTERED: ("HIS 与中心都有此就诊", "the visit exists in the HIS and at the centre"),
        _V.REFUSED: ("其中一方拒绝（终态）", "one of the two said no (terminal)"),
    },
)  # fmt: skip
_SETTLEMENT = _Machine(
    "结算", "Settlement", SettlementState, _S.RECEIVED, SETTLEMENT_ROWS,
    {
        _S.RECEIVED: ("请求已落盘", "a request with an idempotency key is on disk"),
        _S.ITEMISED: ("费用明细已在中心，同一批次", "the charge lines are at the centre, under one batch"),
        _S.QUOTED: ("已预结算，绑定明细摘要，有期限", "the split, bound to the digest of the lines, with an expiry"),
        _S.SETTLE_INTENDED: ("结算意图已落盘", "intent, message id, digest and amount are durable"),
        _S.SETTLE_SENT: ("结算报文已发出", "bytes of the settlement left"),
        _S.CONFIRM_INTENDED: ("中心已同意，确认意图已落盘", "the centre said yes; the call that makes it count is durable"),
        _S.CONFIRM_SENT: ("确认报文已发出", "bytes of the confirmation left"),
        _S.ORDERED: ("移动支付订单已在中心，正查询病人是否已付", "an order stands there; whether it is paid is asked"),
        _S.UNKNOWN: ("钱可能已动；该就诊锁定收费", "money may have moved; the visit is locked for money"),
        _S.REVERSAL_INTENDED: ("对唯一一条报文的冲正意图已落盘", "a reversal of exactly one message is durable"),
        _S.REVERSAL_SENT: ("冲正报文已发出", "its bytes left"),
        _S.SETTLED: ("中心已结算，结算号已落盘", "the centre holds it; its number is durable"),
        _S.DELIVERED: ("HIS 已确认", "the HIS acknowledged it"),
        _S.CANCEL_INTENDED: ("撤销意图已落盘", "a cancel is durable"),
        _S.CANCEL_SENT: ("撤销报文已发出", "its bytes left"),
        _S.CANCELLED: ("中心已撤销（终态）", "the centre undid it (terminal)"),
        _S.REFUSED: ("从未结算（终态）", "nothing was ever settled (terminal)"),
        _S.REVERSED: ("已冲正，或证实从未发生（终态）", "undone, or proven never done (terminal)"),
        _S.MANUAL: ("须由人决定", "a person must decide"),
    },
)  # fmt: skip
_L = LegState
_PAYER = _Machine(
    "个人自付（银行卡）", "The payer's leg (bank card)", LegState, _L.HOLD_INTENDED, PAYER_ROWS,
    {
        _L.HOLD_INTENDED: ("预授权意图已落盘，报文可能已发出", "the hold is durable, its bytes may have left"),
        _L.HELD: ("银行已预授权", "the bank holds the amount"),
        _L.CAPTURE_INTENDED: ("中心已结算，预授权完成已落盘", "the centre settled; taking the own share is durable"),
        _L.CAPTURED: ("银行已扣款", "the bank took it"),
        _L.RELEASE_INTENDED: ("预授权撤销或冲正已落盘", "giving the hold back is durable: its cancel or its reversal"),
        _L.RELEASED: ("银行不再占用（终态）", "the bank holds nothing any more (terminal)"),
        _L.REFUND_INTENDED: ("中心已撤销，退款已落盘", "the centre cancelled; the refund is durable"),
        _L.REFUNDED: ("银行已退款（终态）", "the bank gave it back (terminal)"),
        _L.NOT_HELD: ("银行拒绝，或报文未发出（终态）", "the bank refused, or nothing left (terminal)"),
        _L.UNKNOWN: ("最后一条报文结果未明", "whether the newest message was carried out is not known"),
        _L.MANUAL: ("须由人决定", "a person must decide"),
        _L.COLLECT: ("医保已结算，银行未扣款，须收现金", "settled, not taken by the bank: the cashier collects"),
        _L.COLLECTED: ("收费员已收（终态）", "the cashier has it (terminal)"),
    },
)  # fmt: skip
_E = ErrandState
_ERRAND = _Machine(
    "就诊事务", "Errands", ErrandState, _E.ASKED, ERRAND_ROWS,
    {
        _E.ASKED: ("已落盘；报文在途，或等待重发", "durable; its call is on its way, or it rests until asked again or due"),
        _E.DONE: ("中心已办理（终态）", "the centre did it (terminal)"),
        _E.DECLINED: ("中心拒绝，未办理（终态）", "the centre said no, nothing was done (terminal)"),
        _E.LEFT: (
            "自动撤销或查询未成，须人工向中心核实；每天再试一次",
            "what was begun by itself came to nothing: a person must ask the centre; it is tried again each day",
        ),
    },
)  # fmt: skip
MACHINES = (_REGISTRATION, _SETTLEMENT, _PAYER, _ERRAND)


def page() -> str:
    """The whole page as Markdown; the same tables always give the same text."""
    return "\n".join([_HEAD, *(line for machine in MACHINES for line in _machine(machine))]) + "\n"


def write(path: Path) -> None:
    """Write the page to ``path``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(page(), encoding="utf-8", newline="\n")


def targets(states: type[StrEnum], state: StrEnum, words: str) -> tuple[StrEnum, ...]:
    """The states that a move's words name after "->"; ``state`` itself when it stays, none when it is refused."""
    if words.startswith("Refused to the asker"):
        return ()
    if words.startswith("-> ...Sent") and isinstance(state, SettlementState):
        return (_SENT[state],)
    named = tuple(one for one in states if re.search(rf"\b{one}\b", words))
    stays = not words.startswith("->") or "stays" in words
    return (*named, state) if stays and state not in named else named


def _machine(machine: _Machine) -> Iterator[str]:
    yield f"\n## {machine.zh} · {machine.en}\n"
    yield "| 状态 State | 已知什么 | What is known | |"
    yield "|---|---|---|---|"
    for state in machine.states:
        zh, en = machine.what_is_known[state]
        yield f"| `{state}` | {zh} | {en} | {_marks(state)} |"
    yield f"\n### {machine.zh}：转移图 · {machine.en}: diagram\n"
    yield from _diagram(machine)
    yield f"\n### {machine.zh}：全表 · {machine.en}: every cell\n"
    for event, row in machine.rows.items():
        yield from _table(machine, event, row)


def _marks(state: StrEnum) -> str:
    is_open, flies = state in {*MONEY_OPEN, *LEG_OPEN}, state in {*IN_FLIGHT, *LEG_IN_FLIGHT}
    marks = ["锁定收费 money open"] * is_open + ["在途 in flight"] * flies
    return ", ".join(marks) if isinstance(state, SettlementState | LegState) else ""


def _diagram(machine: _Machine) -> Iterator[str]:
    yield "```mermaid"
    yield "stateDiagram-v2"
    yield f"    [*] --> {machine.first}"
    for (start, end), events in _arrows(machine).items():
        yield f"    {start} --> {end}: {', '.join(events)}"
    yield "```"


def _arrows(machine: _Machine) -> dict[tuple[StrEnum, StrEnum], list[str]]:
    """Every pair of states that a move joins, and by which events; what stays where it is has no arrow."""
    arrows: dict[tuple[StrEnum, StrEnum], list[str]] = {}
    for event, row in machine.rows.items():
        for state in machine.states:
            if state not in row.moves:
                continue
            for end in targets(machine.states, state, cell(machine.rows, state, event)):
                if end is not state:
                    arrows.setdefault((state, end), []).append(event.__name__)
    return arrows


def _table(machine: _Machine, event: type, row: Row[Any]) -> Iterator[str]:
    yield f"#### {event.__name__}\n"
    yield _first_line(event) + "\n"
    yield "| 状态 State | 结果 Result |"
    yield "|---|---|"
    words = {state: cell(machine.rows, state, event) for state in machine.states}
    for text, states in _grouped(words.items()):
        yield f"| {', '.join(f'`{state}`' for state in states)} | {text} |"
    yield ""


def _grouped(cells: Iterable[tuple[StrEnum, str]]) -> list[tuple[str, list[StrEnum]]]:
    groups: dict[str, list[StrEnum]] = {}
    for state, text in cells:
        groups.setdefault(text, []).append(state)
    return list(groups.items())


def _first_line(event: type) -> str:
    return (event.__doc__ or "").strip().splitlines()[0]
