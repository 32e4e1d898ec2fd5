"""Real sockets on loopback: what the engine hears for everything that a HIS may do."""

from __future__ import annotations

import contextlib

import pytest
import pytest_twisted
import structlog
from twisted.internet import defer, reactor, task

from adapters.his.hl7v2.adapter import Hl7His
from adapters.his.hl7v2.checker import InlineChecker
from adapters.his.hl7v2.options import Hl7Options
from middleware.domain.fault import Fault as DomainFault
from middleware.domain.health import Condition
from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from simulators.his import Fault, HisSimulator
from simulators.ports import free_port
from tests.adapters.his.messages import ID_TEXT, holder, posting, registration, split

ADT, DFT = "ADT^A04", "DFT^P03"


def options(port: int, **changes) -> Hl7Options:
    values = {"port": port, "ack_timeout_s": 5.0, "retry_first_s": 0.02, "retry_most_s": 0.1}
    return Hl7Options(**(values | changes))


@contextlib.asynccontextmanager
async def hospital(*, codec: str = "utf-8", **changes):
    """A HIS, and our link to it, up."""
    simulator = HisSimulator(reactor, free_port(), codec)
    his = Hl7His(options(simulator.start(), **changes), reactor, checker=InlineChecker(), chance=lambda: 0.5)
    his.start()
    try:
        await until(lambda: his.health().condition is not Condition.DOWN and simulator.clients)
        yield simulator, his
    finally:
        await his.stop()
        await simulator.stop()


async def until(true, seconds: float = 5.0) -> None:
    """Turn the reactor until it is true; fail when it does not come true."""
    end = reactor.seconds() + seconds
    while not true():
        assert reactor.seconds() < end, "it never came true"
        await task.deferLater(reactor, 0.002)


@pytest_twisted.ensureDeferred
async def test_a_registration_is_acknowledged_with_the_number_that_the_his_gave():
    async with hospital() as (simulator, his):
        outcome = await his.deliver(registration())

        assert outcome == Answered(HisAccepted("P000000001"))
        patient = simulator.book.patients["P000000001"]
        assert (patient.name, patient.id_number, patient.card_number) == ("测试甲", ID_TEXT, "00A123456")
        assert patient.social_security == ID_TEXT
        assert (patient.sex, patient.birth_date) == ("M", "19800101")
        assert his.health().condition is Condition.GOOD


@pytest_twisted.ensureDeferred
async def test_charges_and_their_split_reach_the_ledger_to_the_fen():
    async with hospital() as (simulator, his):
        await his.deliver(registration())
        outcome = await his.deliver(posting(lines=3))

        assert outcome == Answered(HisAccepted("P000000001"))
        (entry,) = simulator.book.postings
        assert (entry.total_fen, entry.fund_fen, entry.account_fen, entry.cash_fen) == (7500, 6500, 600, 400)
        assert [row.line_id for row in entry.lines] == ["L0001", "L0002", "L0003"]
        assert [row.code for row in entry.lines] == ["0007"] * 3
        assert entry.settlement_number in simulator.book.settled()


@pytest_twisted.ensureDeferred
async def test_a_cancellation_is_posted_negative_whichever_sign_the_split_came_with():
    async with hospital() as (simulator, his):
        await his.deliver(posting())
        for number, sign in enumerate((1, -1)):
            await his.deliver(posting(f"YKT1000{number}", cancelled=True, split=split(sign=sign)))

        cancellations = simulator.book.postings[1:]
        assert [entry.action for entry in cancellations] == ["C", "C"]
        assert {(entry.total_fen, entry.fund_fen, entry.cash_fen) for entry in cancellations} == {(-2500, -1500, -400)}
        assert {row.kind for entry in cancellations for row in entry.lines} == {"CD"}
        assert simulator.book.settled() == {}


@pytest_twisted.ensureDeferred
async def test_chinese_of_every_length_survives_gb18030_and_utf8():
    name = "㐀𠮷·张\u3000龍"  # four bytes in GB18030 and in UTF-8 among them
    for codec, literal in (("gb18030", ""), ("gb18030", "GBK"), ("utf-8", ""), ("utf-8", "UNICODE")):
        async with hospital(codec=codec, encoding=codec, charset_name=literal) as (simulator, his):
            outcome = await his.deliver(registration(holder=holder(name)))

            assert isinstance(outcome, Answered)
            assert simulator.book.patients["P000000001"].name == name
            assert name.encode(codec) in simulator.received[0].payload


