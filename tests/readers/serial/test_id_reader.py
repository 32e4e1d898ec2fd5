"""An id-card reader on a real serial line (a pseudo-terminal): every fault of the line, and its coming and going."""

from __future__ import annotations

import datetime as dt
import errno
import fcntl
import os
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from middleware.domain.fault import Fault
from readers.media.options import ReaderOptions
from readers.serial.id_reader import DONE, FOUND, NOTHING, QUIET_S, IdReader
from simulators.people import PEOPLE
from simulators.serial import IdModule, LaidCard
from tests.readers.serial.test_frame import frame
from tests.readers.waiting import until

TODAY = dt.date(2026, 11, 22)


class Desk:
    """A reader that was started, and what it told."""

    def __init__(self, module, **options):
        self.told = []
        self.module = module
        made = {"poll_interval_s": 0.02, "retry_s": 0.02, "wait_s": 0.0, "exchange_timeout_s": 5.0} | options
        self.options = ReaderOptions("窗口一身份证", "serial-id", device=module.path, **made)
        self.reader = IdReader(self.options, reactor, lambda: TODAY, lambda kind, _: self.told.append(kind))

    async def __aenter__(self):
        self.reader.start()
        await self.state("empty", "card-present")
        return self

    async def __aexit__(self, *_):
        await self.reader.stop()

    async def state(self, *states):
        await until(lambda: self.reader.status().state in states, lambda: f"{states}, it is {self.reader.status()}")

    async def read_at_last(self, person):
        """The first read that succeeds; a machine that is busy may need more than one."""
        while True:
            self.module.lay(person)
            try:
                return await self.reader.read()
            except Fault as fault:
                if fault.code not in {"reader.no_answer", "card.absent", "card.mute", "card.withdrawn"}:
                    raise

    async def fault(self):
        with pytest.raises(Fault) as raised:
            await self.reader.read()
        return raised.value.code


@pytest_twisted.ensureDeferred
async def test_a_card_is_found_told_and_read_and_then_counts_as_gone(module):
    async with Desk(module) as desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")

        card = await desk.reader.read()
        await desk.state("empty")

        assert card.id_number.reveal() == PEOPLE["employee"].id_number
        assert card.reader == "窗口一身份证"
        assert desk.told == ["inserted", "removed"]


@pytest_twisted.ensureDeferred
async def test_without_a_card_it_is_absent_and_a_read_may_wait_for_it(module):
    async with Desk(module) as desk:
        assert await desk.fault() == "card.absent"
    async with Desk(module, wait_s=20.0) as desk:
        reading = Deferred.fromCoroutine(desk.reader.read())
        await until(lambda: desk.reader.status().state == "busy", lambda: "busy")
        module.lay(PEOPLE["resident"])
        assert (await reading).id_number.reveal() == PEOPLE["resident"].id_number


@pytest_twisted.ensureDeferred
async def test_answers_in_small_pieces_behind_noise_are_read(module):
    async with Desk(module) as desk:
        module.knob(pieces=7, noise=b"\x00\xaa\xaa")
        module.lay(PEOPLE["four-byte"])
        await desk.state("card-present")
        assert (await desk.reader.read()).name.reveal() == "张𬭎"


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("command", ["2001", "2002", "3001"])
async def test_a_silent_reader_is_a_fault_of_its_own_and_recovers_by_itself(module, command):
    async with Desk(module, exchange_timeout_s=0.15) as desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        module.knob(silent=frozenset({command}))
        if command == "2001":  # a card that lies there is selected without being looked for again
            module.lift()
            await desk.state("failed")
            assert desk.reader.trouble().code == "reader.no_answer"
        assert await desk.fault() == "reader.no_answer"
        module.knob(silent=frozenset())
        assert (await desk.read_at_last(PEOPLE["resident"])).id_number.reveal() == PEOPLE["resident"].id_number


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("knob", ["wrong_check", "cut"])
async def test_a_broken_answer_is_never_data(module, knob):
    async with Desk(module, exchange_timeout_s=0.3) as desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        module.knob(**{knob: frozenset({"3001"})})
        assert await desk.fault() == "reader.no_answer"


@pytest_twisted.ensureDeferred
async def test_a_read_that_comes_too_late_is_never_the_next_persons(module):
    async with Desk(module, exchange_timeout_s=0.1) as desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        module.knob(late_s={"3001": 0.25})
        assert await desk.fault() == "reader.no_answer"
        module.knob(late_s={})
        # laid on before the late answer comes
        assert (await desk.read_at_last(PEOPLE["resident"])).id_number.reveal() == PEOPLE["resident"].id_number


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("status", "code"),
    [
        ({"2002": 0x81}, "card.absent"),  # lifted between: then it is not found either
        ({"3001": 0x41}, "card.withdrawn"),
        ({"3001": 0x90}, "reader.no_answer"),  # "read" without data
        ({"2002": 0x9F}, "reader.no_answer"),  # the answer of another question
        ({"3001": 0x66}, "reader.no_answer"),
    ],
)
async def test_each_status_of_the_module_comes_to_a_fault(module, status, code):
    async with Desk(module) as desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        module.knob(status=status)
        if code == "card.absent":
            module.lift()
        assert await desk.fault() == code


@pytest_twisted.ensureDeferred
async def test_found_and_never_selected_is_mute(module):
    async with Desk(module) as desk:
        module.lay(PEOPLE["employee"])
        module.knob(status={"2002": 0x81})
        assert await desk.fault() == "card.mute"


