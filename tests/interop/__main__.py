"""``python -m tests.interop``: against stacks that nobody here wrote: npm ``soap``, and a HL7 client, both on Node.

``make interop`` installs what it needs. The stack stands before the simulated centre, as a server that keeps contracts of
other conventions and as a client of ours, so that every message passes it four times. Exit 1 when a line is not as expected.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import structlog
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from adapters.insurance.mobile.beside import CentreWithMobile
from adapters.insurance.opening import centre_of
from adapters.insurance.profile import Profile, load_profile
from adapters.insurance.profile_soap import PROCESS, STRING, TYPED, WSDLS
from adapters.insurance.soap.contract import WSDL
from daemon.conformance import failures
from daemon.conformance.data import simulated
from daemon.conformance.repertoire import Desk
from daemon.conformance.run import FAILING, SLOT, SLOTS, repertoire
from daemon.conformance.stand import INSTITUTION, Stand, options_of, simulator_of
from daemon.conformance.table import Report, as_markdown, as_text
from daemon.conformance.talk import Notebook, Talk
from middleware.domain.message_id import MessageIds
from simulators.centre.server import china_now
from tests.interop import hl7

ROOT = Path(__file__).resolve().parents[2]
SERVER = ROOT / "simulators" / "node" / "server.mjs"
PAGE = ROOT / "docs" / "interop.md"
HEADING = """# 与他人的 SOAP 实现对接 / Against a SOAP stack of other authors

<!-- 由 make interop 生成，勿手改 / Made by make interop; do not edit. -->

npm `soap`（Node）按其他风格的 WSDL 提供服务，再作为客户端转给模拟中心；下面是对它的一致性测试。
它把空值写成 `xsi:nil` 却不声明前缀，程序照样读。

npm `soap` on Node keeps contracts of other conventions (`config/regions/wsdl/example-*.wsdl`, and the typed one) and is a
client of the simulated centre behind it; these are the conformance runs against it. Whatever goes wrong behind it arrives as
its SOAP Fault, and a Fault is an unknown outcome. It writes a null as `xsi:nil` without declaring the prefix, and is read all
the same."""
# What is spoken: the server's kind, its contract, and the profile that knows it.
RUNS = (
    ("process", WSDLS / "example-jaxws.wsdl", "999900-process", PROCESS),
    ("strings", WSDLS / "example-asmx.wsdl", "999900-string", STRING),
    ("typed", WSDL, "999900-test", TYPED),
)

MENDED = frozenset({"wrong-namespace"})  # the stack reads an answer in any namespace and writes it in its own


class _Node(ProcessProtocol):
    """The server's process: ``ready`` fires with its port, ``ended`` when it is gone."""

    def __init__(self) -> None:
        self.ready: Deferred[int] = Deferred()
        self.ended: Deferred[None] = Deferred()
        self._said = b""

    def outReceived(self, data: bytes) -> None:
        self._said += data
        if self._said.startswith(b"ready ") and self._said.endswith(b"\n") and not self.ready.called:
            self.ready.callback(int(self._said.split()[1]))

    def errReceived(self, data: bytes) -> None:
        sys.stderr.write(data.decode(errors="replace"))

    def processEnded(self, reason: Failure = Failure(ProcessDone(0))) -> None:  # noqa: B008 - Twisted's own default
        self.ended.callback(None)
        if not self.ready.called:
            self.ready.errback(reason)


@contextlib.asynccontextmanager
async def foreign(reactor: Any, kind: str, wsdl: Path, profile: Profile) -> AsyncIterator[Stand]:
    """The simulated centre, the foreign stack before it, and our adapter before that."""
    simulator = simulator_of(reactor, profile)
    simulator.start()
    node = _Node()
    process = reactor.spawnProcess(node, "node", ["node", str(SERVER), kind, str(wsdl), simulator.url], env=None)
    port = await node.ready
    own = profile if kind == "typed" else attrs.evolve(profile, soap=attrs.evolve(profile.soap, wsdl=wsdl.name))
    centre = CentreWithMobile(centre_of(options_of(f"http://127.0.0.1:{port}/foreign"), reactor, china_now, own), None)
    centre.start()
    try:
        yield Stand(centre, simulator, own)
    finally:
        await centre.stop()
        await simulator.stop()
        process.signalProcess("TERM")
        await node.ended


async def one(reactor: Any, kind: str, wsdl: Path, name: str, dialect: str) -> Report:
    """The repertoire and the failures against one contract."""
    profile = load_profile(name)
    with Notebook() as notes:
        async with foreign(reactor, kind, wsdl, profile) as ends:
            report = await repertoire(ends.centre, profile, simulated(), INSTITUTION, china_now, notes)
        async with foreign(reactor, kind, wsdl, profile) as ends:
            talk = Talk(ends.centre, MessageIds(INSTITUTION, None, SLOT, SLOTS), china_now, notes, real=False)
            desk = Desk(talk, profile, simulated())
            await desk.part(FAILING, lambda desk: failures.play(desk, ends, MENDED))
    return Report(f"{name} · {wsdl.name}", dialect, "npm soap", (*report.lines, *talk.lines), report.left)


async def every(reactor: Any) -> tuple[list[Report], tuple[str, bool]]:
    """All of them, one after the other."""
    return [await one(reactor, *run) for run in RUNS], await hl7.run(reactor)


def main() -> int:
    """Run, print, write the page."""
    from twisted.internet import reactor as installed

    reactor: Any = installed
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    ends: list[Any] = []

    def begin() -> None:
        done: Deferred[Any] = Deferred.fromCoroutine(every(reactor))
        done.addBoth(ends.append)
        done.addBoth(lambda _: reactor.stop())

    reactor.callWhenRunning(begin)
    reactor.run()
    if isinstance(ends[0], Failure):
        ends[0].printTraceback()
        return 1
    reports, (part, good) = ends[0]
    for report in reports:
        print(as_text(report), "\n")
    print(part)
    PAGE.write_text(as_markdown(reports, HEADING) + part, encoding="utf-8")
    return 0 if good and all(report.good for report in reports) else 1


if __name__ == "__main__":
    sys.exit(main())