@pytest_twisted.ensureDeferred
async def test_a_field_with_delimiters_and_line_ends_forges_nothing():
    name = "甲|^~\\&\rZST|1|S|FORGED\r\n\x1c\r\x0bMSH|^~\\&|X"
    async with hospital() as (simulator, his):
        outcome = await his.deliver(registration(holder=holder(name)))

        assert isinstance(outcome, Answered)
        assert [str(segment[0]) for segment in simulator.received[0].tree] == ["MSH", "EVN", "PID", "PV1", "IN1"]
        assert simulator.book.patients["P000000001"].name == name
        assert len(simulator.received) == 1


@pytest_twisted.ensureDeferred
async def test_a_refusal_carries_the_code_and_the_words_of_the_his():
    async with hospital() as (simulator, his):
        for fault, code in ((Fault.ANSWER_AE, "AE"), (Fault.ANSWER_AR, "AR")):
            simulator.knobs.turn(ADT, fault)
            assert await his.deliver(registration()) == Refused(code, "refused by the simulator's knob")

        assert await his.deliver(registration()) == Answered(HisAccepted("P000000001"))


@pytest_twisted.ensureDeferred
async def test_silence_is_unknown_and_the_repeat_is_the_same_bytes_and_booked_once():
    async with hospital(ack_timeout_s=0.4) as (simulator, his):
        simulator.knobs.turn(DFT, Fault.NO_ANSWER)
        assert await his.deliver(posting()) == Unknown("time-out")
        assert his.health().fault == "his.no_answer"

        assert isinstance(await his.deliver(posting()), Answered)
        first, second = simulator.bodies_of("YKT00000002")
        assert first == second
        assert (len(simulator.book.postings), simulator.repeats) == (1, 1)
        assert his.health().condition is Condition.GOOD


@pytest_twisted.ensureDeferred
async def test_an_ack_for_another_message_is_counted_and_never_matched():
    async with hospital(ack_timeout_s=0.4) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.WRONG_CONTROL_ID)

        assert await his.deliver(registration()) == Unknown("time-out")
        assert (his.counts["foreign_ack"], his.counts["acked"]) == (1, 0)


@pytest_twisted.ensureDeferred
async def test_a_late_ack_is_not_taken_for_the_next_message():
    async with hospital(ack_timeout_s=0.4, silent_limit=100) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.LATE_ACK, delay_s=0.5)
        assert await his.deliver(registration("LATE0001")) == Unknown("time-out")

        simulator.knobs.turn(DFT, Fault.NO_ANSWER)
        # The ACK of LATE0001 arrives while this one waits.
        assert await his.deliver(posting("NEXT0001")) == Unknown("time-out")
        assert (his.counts["late_ack"], his.counts["acked"]) == (1, 0)


@pytest_twisted.ensureDeferred
async def test_garbage_around_an_ack_is_counted_and_the_ack_is_found():
    async with hospital() as (simulator, his):
        simulator.knobs.turn(ADT, Fault.GARBAGE)

        assert isinstance(await his.deliver(registration()), Answered)
        await until(lambda: his.counts["garbage"] >= 2)


@pytest_twisted.ensureDeferred
async def test_answers_that_are_no_answer_are_unknown_and_the_link_lives_on():
    cases = (
        (Fault.ONLY_GARBAGE, "garbage"),
        (Fault.NOT_HL7, "unreadable"),
        (Fault.MISSING_END, "missing_end_block"),
        (Fault.TOO_LONG, "too_long"),
    )

    async def one(fault, name):
        async with hospital(ack_timeout_s=1.5, silent_limit=100) as (simulator, his):
            simulator.knobs.turn(ADT, fault)
            assert await his.deliver(registration(f"ODD-{name}"[:20])) == Unknown("time-out")
            assert his.counts[name] == 1

            assert isinstance(await his.deliver(registration(f"EVEN-{name}"[:20])), Answered)
            assert simulator.connections_made == 1

    await defer.gatherResults([defer.ensureDeferred(one(*case)) for case in cases])  # each waits out the same limit


