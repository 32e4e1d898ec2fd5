from __future__ import annotations

import socket

import pytest_twisted

from middleware.doors.local_api.methods import METHODS
from simulators.ports import free_port
from tests.middleware.doors.fakes import HIS_TOKEN
from tests.middleware.doors.local_api.samples import PARAMS
from tests.middleware.doors.local_api.wire import STATUS, Wire, beside, request, until


@pytest_twisted.ensureDeferred
async def test_a_line_too_long_is_answered_and_ends_the_connection(opened, path):
    opened(hello_line_bytes=1024, line_bytes=8192)

    def client_side():
        with Wire(path) as stranger:
            stranger.say(b"x" * 200_000)
            before = stranger.hear()["error"]["data"]["code"], stranger.ended
        with Wire(path) as wire:
            wire.hello()
            within = wire.code(b" " * 5000 + STATUS)
            return before, within, wire.code(b"x" * 8193), wire.ended

    assert await beside(client_side) == (("request.too_long", True), "ok", "request.too_long", True)


@pytest_twisted.ensureDeferred
async def test_the_answer_to_a_line_too_long_survives_what_is_still_being_sent_on_tcp(opened):
    port = free_port()
    opened(unix_path=None, tcp_port=port, hello_line_bytes=1024)

    def client_side():
        with Wire(port=port) as wire:
            for _ in range(20):
                wire.say(b"x" * 10_000)
            return wire.hear()["error"]["data"]["code"]

    assert await beside(client_side) == "request.too_long"


@pytest_twisted.ensureDeferred
async def test_a_line_begun_and_never_ended_is_answered_and_closed(opened, path):
    opened(line_timeout_s=0.2)

    def client_side():
        with Wire(path) as wire:
            wire.hello()
            return wire.code(b'{"jsonrpc"'), wire.ended

    assert await beside(client_side) == ("request.not_json", True)


@pytest_twisted.ensureDeferred
async def test_a_line_dripped_byte_by_byte_does_not_move_its_deadline(opened, path):
    opened(line_timeout_s=0.3)

    def client_side():
        import time

        with Wire(path) as wire:
            wire.hello()
            began = time.monotonic()
            try:
                while time.monotonic() - began < 5:
                    wire.say(b" ")
                    wire.sock.settimeout(0.05)
                    try:
                        if wire.sock.recv(1):
                            break
                    except TimeoutError:
                        continue
            except OSError:
                pass
            return time.monotonic() - began

    assert await beside(client_side) < 2


@pytest_twisted.ensureDeferred
async def test_no_hello_in_time_is_answered_and_closed(opened, path):
    opened(hello_timeout_s=0.2)

    def client_side():
        with Wire(path) as wire:
            return wire.hear()["error"]["data"]["code"], wire.ended

    assert await beside(client_side) == ("access.no_session", True)


@pytest_twisted.ensureDeferred
async def test_idle_closes_but_not_while_something_is_in_flight_or_watched(opened, path):
    from twisted.internet import reactor
    from twisted.internet.task import deferLater

    door = opened(idle_timeout_s=0.3)
    door.counter.hold = True
    watcher, busy, idle = Wire(path), Wire(path), Wire(path)
    for wire, lines in ((watcher, request("reader.watch")), (busy, request("card.read", PARAMS["card.read"])), (idle, b"")):
        await beside(wire.hello)
        wire.say(lines)
    assert await beside(lambda: idle.ended)
    await deferLater(reactor, 0.4)  # the rule is about time: what must not happen has had its time to happen
    door.counter.release()
    assert (await beside(busy.hear))["result"]["card_read_id"] == "R1"
    assert (await beside(watcher.hear))["result"] == {"watching": True}
    door.readers.insert()
    assert (await beside(watcher.hear))["method"] == "reader.card"
    for wire in (watcher, busy, idle):
        wire.__exit__()


