"""``docs/transactions.md``: the centre's transactions: declared, sent by the daemon, or missing and why."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from adapters.insurance.mobile.tables import MOBILE
from adapters.insurance.not_declared import NOT_DECLARED
from adapters.insurance.schema import Node
from adapters.insurance.transactions import DECLARED, TRANSACTIONS

_HEAD = """# 医保中心交易 / The centre's transactions

由 `run.py docs` 从 `adapters/insurance/transactions*.py` 生成，请勿手改。字段表来自湖南省接口规范 V1.1.27，测试逐项核对；
各地差异写在地区文件（`config/regions/`）中。

Made by `run.py docs` from `adapters/insurance/transactions*.py`; do not edit. The field tables are those of Hunan's
interface V1.1.27, and a test compares every one; what differs by region stands in its file (`config/regions/`).

`节点 字段数/必填数`：`data 17/12` 表示节点 data 有 17 个字段，其中 12 个必填；`[]` 表示列表。
`node fields/required`: `data 17/12` is a node with 17 fields, 12 of them required; `[]` is a list.

- **发送 / sent**：程序在结算流程中使用，写入 WSDL 和 JSON / used by the daemon's flows, in its WSDL and in JSON
- **已声明 / declared**：字段表已核对并可校验，尚无流程发送 / its tables are there and checked, no flow sends it yet
- **移动 / mobile**：移动支付渠道，自有信封、加密和签名。程序发送 6201-6203、6301，接收 6302（[payer.md](payer.md)）；
  6101、6204 只有字段表 / the channel of mobile payment with an envelope, encryption and signature of its own: the daemon
  sends 6201, 6202, 6203 and 6301 and takes 6302 ([payer.md](payer.md)); of 6101 and 6204 there are tables only

| 交易 call | 名称 name | English | | 输入 input | 输出 output |
| --- | --- | --- | --- | --- | --- |
"""
_MISSING = """
## 未声明的交易及原因 / Not declared, and why

| 交易 calls | 原因 | reason |
| --- | --- | --- |
"""


def write(path: Path) -> None:
    """The whole page, the same text each time."""
    rows = [
        f"| {code} | {one.zh} | {one.en} | {_use(code)} | {_nodes(one.input)} | {_nodes(one.output)} |\n"
        for code, one in sorted({**DECLARED, **MOBILE}.items())
    ]
    missing = [
        f"| {', '.join(codes)} | {zh} | {en} |\n"
        for (zh, en), codes in (
            (reason, [code for code, _ in group])
            for reason, group in groupby(NOT_DECLARED.items(), key=lambda pair: pair[1])
        )
    ]
    path.write_text(_HEAD + "".join(rows) + _MISSING + "".join(missing), encoding="utf-8")


def _use(code: str) -> str:
    if code in MOBILE:
        return "移动 mobile"
    return "**发送 sent**" if code in TRANSACTIONS else "已声明 declared"


def _nodes(nodes: Sequence[Node]) -> str:
    return ", ".join(
        f"{node.name or '-'}{'[]' if node.many else ''} {len(node.fields)}/{sum(spec.need for spec in node.fields)}"
        for node in nodes
    )