@pytest_twisted.ensureDeferred
async def test_a_link_cut_before_or_within_the_ack_is_unknown_and_made_anew():
    async with hospital() as (simulator, his):
        for number, fault in enumerate((Fault.CLOSE_AFTER_RECEIVE, Fault.CLOSE_MID_ACK)):
            simulator.knobs.turn(ADT, fault)
            assert await his.deliver(registration(f"CUT{number}")) == Unknown("connection-lost")
            assert his.health().condition is Condition.DOWN
            await until(lambda: his.health().condition is not Condition.DOWN)
            assert isinstance(await his.deliver(registration(f"CUT{number}")), Answered)

        assert simulator.connections_made == 3
        assert len(simulator.book.patients) == 1


@pytest_twisted.ensureDeferred
async def test_an_ack_that_drips_in_time_is_an_answer():
    async with hospital(ack_timeout_s=5.0) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.SLOW, delay_s=0.001)

        assert isinstance(await his.deliver(registration()), Answered)


@pytest_twisted.ensureDeferred
async def test_an_ack_that_drips_past_the_deadline_is_unknown():
    async with hospital(ack_timeout_s=0.6) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.SLOW, delay_s=0.01)

        assert await his.deliver(registration()) == Unknown("time-out")
        assert his.counts["missing_end_block"] == 1


@pytest_twisted.ensureDeferred
async def test_a_his_that_only_keeps_silent_gets_a_new_connection():
    async with hospital(ack_timeout_s=0.4, silent_limit=2) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.NO_ANSWER, times=2)
        for number in range(2):
            assert await his.deliver(registration(f"SIL{number}")) == Unknown("time-out")
        await until(lambda: simulator.connections_made == 2)

        await until(lambda: his.health().condition is not Condition.DOWN)
        assert isinstance(await his.deliver(registration("SIL9")), Answered)


@pytest_twisted.ensureDeferred
async def test_without_a_link_nothing_is_sent_and_the_link_comes_back_by_itself():
    async with hospital() as (simulator, his):
        await simulator.stop()
        await until(lambda: his.health().condition is Condition.DOWN)
        await until(lambda: his.counts["refused"] > 0)
        await until(lambda: his.health().detail == "connection refused")
        outcome = await his.deliver(registration())
        assert (type(outcome), outcome.fault) == (NotSent, "his.unreachable")

        simulator.start()
        await until(lambda: his.health().condition is not Condition.DOWN)
        assert isinstance(await his.deliver(registration()), Answered)
        assert simulator.bodies_of("YKT00000001") == [simulator.received[-1].payload]


@pytest_twisted.ensureDeferred
async def test_messages_keep_their_order_one_in_flight():
    async with hospital() as (simulator, his):
        simulator.knobs.turn(ADT, Fault.LATE_ACK, delay_s=0.05)
        ids = [f"ORD{number:04d}" for number in range(20)]
        outcomes = await defer.gatherResults([defer.ensureDeferred(his.deliver(registration(one))) for one in ids])

        assert all(isinstance(outcome, Answered) for outcome in outcomes)
        assert [message.control_id for message in simulator.received] == ids


@pytest_twisted.ensureDeferred
async def test_with_several_in_flight_each_ack_finds_its_own():
    async with hospital(max_in_flight=4) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.LATE_ACK, delay_s=0.8)
        slow = defer.ensureDeferred(his.deliver(registration("SLOW0001")))
        await until(lambda: len(simulator.received) == 1)
        assert isinstance(await his.deliver(posting("FAST0001")), Answered)
        assert not slow.called

        assert isinstance(await slow, Answered)


@pytest_twisted.ensureDeferred
async def test_more_than_the_bound_may_not_wait():
    async with hospital(max_waiting=2) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.LATE_ACK, delay_s=0.1)
        sent = [defer.ensureDeferred(his.deliver(registration(f"Q{number}"))) for number in range(4)]
        outcomes = await defer.gatherResults(sent)

        assert [type(outcome) for outcome in outcomes] == [Answered, Answered, Answered, NotSent]
        assert outcomes[-1].fault == "system.busy"