@pytest_twisted.ensureDeferred
async def test_requests_in_flight_are_bounded_on_a_connection_and_in_all(opened, path):
    door = opened(in_flight=2, in_flight_total=3)
    door.counter.hold = True
    card = [request("card.read", PARAMS["card.read"], number) for number in range(4)]

    def fill():
        one, two = Wire(path), Wire(path)
        one.hello()
        two.hello()
        one.say(*card[:3])
        refused_one = one.hear()
        two.say(*card[:2])
        return one, two, refused_one, two.hear()

    one, two, refused_one, refused_two = await beside(fill)
    assert (refused_one["id"], refused_one["error"]["data"]["code"]) == (2, "request.too_many")
    assert (refused_two["id"], refused_two["error"]["data"]["code"]) == (1, "system.busy")
    assert door.api.in_flight == 3
    door.counter.hold = False
    door.counter.release()
    assert {0, 1} == {(await beside(one.hear))["id"] for _ in range(2)}
    assert (await beside(two.hear))["id"] == 0
    assert await beside(one.code, card[3]) == "ok"
    assert door.api.in_flight == 0
    one.__exit__()
    two.__exit__()


@pytest_twisted.ensureDeferred
async def test_a_connection_too_many_hears_busy(opened, path):
    door = opened(connections=1)

    def client_side():
        with Wire(path) as first:
            first.hello()
            with Wire(path) as second:
                refused = second.hear()["error"]["data"]["code"], second.ended
            return refused, first.code(STATUS)

    assert await beside(client_side) == (("system.busy", True), "ok")
    await until(lambda: not door.api.connections)


@pytest_twisted.ensureDeferred
async def test_a_client_that_does_not_read_is_not_read_from_and_then_cut(opened, path):
    door = opened(unread_timeout_s=0.3)
    door.counter.padding = 50_000

    def client_side():
        wire = Wire(path)
        wire.hello()
        wire.sock.settimeout(0.1)
        line, sent = request("card.read", PARAMS["card.read"]), 0
        try:
            while sent < 20 << 20:  # far more than any buffer holds, and 10 GB of answers if nobody stopped us
                wire.say(line)
                sent += len(line)
        except OSError:
            pass
        return wire, sent

    wire, sent = await beside(client_side)
    await until(lambda: not door.api.connections)
    # What the kernel holds for both sides, and one reading of ours.
    assert sent < 2 << 20
    assert len(door.counter.asked) < 3000
    wire.__exit__()


@pytest_twisted.ensureDeferred
async def test_answers_left_unread_beyond_the_bound_cut_the_client_at_once(opened, path):
    door = opened(unread_bytes=64 << 10, unread_timeout_s=60, in_flight=64)
    door.counter.hold = True
    door.counter.padding = 100_000

    def client_side():
        wire = Wire(path)
        wire.hello()
        wire.say(*(request("card.read", PARAMS["card.read"], number) for number in range(40)))
        return wire

    wire = await beside(client_side)
    await until(lambda: len(door.counter.held) == 40)
    door.counter.release()
    await until(lambda: not door.api.connections)
    wire.__exit__()


@pytest_twisted.ensureDeferred
async def test_when_the_deadline_passes_the_caller_hears_it_and_the_work_goes_on(opened, path, monkeypatch):
    from attrs import evolve

    door = opened()
    door.counter.hold = True
    for name in ("settlement.settle", "settlement.quote"):
        monkeypatch.setitem(METHODS, name, evolve(METHODS[name], deadline_s=0.1))

    def client_side():
        with Wire(path) as wire:
            wire.hello()
            return [wire.ask(request(n, PARAMS[n]))["error"]["data"] for n in ("settlement.settle", "settlement.quote")]

    settle, quote = await beside(client_side)
    assert (settle["code"], settle["money"], settle["retry"]) == ("settlement.outcome_unknown", "unknown", "ask")
    assert (quote["code"], quote["money"], quote["retry"]) == ("system.busy", "no", "same-key")
    assert door.api.in_flight == 2
    door.counter.release()
    assert door.api.in_flight == 0


@pytest_twisted.ensureDeferred
async def test_a_client_that_only_closed_its_sending_side_still_gets_its_answer(opened, path):
    door = opened()
    door.counter.hold = True

    def client_side():
        wire = Wire(path)
        wire.say(request("session.hello", {"token": HIS_TOKEN}), request("card.read", PARAMS["card.read"], 2))
        wire.sock.shutdown(socket.SHUT_WR)
        wire.hear()
        return wire

    wire = await beside(client_side)
    door.counter.release()
    assert (await beside(wire.hear))["id"] == 2
    assert await beside(lambda: wire.ended)
    await until(lambda: not door.api.connections)
    wire.__exit__()