@pytest_twisted.ensureDeferred
async def test_a_malformed_card_is_said_and_the_next_one_read(module):
    async with Desk(module) as desk:
        module.lay(LaidCard.of(PEOPLE["employee"], number="999999197405123113"))
        await desk.state("card-present")
        assert await desk.fault() == "card.id_number"
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        await desk.reader.read()


@pytest_twisted.ensureDeferred
async def test_unplugged_it_is_absent_and_plugged_in_again_it_works_by_itself(module):
    async with Desk(module) as desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        module.unplug()
        await desk.state("absent")
        assert desk.told == ["inserted", "removed"]
        assert await desk.fault() == "reader.gone"
        assert desk.reader.trouble().code == "reader.gone"
        module.plug()
        await desk.state("card-present")
        assert (await desk.reader.read()).id_number.reveal() == PEOPLE["employee"].id_number


@pytest_twisted.ensureDeferred
async def test_unplugged_while_it_reads_is_gone_at_once_and_no_time_out(module):
    async with Desk(module, exchange_timeout_s=60.0) as desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        module.knob(silent=frozenset({"3001"}))
        reading = Deferred.fromCoroutine(desk.reader.read())
        await until(lambda: "3001" in module.asked, lambda: "the question")
        module.unplug()
        with pytest.raises(Fault) as raised:
            await reading
        assert raised.value.code == "reader.gone"


@pytest_twisted.ensureDeferred
async def test_a_port_that_another_program_holds_is_said_to_be_shared(module):
    other = os.open(module.path, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    options = ReaderOptions("r", "serial-id", device=module.path, retry_s=0.02)
    reader = IdReader(options, reactor, lambda: TODAY, lambda *_: None)
    reader.start()
    assert (reader.status().state, reader.status().fault) == ("failed", "reader.shared")
    os.close(other)
    await until(lambda: reader.status().state == "empty", lambda: str(reader.status()))
    await reader.stop()


@pytest_twisted.ensureDeferred
async def test_while_it_is_ours_no_other_program_can_claim_it(module):
    async with Desk(module):
        try:
            other = os.open(module.path, os.O_RDWR | os.O_NOCTTY)
        except OSError as exc:
            assert exc.errno == errno.EBUSY  # noqa: PT017 - not as root: then the lock says it
        else:
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(other)


@pytest_twisted.ensureDeferred
async def test_a_stop_ends_a_read_that_waits(module):
    desk = Desk(module, exchange_timeout_s=60.0)
    async with desk:
        module.lay(PEOPLE["employee"])
        await desk.state("card-present")
        module.knob(silent=frozenset({"2002"}))
        reading = Deferred.fromCoroutine(desk.reader.read())
        await until(lambda: "2002" in module.asked, lambda: "the question")
    with pytest.raises(Fault) as raised:
        await reading
    assert raised.value.code == "system.stopping"


@pytest_twisted.ensureDeferred
async def test_a_name_that_now_means_another_device_is_followed(module, tmp_path):
    other = IdModule(tmp_path / "other")
    other.plug()
    other.lay(PEOPLE["resident"])
    async with Desk(module) as desk:
        other.path.replace(module.path)  # the old device is not hung up: only the name says that it is gone
        await desk.state("card-present")
        assert (await desk.reader.read()).id_number.reveal() == PEOPLE["resident"].id_number
    other.unplug()


class Line:
    """The port, as far as a reader uses it."""

    fault, is_open, device = "", True, "x"

    def __init__(self):
        self.written = []

    def write(self, data):
        self.written.append(data)

    def stop(self): ...


class Quiet:
    """A reader on a clock that the test turns: what is asked when, and what came before."""

    def __init__(self):
        self.clock, self.line = Clock(), Line()
        options = ReaderOptions("r", "serial-id", device=Path("x"), wait_s=0.0, exchange_timeout_s=3.0)
        self.reader = IdReader(options, self.clock, lambda: TODAY, lambda *_: None)
        self.reader._line = self.line
        self.reader._stopped = False

    def read(self):
        return Deferred.fromCoroutine(self.reader.read())

    def says(self, status, data=b""):
        self.reader._received(frame(status, data))

    def goes_on(self, seconds):
        self.clock.pump([0.05] * round(seconds / 0.05))


def test_after_a_question_without_an_answer_nothing_is_asked_before_the_line_is_silent():
    one = Quiet()
    failed = one.read()
    one.goes_on(3.1)
    assert failed.result.value.code == "reader.no_answer"
    failed.addErrback(lambda _: None)
    asked = len(one.line.written)
    again = one.read()
    for _ in range(6):
        one.goes_on(0.05)
        one.says(FOUND)  # late, and late again
    assert len(one.line.written) == asked
    one.goes_on(QUIET_S + 0.1)
    assert len(one.line.written) == asked + 1
    one.says(NOTHING)
    assert again.result.value.code == "card.absent"
    again.addErrback(lambda _: None)


def test_half_an_answer_is_forgotten_before_the_next_question():
    one = Quiet()
    failed = one.read()
    one.reader._received(frame(FOUND)[:8])
    one.goes_on(3.1)
    failed.addErrback(lambda _: None)
    again = one.read()
    one.goes_on(QUIET_S + 0.1)
    for status, data in ((FOUND, b""), (DONE, b""), (DONE, LaidCard.of(PEOPLE["employee"]).data)):
        one.says(status, data)
    assert again.result.id_number.reveal() == PEOPLE["employee"].id_number