@pytest_twisted.ensureDeferred
async def test_a_message_that_gets_no_turn_in_time_is_not_sent():
    async with hospital(ack_timeout_s=0.3, silent_limit=100) as (simulator, his):
        simulator.knobs.turn(ADT, Fault.NO_ANSWER, times=3)
        sent = [defer.ensureDeferred(his.deliver(registration(f"T{number}"))) for number in range(3)]
        outcomes = await defer.gatherResults(sent)

        assert outcomes[:2] == [Unknown("time-out")] * 2
        assert outcomes[2] == NotSent("system.busy", "his link: no turn in time")
        assert len(simulator.received) == 2


@pytest_twisted.ensureDeferred
async def test_a_his_that_floods_the_link_is_hung_up_on():
    async with hospital() as (simulator, his):
        noise = b"\x0bnoise\x1c\r" * 60
        simulator.send_raw(noise)
        await until(lambda: his.counts["unreadable"] == 60)
        assert isinstance(await his.deliver(registration()), Answered)
        simulator.send_raw(noise * 100)
        await until(lambda: simulator.connections_made == 2)

        assert his.counts["unreadable"] == 160


@pytest_twisted.ensureDeferred
async def test_with_the_hl7apy_process_of_the_daemon_the_same_messages_arrive():
    simulator = HisSimulator(reactor, free_port())
    his = Hl7His(options(simulator.start()), reactor)
    his.start()
    try:
        messages = (registration(), posting(), registration("R2"), posting("P2", settlement_number="SETL2"))
        outcomes = [await his.deliver(message) for message in messages]

        assert all(isinstance(outcome, Answered) for outcome in outcomes)
        assert (his.counts["judged"], his.counts["known"]) == (2, 2)
    finally:
        await his.stop()
        await simulator.stop()


@pytest_twisted.ensureDeferred
async def test_no_log_line_names_a_person():
    secrets = (ID_TEXT, "测试甲", "00A123456", "99990000000001", "测试医生")
    with structlog.testing.capture_logs() as lines:
        async with hospital(ack_timeout_s=0.3, silent_limit=1) as (simulator, his):
            for fault in Fault:
                simulator.knobs.turn(ADT, fault, delay_s=0.001)
                await until(lambda his=his: his.health().condition is not Condition.DOWN)
                await his.deliver(registration(f"LOG-{fault.value}"[:20]))
            with pytest.raises(DomainFault):
                await his.deliver(registration(holder=holder("测试甲" * 100)))

    assert len(lines) > len(Fault)
    assert not [line for line in lines if any(secret in repr(line) for secret in secrets)]


@pytest_twisted.ensureDeferred
async def test_stop_ends_what_is_in_flight_as_unknown_and_takes_nothing_more():
    simulator = HisSimulator(reactor, free_port())
    his = Hl7His(options(simulator.start()), reactor, checker=InlineChecker())
    his.start()
    simulator.knobs.turn(ADT, Fault.NO_ANSWER)
    sent = defer.ensureDeferred(his.deliver(registration()))
    await until(lambda: simulator.received)
    await his.stop()

    assert await sent == Unknown("stopping")
    outcome = await his.deliver(registration())
    assert (type(outcome), outcome.fault) == (NotSent, "system.stopping")
    await until(lambda: not simulator.clients)
    await simulator.stop()


@pytest_twisted.ensureDeferred
async def test_stop_while_connecting_and_while_waiting_to_connect_ends_at_once():
    simulator = HisSimulator(reactor, free_port())
    port = simulator.start()
    await simulator.stop()
    for turns in (0, 1):
        his = Hl7His(options(port, retry_first_s=5.0), reactor, checker=InlineChecker())
        his.start()
        if turns:
            await until(lambda his=his: his.counts["refused"] == 1)
        await his.stop()
        assert his.health().condition is Condition.DOWN


@pytest_twisted.ensureDeferred
async def test_the_his_refuses_another_body_under_a_control_id():
    async with hospital() as (simulator, his):
        await his.deliver(registration("SAME0001"))
        outcome = await his.deliver(registration("SAME0001", department_code="0202"))

        assert (type(outcome), outcome.code) == (Refused, "AR")
        assert simulator.repeats == 1


@pytest_twisted.ensureDeferred
async def test_a_message_that_cannot_be_made_is_a_fault_and_its_value_is_not_told():
    async with hospital(codec="gb18030", encoding="gb18030") as (simulator, his):
        with pytest.raises(DomainFault) as caught:
            await his.deliver(registration(doctor_name="秘密" * 100))

        assert (caught.value.code, caught.value.detail) == ("his.message", "PV1-7: longer than 199 characters")
        assert simulator.received == []
        assert his.health().fault == "his.message"


