"""The HIS simulator by itself, over a real socket, spoken to by hand."""

from __future__ import annotations

import contextlib
import subprocess
import sys

import pytest_twisted
from twisted.internet import defer, endpoints, protocol, reactor

from simulators.his import Fault, HisSimulator

HEAD = "MSH|^~\\&|A||HIS||20261121101112||{kind}|{control_id}|P|2.5||||||UNICODE UTF-8\r"
ADT = (
    HEAD.replace("{kind}", "ADT^A04^ADT_A01")
    + "EVN|A04|20261121101112\rPID|1||1^^^^HC~{id_number}^^^^NNCHN||测试^^^^^^L||19800101|M\rPV1|1|O|||||||||||||||||V1^^^^VN\r"
)
DFT = (
    HEAD.replace("{kind}", "DFT^P03^DFT_P03") + "PID|1||{id_number}^^^^NNCHN||测试\rPV1|1|O|||||||||||||||||V1^^^^VN\r"
    "FT1|1|L1||20261121|20261121|CG|7^药^L|||2|25.00&CNY\rFT1|2|L2||20261121|20261121|CG|8^药^L|||1|5.00&CNY\r"
    "ZST|1|{action}|SETL1|S1|M1|20261121|310|{total}^CNY|20.00^CNY|6.00^CNY|4.00^CNY|0.00^CNY|0.00^CNY|1.00^CNY\r"
)
ID_NUMBER = "999999198001010011"


def adt(control_id: str = "1", id_number: str = ID_NUMBER) -> bytes:
    return frame(ADT.format(control_id=control_id, id_number=id_number))


def dft(control_id: str = "2", action: str = "S", total: str = "30.00") -> bytes:
    return frame(DFT.format(control_id=control_id, id_number=ID_NUMBER, action=action, total=total))


def frame(text: str) -> bytes:
    return b"\x0b" + text.encode() + b"\x1c\r"


class Caller(protocol.Protocol):
    """A client that waits until what came satisfies it."""

    def __init__(self) -> None:
        self.data = b""
        self.gone = False
        self._wanted: list = []

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        self._look()

    def connectionLost(self, reason=protocol.connectionDone) -> None:
        self.gone = True
        self._look()

    def _look(self) -> None:
        for wanted, true in list(self._wanted):
            if true(self):
                self._wanted.remove((wanted, true))
                wanted.callback(self.data)

    def until(self, true) -> defer.Deferred:
        wanted: defer.Deferred = defer.Deferred()
        self._wanted.append((wanted, true))
        self._look()
        return wanted.addTimeout(5, reactor)

    async def ask(self, data: bytes) -> list[str]:
        self.data = b""
        self.transport.write(data)
        answer = await self.until(lambda caller: caller.data.endswith(b"\x1c\r"))
        return answer.strip(b"\x0b\x1c\r").decode().split("\r")


@contextlib.asynccontextmanager
async def calling(**changes):
    simulator = HisSimulator(reactor, **changes)
    port = simulator.start()
    caller = await endpoints.connectProtocol(endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", port), Caller())
    try:
        yield simulator, caller
    finally:
        caller.transport.abortConnection()
        await caller.until(lambda one: one.gone)
        await simulator.stop()


@pytest_twisted.ensureDeferred
async def test_a_person_gets_one_number_however_often_they_come():
    async with calling() as (simulator, caller):
        first = await caller.ask(adt("1"))
        again = await caller.ask(adt("2"))
        other = await caller.ask(adt("3", "11010119900307803X"))

        assert [answer[1] for answer in (first, again, other)] == ["MSA|AA|1|", "MSA|AA|2|", "MSA|AA|3|"]
        assert [answer[2] for answer in (first, again, other)] == [
            "PID|1||P000000001^^^^PI", "PID|1||P000000001^^^^PI", "PID|1||P000000002^^^^PI",
        ]  # fmt: skip
        assert set(simulator.book.patients) == {"P000000001", "P000000002"}


@pytest_twisted.ensureDeferred
async def test_a_repeat_gets_the_stored_ack_and_another_body_a_no():
    async with calling() as (simulator, caller):
        first = await caller.ask(dft())
        assert await caller.ask(dft()) == first
        other = await caller.ask(dft(action="C", total="-30.00"))

        assert other[1].startswith("MSA|AR|2|")
        assert (simulator.repeats, len(simulator.book.postings)) == (2, 1)


@pytest_twisted.ensureDeferred
async def test_the_ledger_takes_only_what_adds_up():
    async with calling() as (simulator, caller):
        wrong = await caller.ask(dft(total="31.00"))
        assert wrong[1] == "MSA|AE|2|the lines do not add up to the total"
        right = await caller.ask(dft())
        assert right[1] == "MSA|AA|2|"
        twice = await caller.ask(dft("3"))
        assert twice[1] == "MSA|AE|3|this settlement is posted already"

        (posting,) = simulator.book.postings
        assert (posting.total_fen, posting.fund_fen, posting.account_fen, posting.cash_fen) == (3000, 2000, 600, 400)
        assert [(row.line_id, row.amount_fen) for row in posting.lines] == [("L1", 2500), ("L2", 500)]


@pytest_twisted.ensureDeferred
async def test_what_is_no_hl7_is_answered_ar_and_counted():
    async with calling() as (simulator, caller):
        for text in ("HELLO WORLD", "MSH|^~\\&|A", HEAD.format(kind="ADT^A04", control_id="")):
            answer = await caller.ask(frame(text))
            assert answer[1].startswith("MSA|AR||")

        assert (simulator.unreadable, simulator.received) == (3, [])


@pytest_twisted.ensureDeferred
async def test_gbk_bytes_declared_as_utf_8_are_refused():
    async with calling() as (simulator, caller):
        body = ADT.format(control_id="1", id_number=ID_NUMBER).encode("gb18030")
        answer = await caller.ask(b"\x0b" + body + b"\x1c\r")

        assert answer[1] == "MSA|AR||the text is not utf-8"
        assert simulator.book.patients == {}


@pytest_twisted.ensureDeferred
async def test_each_fault_looks_on_the_wire_as_its_name_says():
    async with calling() as (simulator, caller):
        simulator.knobs.turn("ADT^A04", Fault.ONLY_GARBAGE)
        caller.transport.write(adt("1"))
        assert b"\x0b" not in await caller.until(lambda one: one.data)

        caller.data = b""
        simulator.knobs.turn("*", Fault.MISSING_END)
        caller.transport.write(adt("2"))
        assert b"\x1c" not in await caller.until(lambda one: b"MSA|AA|2|" in one.data)

        simulator.knobs.turn("*", Fault.WRONG_CONTROL_ID)
        assert (await caller.ask(adt("3")))[1] == "MSA|AA|SOMEBODY-ELSE|"

        simulator.knobs.turn("*", Fault.SLOW, delay_s=0.0)
        assert "MSA|AA|4|" in await caller.ask(adt("4"))

        caller.data = b""
        simulator.knobs.turn("ADT^A04", Fault.CLOSE_MID_ACK)
        caller.transport.write(adt("5"))
        await caller.until(lambda one: one.gone)
        assert caller.data.startswith(b"\x0bMSH")
        assert b"\x1c" not in caller.data


def test_the_command_line_says_where_it_listens():
    command = [sys.executable, "-m", "simulators.his", "--port", "0", "--charset", "gb18030"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        line = process.stdout.readline()
        process.terminate()

    assert line.startswith("HIS simulator: MLLP on 127.0.0.1:")
    assert process.returncode == 0
