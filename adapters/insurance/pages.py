"""``docs/transactions.md``: the centre's transactions: declared, sent, or missing and why; ``docs/centre-queries.md``."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path

from adapters.insurance.exchange.services import PARTS, is_told
from adapters.insurance.mobile.tables import MOBILE
from adapters.insurance.not_declared import NOT_BY_PHONE, NOT_DECLARED
from adapters.insurance.profile_mobile import SENT
from adapters.insurance.schema import Node
from adapters.insurance.transactions import DECLARED, TRANSACTIONS
from middleware.domain.query import NEEDS, QUESTIONS, Fact

_HEAD = """# 医保中心交易 / The centre's transactions

由 `run.py docs` 从 `adapters/insurance/transactions*.py` 生成，请勿手改。字段表来自湖南省接口规范 V1.1.27，测试逐项核对；
各地差异写在地区文件（`config/regions/`）中。

Made by `run.py docs` from `adapters/insurance/transactions*.py`; do not edit. The field tables are those of Hunan's
interface V1.1.27, and a test compares every one; what differs by region stands in its file (`config/regions/`).

`节点 字段数/必填数`：`data 17/12` 表示节点 data 有 17 个字段，其中 12 个必填；`[]` 表示列表。
`node fields/required`: `data 17/12` is a node with 17 fields, 12 of them required; `[]` is a list.

1301 之外的目录和字典（1302–1319、1901）不在该文本中，取自已公开的多地程序，彼此一致；文件的列见
`adapters/insurance/catalogue/tables.py`。

Catalogues and dictionaries beside 1301 are not in that text: they are as published programs of several provinces have
them, which agree; the columns of their files stand in `adapters/insurance/catalogue/tables.py`.

程序 / daemon:

- **发送 / sent**：程序的流程使用，写入 WSDL 和 JSON；地区文件未列的除外（`services`、`catalogue`、`after_settle`、
  `mobile`）
  / used by the daemon's flows, in its WSDL and in JSON; what a profile does not offer (`services`, `catalogue`,
  `after_settle`, `mobile`) is not sent there
- **接收 / taken**：中心发来，程序验真、记账后应答 / comes from the centre, is checked, written down and answered
- **读码 / by the reader**：由读码部件以公布的 `ec.query` 报文完成，字段相同（[media.md](media.md)）；6101
  本身须用国家的 Windows 动态库 / done by the reader of codes with the published message `ec.query`, of the same fields;
  6101 itself needs a Windows library
- **不发送 / not sent**：只有字段表，原因见下 / there is a table only; the reason stands below

6101-6302 走移动支付渠道，自有信封、加密和签名（[payer.md](payer.md)）。
6101 to 6302 go by the channel of mobile payment with an envelope, encryption and signature of its own.

模拟 / simulated：模拟中心（`python -m simulators.centre`）能办理。一致性 / conformance：[conformance.md](conformance.md)
中至少一个随附地区文件有此一行并已做 / at least one shipped profile has a line there that was done.

| 交易 call | 名称 name | English | 程序 daemon | 模拟 simulated | 一致性 conformance | 输入 input | 输出 output |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""
_NOT_BY_PHONE = """
## 移动支付：不做的及原因 / By phone: what is not done, and why

| 交易 calls | 原因 | reason |
| --- | --- | --- |
"""
_MISSING = """
## 未声明的交易及原因 / Not declared, and why

| 交易 calls | 原因 | reason |
| --- | --- | --- |
"""


def write(path: Path, simulated: Collection[str], shown: Collection[str]) -> None:
    """The whole page, the same text each time. ``simulated`` by the simulated centre; ``shown`` by a conformance run."""
    rows = [
        f"| {code} | {one.zh} | {one.en} | {_use(code)} | {_yes(code in simulated)} | {_yes(code in shown)} "
        f"| {_nodes(one.input)} | {_nodes(one.output)} |\n"
        for code, one in sorted({**DECLARED, **MOBILE}.items())
    ]
    not_by_phone = [f"| {calls} | {zh} | {en} |\n" for calls, (zh, en) in NOT_BY_PHONE.items()]
    missing = [
        f"| {', '.join(codes)} | {zh} | {en} |\n"
        for (zh, en), codes in (
            (reason, [code for code, _ in group])
            for reason, group in groupby(NOT_DECLARED.items(), key=lambda pair: pair[1])
        )
    ]
    parts = (_HEAD, *rows, _NOT_BY_PHONE, *not_by_phone, _MISSING, *missing)
    path.write_text("".join(parts), encoding="utf-8")