@pytest_twisted.ensureDeferred
async def test_when_hl7apy_cannot_be_asked_the_message_waits_and_is_not_refused():
    class Down(InlineChecker):
        async def check(self, shape):
            raise DomainFault("system.busy", "his: hl7apy could not be asked")

    his = Hl7His(options(free_port()), reactor, checker=Down())

    assert await his.deliver(registration()) == NotSent("system.busy", "his: hl7apy could not be asked")


@pytest_twisted.ensureDeferred
async def test_enhanced_mode_ends_with_what_the_his_did_not_with_what_it_received():
    async with hospital(application_ack="AL") as (simulator, his):
        assert await his.deliver(registration()) == Answered(HisAccepted("P000000001"))
        simulator.knobs.turn(DFT, Fault.COMMIT_THEN_AE)
        simulator.knobs.turn(DFT, Fault.COMMIT_REFUSED)
        outcomes = [await his.deliver(posting(f"YKT7{number}")) for number in range(2)]

        assert [type(one) for one in outcomes] == [Refused, Refused]
        assert [one.code for one in outcomes] == ["AE", "CR"]
        assert simulator.book.postings == []
        assert his.counts["committed"] == 2


@pytest_twisted.ensureDeferred
async def test_a_message_that_was_only_received_is_unknown_and_its_repeat_ends_it():
    async with hospital(application_ack="AL", ack_timeout_s=0.3) as (simulator, his):
        simulator.knobs.turn(DFT, Fault.COMMIT_ONLY)
        outcome = await his.deliver(posting("YKT72"))

        assert isinstance(outcome, Unknown)
        assert simulator.book.postings == []
        while not isinstance(outcome, Answered):  # a busy machine may be late
            outcome = await his.deliver(posting("YKT72"))
        assert len(simulator.book.postings) == 1


@pytest_twisted.ensureDeferred
async def test_where_no_second_answer_was_asked_for_received_is_the_end():
    async with hospital(application_ack="NE") as (simulator, his):
        simulator.knobs.turn(ADT, Fault.NO_ANSWER)
        outcome = defer.ensureDeferred(his.deliver(registration("YKT80")))
        await simulator.next_message(ADT)
        simulator.send_raw(b"\x0bMSH|^~\\&|H||Y||20261121||ACK|1|P|2.5\rMSA|CA|YKT80\r\x1c\r")

        assert isinstance(await outcome, Answered)


@pytest_twisted.ensureDeferred
async def test_several_connections_work_side_by_side_and_one_that_is_lost_is_said():
    async with hospital(connections=3, retry_first_s=30.0, retry_most_s=30.0) as (simulator, his):
        await until(lambda: his.health().condition is Condition.GOOD)
        assert len(simulator.clients) == 3
        simulator.knobs.turn(ADT, Fault.NO_ANSWER)
        silent = defer.ensureDeferred(his.deliver(registration("YKT90")))
        await simulator.next_message(ADT)

        others = [await his.deliver(registration(f"YKT9{number}")) for number in (1, 2, 3)]

        assert [type(one) for one in others] == [Answered] * 3  # none waited for the one that got no answer
        next(iter(simulator.clients)).cut()
        await until(lambda: his.health().condition is Condition.DEGRADED)
        assert his.health().detail.startswith("2 of 3 connections")
        assert isinstance(await his.deliver(registration("YKT94")), Answered)
        simulator.hang_up()
        assert isinstance(await silent, Unknown)


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize("version", ["2.4", "2.5"])
async def test_a_registration_travels_as_the_event_that_the_site_wants(version):
    for event in ("A04", "A28", "A08", "A31"):
        async with hospital(register_event=event, version=version) as (simulator, his):
            outcome = await his.deliver(registration())  # hl7apy has agreed to it, strictly

            assert outcome == Answered(HisAccepted("P000000001"))
            (message,) = simulator.received
            structure = "ADT_A01" if event in {"A04", "A08"} else "ADT_A05"
            assert (message.message_type, message.value("MSH", 9, 3)) == (f"ADT^{event}", structure)
            assert message.value("EVN", 1) == event
