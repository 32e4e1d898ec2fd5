"""A HL7 client of other authors (npm ``@medplum/hl7`` on Node) against our door, with the real engine and store behind it.

Registrations, a query, charge lines, master files; GB18030; a repeat and a used control id; original and enhanced mode.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from middleware.doors.mllp.door import MllpDoor
from middleware.doors.mllp.options import MllpOptions
from middleware.doors.mllp.reading import TELLING, reader_of
from middleware.engine.inbox import Inbox
from middleware.engine.registries import registry_of
from middleware.engine.tasks import sleep
from middleware.engine.told import his_told
from middleware.flow.audit_rules import Limits
from middleware.store import tables as t
from middleware.store.inbox import InboxReader
from simulators.ports import free_port
from tests.middleware.engine.test_intake import ft1, pid
from tests.support.counter import rig, rows

CLIENT = Path(__file__).resolve().parents[2] / "simulators" / "node" / "hl7_client.mjs"
HEADING = """

## HL7 接收门 / The HL7 door

npm `@medplum/hl7`（Node，他人所写）作为 HIS 的客户端；库用 SQLite，门、账本和处理都是真的。
npm `@medplum/hl7` on Node, of other authors, as a HIS's client; door, journal and intake are the real ones, on SQLite.

| 情形 case | 客户端收到 what the client took | 符合 as expected |
| --- | --- | --- |
"""


@frozen(slots=True)
class Case:
    """One message; ``expected`` must be found in the answer that the client took for it."""

    zh: str
    en: str
    text: str
    expected: str
    encoding: str = "utf-8"
    wait: str = "first"


def _text(control_id: str, kind: str, *segments: str, modes: str = "|", charset: str = "UNICODE UTF-8") -> str:
    head = f"MSH|^~\\&|HIS|H1|YKT|H1|20261122090000||{kind}|{control_id}|P|2.4|||{modes}|CHN|{charset}"
    return "\r".join((head, *segments))


_A04 = _text("N1", "ADT^A04", pid(card="C0001"))
_GB = "GB 18030-2000"
CASES = (
    Case("挂号", "a registration", _A04, r"MSA\|AA\|N1"),
    Case("重发，逐字节相同", "a repeat, the same bytes", _A04, r"MSA\|AA\|N1"),
    Case("控制号用过，内容不同", "a used control id", _A04.replace("C0001", "C0002"), r"MSA\|AR\|N1[\s\S]*205"),
    Case(
        "挂号，GB18030", "a registration in GB18030",
        _text("N2", "ADT^A04", pid("P002", document="", name="㐂龘测试"), charset=_GB), r"GB 18030-2000\rMSA\|AA\|N2", "gb18030",
    ),
    Case(
        "GB18030 字节声明为 UTF-8", "GB18030 bytes declared as UTF-8", _text("N3", "ADT^A04", pid(name="测试")),
        r"MSA\|AR\|N3\|hl7\.charset", "gb18030",
    ),
    Case("费用明细", "charge lines", _text("N4", "DFT^P03", pid(), ft1("L1"), ft1("L2", "5.00")), r"MSA\|AA\|N4"),
    Case(
        "主数据", "a master file",
        _text("N5", "MFN^M01", "MFI|Department^科室^HIS||UPD|||AL", "MFE|MUP|||01|CE", "Z01|01|内科"),
        r"MFK\^M01[\s\S]*MSA\|AA\|N5[\s\S]*MFA\|MUP\|\|\d+[^|]*\|S\|01",
    ),
    Case(
        "查询，按就诊卡", "a query by treatment card", _text("N6", "QBP^Q22", "QPD|Q22^Find^HL7|T1|@PID.3.1^C0001", "RCP|I|5^RD|R"),
        r"RSP\^K22[\s\S]*QAK\|T1\|OK[\s\S]*PID\|1\|\|P001\^",
    ),
    Case("增强模式，接收应答", "enhanced mode, accept", _text("N7", "ADT^A08", pid(), modes="AL|NE"), r"MSA\|CA\|N7"),
    Case(
        # With AL|AL two answers leave in one piece, of which this client's release loses the second (two messages in one read).
        "增强模式，应用应答", "enhanced mode, application", _text("N8", "ADT^A08", pid(), modes="NE|AL"), r"MSA\|AA\|N8",
        wait="application",
    ),
    Case("类型不受理", "a type that is not taken", _text("N9", "ZZZ^Z99", pid()), r"MSA\|AR\|N9[\s\S]*200"),
)  # fmt: skip

TELLING_FIRST = 7  # what these tell is acted on before the next are sent: a query asks for it


class _Client(ProcessProtocol):
    def __init__(self, given: bytes) -> None:
        self.done: Deferred[bytes] = Deferred()
        self._given, self._said = given, b""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        transport.write(self._given)
        transport.closeStdin()

    def outReceived(self, data: bytes) -> None:
        self._said += data

    def processEnded(self, _reason: Failure) -> None:
        self.done.callback(self._said)


async def _talked(reactor: Any, port: int, cases: tuple[Case, ...]) -> list[Any]:
    asked = [{"text": case.text, "encoding": case.encoding, "wait": case.wait} for case in cases]
    client = _Client(json.dumps(asked).encode())
    reactor.spawnProcess(client, "node", ["node", str(CLIENT), str(port)], env=None)
    found: list[Any] = json.loads(await client.done or b"[]")
    return found


async def run(reactor: Any) -> tuple[str, bool]:
    """The page's part, and whether all was as expected."""
    with tempfile.TemporaryDirectory(prefix="yikatong-hl7-") as folder:
        async with rig(f"sqlite:///{folder}/y.db") as r:  # type: ignore[no-untyped-call]
            registry, _ = registry_of(r.counter, Limits(), 1000)
            reader = InboxReader(r.database, r.vault)
            told = his_told(r.engine.means, registry, reader, reader_of({}), TELLING)
            inbox = Inbox(r.journal, r.pool, reader, r.now, reactor)
            port = free_port()
            door = MllpDoor({"his": MllpOptions(port=port)}, inbox, reactor, r.now, told)
            told.intake.start()
            door.start()
            try:
                answers = await _talked(reactor, port, CASES[:TELLING_FIRST])
                while len(rows(r, t.his_charge)) < 2:
                    await sleep(reactor, 0.02)
                answers += await _talked(reactor, port, CASES[TELLING_FIRST:])
            finally:
                told.intake.stop()
                await door.stop()
            taken = [row for row in rows(r, t.inbox) if not row.why]
            lines = rows(r, t.his_charge)
    told_lines, good = [], len(answers) == len(CASES)
    for case, answer in zip(CASES, answers, strict=False):
        fits = isinstance(answer, str) and re.search(case.expected, answer) is not None
        good = good and fits
        shown = answer.split("\r")[1].split("|")[:3] if isinstance(answer, str) else [str(answer)]
        told_lines.append(f"| {case.zh} / {case.en} | `{' '.join(shown)}` | {'是 yes' if fits else '**否 no**'} |\n")
    once = (len(taken), len(lines)) == (7, 2)
    told_lines.append(
        f"| 每条只收一次，明细每行一次 / each taken once, each line once | {len(taken)}, {len(lines)} | {'是 yes' if once else '**否 no**'} |\n"
    )
    return HEADING + "".join(told_lines), good and once