_QUERIES = """# 医保中心查询与备案 / What the centre can be asked, and filings

由 `run.py docs` 从 `adapters/insurance/transactions*.py` 生成，请勿手改。
方法 `centre.query`：`query` 填下列名称，`rows` 的列如下。值按中心原样给出，数字按其位数；中心未给的列不出现，
未知代码照样给出，不丢弃。姓名、证件号码、电话、地址、人员编号不给出。每次查询都记入账本（账号、查询、就诊），不记内容。
每页（`limit` 至多 200 行）都重新询问中心。地区文件 `services` 未列的交易不发送，应答 `centre.not_offered`。

Made by `run.py docs` from `adapters/insurance/transactions*.py`; do not edit.
Method `centre.query`: `query` is a name of this page, the columns of `rows` stand under it. Values are as the centre gave
them, numbers by their own digits; a column that it did not give is not there, a code that nobody knows is told all the
same. Names, id numbers, telephones, addresses and the person's number are not told. Every look is journalled (account,
query, visit), its content is not. Each page (`limit`: at most 200 rows) asks the centre anew. What `services` of the
region's file does not name is not sent: `centre.not_offered`.

备案（`filing.*`，2501-2507）不涉及资金，但不可遗漏、不可重复：先记账再发送；没有明确应答即 `filing.unknown`。
用同一 `request_id` 重发时先以 5301、5302、5304 查证，确知中心没有、且已过处理时限才再发。
2507 无查询，由操作员用 `filing.resolve` 登记核实结果。

Filings (`filing.*`, 2501 to 2507) move no money, yet none may be lost or made twice: journalled before they leave; without
a clear answer they are `filing.unknown`, and the same `request_id` asks (5301, 5302, 5304) before it sends again, which it
does only when the centre certainly has none and its processing limit has passed. Of 2507 nothing can be asked: an operator
says by `filing.resolve` what the centre's own screen shows.
"""


def write_queries(path: Path) -> None:
    """``docs/centre-queries.md``, the same text each time."""
    parts = [_QUERIES]
    for question, call in QUESTIONS.items():
        transaction = TRANSACTIONS[call.value]
        needs, may = NEEDS[question]
        parts.append(f"\n## `{question}`\n\n{call.value} {transaction.zh} / {transaction.en}\n\n")
        parts.append(f"须填 needs: {_facts(needs)}；可填 may have: {_facts(may)}\n\n")
        parts.append("| 列 column | 名称 name | 中心字段 field | 码表 list |\n| --- | --- | --- | --- |\n")
        if len(transaction.output) > 1:
            parts.append(f"| `part` | 行的种类：{'、'.join(PARTS[node.name] for node in transaction.output)} | | |\n")
        parts += [
            f"| `{spec.means}` | {spec.zh} | {spec.name} | {spec.codes} |\n"
            for node in transaction.output
            for spec in node.fields
            if is_told(spec)
        ]
    path.write_text("".join(parts), encoding="utf-8")


def _facts(facts: frozenset[Fact]) -> str:
    return ", ".join(f"`{one}`" for one in sorted(facts)) or "-"


def _use(code: str) -> str:
    if code in TRANSACTIONS or code in SENT:
        return "**发送 sent**"
    return {"6101": "**读码 by the reader**", "6302": "**接收 taken**"}.get(code, "不发送 not sent")


def _yes(so: bool) -> str:
    return "✓" if so else "-"


def _nodes(nodes: Sequence[Node]) -> str:
    return ", ".join(
        f"{node.name or '-'}{'[]' if node.many else ''} {len(node.fields)}/{sum(spec.need for spec in node.fields)}"
        for node in nodes
    )
