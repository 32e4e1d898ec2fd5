"""Bad input on a real wire: an answer or a close by rule, in bounded time and memory, the bytes kept, other links untouched."""

from __future__ import annotations

import socket

import pytest_twisted
from twisted.internet import reactor

from middleware.doors.mllp.door import MllpDoor
from middleware.doors.mllp.options import MllpOptions
from middleware.engine.tasks import sleep
from simulators.ports import free_port
from tests.middleware.doors.mllp.rig import framed, hl7

HALF_OPEN, ROOM = 1000, 16


@pytest_twisted.ensureDeferred
async def test_ten_megabytes_are_refused_past_the_bound_and_taken_to_the_last_byte_within_it(site):
    long = hl7("L1", body="OBX|1|ED|PDF||" + "A" * (10 << 20) + "\r", kind="ORU^R01")
    one = site()
    sender = await one.connect()
    sender.send(framed(long), framed(hl7("C2")))
    refused, after = await sender.acks(2)
    assert (refused[1][:9], after[1]) == ("MSA|AR|L1", "MSA|AA|C2")
    (kept, begun), _ = one.rows()
    assert (kept.why, long.encode().startswith(begun)) == ("hl7.too_long", True)
    assert len(begun) < 1 << 16  # its beginning, for an operator to see
    await one.stop()
    one.options = MllpOptions(port=one.port, max_bytes=12 << 20)
    one.start()
    wide = await one.connect()
    wide.send(framed(long.replace("|L1|", "|L3|")))
    assert await wide.codes(1) == [("AA", "L3")]
    assert one.rows()[-1][1] == long.replace("|L1|", "|L3|").encode()


@pytest_twisted.ensureDeferred
async def test_thousands_of_half_open_connections_cost_a_bounded_number_and_disturb_no_other_link(site):
    one = site(connections=ROOM)
    other = MllpDoor({"other": MllpOptions(port=free_port())}, one.inbox, reactor, one.now)
    other.start()
    idle = []
    try:
        speaking = await one.connect()
        speaking.send(framed(hl7("C1")))
        assert await speaking.codes(1) == [("AA", "C1")]
        for number in range(HALF_OPEN):
            idle.append(made := socket.socket())
            made.setblocking(False)
            made.connect_ex(("127.0.0.1", one.port))
            if number % 50 == 0:
                await sleep(reactor, 0)
                assert len(one.link.connections) <= ROOM
            if len(idle) > 2 * ROOM:
                idle.pop(0).close()
        fresh = await one.connect()
        for sender, name in ((fresh, "C2"), (speaking, "C3")):
            sender.send(framed(hl7(name)))
            assert await sender.codes(1) == [("AA", name)]
        assert len(one.link.connections) <= ROOM
        (link,) = other.links.values()
        with socket.create_connection(("127.0.0.1", link.options.port)):
            while not link.connections:
                await sleep(reactor, 0.005)
    finally:
        for made in idle:
            made.close()
        await other.stop()


@pytest_twisted.ensureDeferred
async def test_controls_in_fields_and_delimiters_that_cannot_be_are_answered_by_rule_and_kept_as_they_came(site):
    one = site()
    sender = await one.connect()
    with_end = framed(hl7("F1", body="PID|1||P1^^^^PI||a\x1cb\r"))
    with_start = framed(hl7("V1", body="PID|1||P1^^^^PI||a\x0bb\r"))
    with_cr = framed(hl7("R1", body="PID|1||P1^^^^PI||a\rb|c\r"))
    letters = framed(hl7("D1").replace("|^~\\&|", "|A~\\&|", 1))
    twice = framed(hl7("D2").replace("|^~\\&|", "|^~\\^|", 1))
    sender.send(with_end, with_start, with_cr, letters, twice, framed(hl7("C9")))
    codes = await sender.codes(6)
    # Of a message that a start character cut in two the rest is no HL7; a CR is a segment's end and nothing is split wrong.
    assert [code for code, _ in codes] == ["AR", "AR", "AA", "AR", "AR", "AA"]
    assert codes[2] == ("AA", "R1")
    whys = one.whys()
    assert sorted(whys) == sorted(
        ["hl7.control_character", "hl7.unframed", "hl7.not_hl7", "", "hl7.not_hl7", "hl7.not_hl7", ""]
    )
    assert with_end[1:-2] in [raw for _, raw in one.rows()]


@pytest_twisted.ensureDeferred
async def test_five_thousand_repetitions_are_taken_to_the_last_byte(site):
    one = site()
    sender = await one.connect()
    text = hl7("C1", body="PID|1||" + "~".join(f"P{n}^^^^PI" for n in range(5000)) + "\r")
    sender.send(framed(text))
    assert await sender.codes(1) == [("AA", "C1")]
    assert one.rows()[0][1] == text.encode()
