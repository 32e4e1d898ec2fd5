"""What 2601 may not name waits for the file of its night, over the real engine, journal and store; the file ends it."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
from attrs import evolve
from twisted.internet import reactor

from middleware.domain.centre import Call
from middleware.domain.pursuit import Source
from middleware.domain.statement import Slice, Verdict
from middleware.engine.tasks import sleep
from tests.support.day import AGENCY, TZ, play

UNNAMED = {"reversible": frozenset(), "query_visits": True, "file_at": dt.time(2, 30)}
SLICES = (Slice("310", "11", AGENCY),)
NIGHT = dt.datetime(2026, 11, 19, 2, 30, tzinfo=TZ)


async def waiting(day, sid):
    """The settlement, when it waits for the file."""
    for _ in range(2000):
        s = await day.of(sid)
        if s.pursuit is not None and s.pursuit.asking is Source.FILE:
            return s
        await sleep(reactor, 0.005)
    raise AssertionError("it never waited for the file")


def numbered(day):
    """The centre writes its numbers beside what only it has, too."""

    def spoil(rows):
        known = {(row.message_id, row.refund): row.number for row in day.centre.rows}
        return [
            evolve(row, settlement_number=known[row.message_id, row.refund]) if row.verdict is Verdict.ONLY_THERE else row
            for row in rows
        ]

    return spoil


@pytest.mark.parametrize("call", [Call.SETTLE, Call.CANCEL])
@pytest_twisted.ensureDeferred
async def test_a_lost_answer_waits_for_the_night_and_is_what_the_file_says(store_url, call):
    async def test(day):
        if call is Call.SETTLE:
            day.centre.loses.append(Call.SETTLE)
            sid = await day.settled("1")
        else:
            sid = await day.settled("1")
            day.centre.loses.append(Call.CANCEL)
            await day.cancelled(sid)
        s = await waiting(day, sid)
        assert (s.state, s.unknown_call, s.next_due) == ("Unknown", call, NIGHT)
        assert len(day.centre.calls(Call.QUERY_VISITS)) == 1

        day.centre.spoil = numbered(day)
        day.next_night()
        run = await day.compared()
        s = await day.of(sid)

        assert run.state == "balanced"
        assert s.pursuit is None
        assert s.state in ({"Settled", "Delivered"} if call is Call.SETTLE else {"Cancelled"})
        assert day.centre.calls(Call.REVERSE) == []

    await play(test, adopt_listed=True, slices=SLICES, **UNNAMED)(store_url)


@pytest_twisted.ensureDeferred
async def test_what_is_in_no_file_was_never_done(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.loses.append(Call.SETTLE)
        sid = await day.settled("2")
        day.centre.rows.pop()
        await waiting(day, sid)

        day.next_night()
        await day.compared()

        assert (await day.of(sid)).state == "Reversed"

    await play(test, slices=SLICES, **UNNAMED)(store_url)


@pytest_twisted.ensureDeferred
async def test_what_the_file_lists_and_nobody_may_undo_or_adopt_is_a_persons_and_said_aloud(store_url):
    async def test(day):
        alarms = []
        day.rig.engine._leave = _heard(day.rig.engine._leave, alarms)
        day.centre.loses.append(Call.SETTLE)
        sid = await day.settled("1")
        await waiting(day, sid)

        day.next_night()
        await day.compared()
        s = await day.of(sid)

        assert (s.state, s.finding.difference) == ("Manual", "only-there")
        assert alarms == ["Manual"]
        shown = await day.rig.desk.show(sid)
        assert (shown["pursuit"]["doing"], shown["difference"]["class"]) == ("person", "only-there")

    await play(test, slices=SLICES, **UNNAMED)(store_url)


def _heard(leave, alarms):
    def hears(visit_id, work):
        alarms.extend(record.after for record in work.records if record.after == "Manual" != record.before)
        return leave(visit_id, work)

    return hears
