"""The inbox for an operator: what came and why it was not taken; each look is a record, and none shows more than it may."""

from __future__ import annotations

import base64

import msgspec
import pytest
import pytest_twisted
import sqlalchemy as sa
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.doors.local_api.methods import METHODS
from middleware.engine.inbox import PIECE_BYTES, Inbox
from middleware.engine.journal import MAX_BATCH
from middleware.store import tables as t
from middleware.store.units import RepeatedError
from tests.middleware.doors.mllp.rig import Site, framed, hl7

LI = Caller(Role.OPERATOR, "desk-li", "")


class HeldJournal:
    """Remembers what is handed over, and answers when the test says so."""

    def __init__(self):
        self.held = []

    def receive(self, messages):
        self.held.append((list(messages), Deferred()))
        return self.held[-1][1]


def test_what_comes_in_one_turn_is_handed_over_together_in_its_order_and_no_more_at_once_than_a_transaction_takes():
    journal, clock, told = HeldJournal(), Clock(), []
    inbox = Inbox(journal, None, None, None, clock)
    for number in range(MAX_BATCH + 1):
        inbox.take(number, lambda result, number=number: told.append((number, result)))
    assert journal.held == []
    clock.advance(0)
    assert [messages for messages, _ in journal.held] == [list(range(MAX_BATCH)), [MAX_BATCH]]

    inbox.take("next", lambda result: told.append(("next", result)))
    assert told == []
    (_, first), (_, second) = journal.held
    busy = Fault("system.busy")
    first.callback([None, RepeatedError(), *[busy] * (MAX_BATCH - 2)])
    second.errback(Fault("system.stopping"))
    assert [result for _, result in told[:3]] == [True, False, busy]
    assert [number for number, _ in told] == list(range(MAX_BATCH + 1))
    assert told[-1][1].code == "system.stopping"
    clock.advance(0)
    assert journal.held[2][0] == ["next"]


@pytest_twisted.ensureDeferred
async def test_messages_of_one_read_share_a_transaction(filled):
    before = filled.journal.stats.batches
    sender = await filled.connect()
    sender.send(b"".join(framed(hl7(f"T{number}")) for number in range(20)))

    assert await sender.codes(20) == [("AA", f"T{number}") for number in range(20)]
    assert filled.journal.stats.batches == before + 1


@pytest_twisted.async_yield_fixture
async def filled(tmp_path):
    """A door to which one good message, one bad, and one long one came."""
    one = Site(tmp_path).start()
    sender = await one.connect()
    sender.send(framed(hl7("C1")), framed("HELLO"), framed(hl7("C2", body="OBX|" + "z" * (PIECE_BYTES + 10))))
    await sender.acks(3)
    yield one
    await one.stop()


@pytest_twisted.ensureDeferred
async def test_the_list_shows_what_was_not_taken_or_all_and_nothing_of_its_content(filled):
    kept = await filled.inbox.list(0, 100, kept_only=True)
    everything = await filled.inbox.list(0, 2, kept_only=False)

    METHODS["inbox.list"].check_result(kept)
    assert [(row["why"], row["bytes"]) for row in kept["rows"]] == [("hl7.not_hl7", 5)]
    assert [row["control_id"] for row in everything["rows"]] == ["C1", ""]
    assert not everything["complete"]
    rest = await filled.inbox.list(everything["next_after"], 2, kept_only=False)
    assert ([row["control_id"] for row in rest["rows"]], rest["complete"]) == (["C2"], True)


@pytest_twisted.ensureDeferred
async def test_a_message_is_shown_byte_for_byte_piece_by_piece_and_every_look_is_journalled(filled):
    raw, shown = b"", {"complete": False, "next_offset": 0}
    while not shown["complete"]:
        shown = await filled.inbox.show(LI, 3, shown["next_offset"])
        METHODS["inbox.show"].check_result(shown)
        raw += base64.b64decode(shown["content"])

    assert raw == hl7("C2", body="OBX|" + "z" * (PIECE_BYTES + 10)).encode()
    assert b"MSA|AA|C2\r" in base64.b64decode(shown["answered"])
    with filled.database.connect() as connection:
        looks = connection.scalars(sa.select(t.journal.c.line).where(t.journal.c.event == "Hl7LookedAt")).all()
    assert [msgspec.json.decode(line)["body"] for line in looks] == [{"inbox": 3, "account": "desk-li"}] * 2


@pytest_twisted.ensureDeferred
async def test_what_is_not_there_is_said_and_what_is_forgotten_by_rule_is_not_shown(filled):
    with pytest.raises(Fault) as caught:
        await filled.inbox.show(LI, 99, 0)
    assert caught.value.code == "request.not_found"

    with filled.database.begin() as connection:
        connection.execute(sa.update(t.data_key).values(state="destroyed", wrapped=""))
    await filled.stop()
    again = Site(None, url=filled.url).start()
    filled.stop = again.stop  # the fixture's end
    with pytest.raises(Fault) as caught:
        await again.inbox.show(LI, 1, 0)
    assert caught.value.code == "person.forgotten"
    sender = await again.connect()
    sender.send(framed(hl7("C1")))
    (ack,) = await sender.acks(1)
    assert ack[1].startswith("MSA|AR|C1|hl7.reused: ")
