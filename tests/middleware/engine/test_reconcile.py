"""The day's run over the real engine, journal and store; the centre is a fake with books of its own."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred

from middleware.domain import centre as c
from middleware.domain.centre import Call
from middleware.domain.decision import Decision, Evidence, EvidenceKind
from middleware.domain.decision import Verdict as Decided
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.statement import Refunds, Slice, StatementRules, Verdict, totals_of
from middleware.store import tables as t
from tests.support.day import AGENCY, FAST, LI, WANG, Day, Row, journal, play
from tests.support.fakes import TZ


@pytest_twisted.ensureDeferred
async def test_a_day_of_which_both_say_the_same_balances_by_totals_alone(store_url):
    async def test(day):
        await day.settled("1")
        await day.cancelled(await day.settled("2"))
        day.next_night()
        run = await day.compared()

        assert (run.state, run.round, run.differences, run.fault) == ("balanced", 1, 0, "")
        assert {type(one) for one in day.centre.asked} == {c.CompareTotals}
        told = day.centre.asked[0]
        assert (told.slice, told.totals.count) == (Slice("310", "11", AGENCY), 3)
        assert len(journal(day, "SliceEqual")) == 1
        assert [row.state for row in [day.store.newest_run(run.day)]] == ["balanced"]

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_invariant_15_the_totals_sent_are_the_days_own_and_files_explain_every_fen_of_a_difference(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.rows.append(Row("M-stranger", "SETL99", day.centre.day(), Money(777), Money(7), Money(0)))
        day.centre.rows[0].total = Money(9000)
        day.next_night()
        run = await day.compared()

        assert run.state == "open"
        sent = next(one for one in day.centre.asked if isinstance(one, c.CompareTotals)).totals
        uploaded = next(one for one in day.centre.asked if isinstance(one, c.UploadFile)).rows
        assert sent == totals_of(uploaded)
        theirs = day.centre._sums(day.centre._of(run.day, Refunds.TOGETHER))
        explained = journal(day, "DifferencesFound")[0]
        assert f'"total":{theirs[0] - sent.total.fen}' in explained
        assert f'"count":{theirs[3] - sent.count}' in explained
        rows = day.store.rows(run.run_id, run.round, 0, 10)
        assert [(row.difference, row.resolution, row.settlement_id == "") for row in rows] == [
            ("amounts", "person", False), ("only-there", "person", True)
        ]  # fmt: skip

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_lost_answers_are_found_by_message_id_and_resolved_and_the_next_run_is_empty(store_url):
    async def test(day):
        day.centre.loses = [Call.SETTLE]
        lost = await day.settled("1")
        kept = await day.settled("2")
        day.centre.loses = [Call.CANCEL]
        await day.cancelled(kept)
        assert (await day.of(lost)).state == (await day.of(kept)).state == "Unknown"
        day.next_night()
        run = await day.compared()

        assert (run.state, run.resolved) == ("balanced", 2)
        assert (await day.of(lost)).state == "Reversed"
        assert (await day.of(kept)).state == "Delivered"
        again = await day.compared()
        assert (again.state, again.round, again.resolved) == ("balanced", 1, 0)
        assert len(day.centre.calls(Call.REVERSE)) == 2

    await play(test, first_check_s=1e6, processing_limit_s=60)(store_url)


@pytest_twisted.ensureDeferred
async def test_lost_answers_are_adopted_where_the_region_says_so_and_the_his_hears_of_them(store_url):
    async def test(day):
        day.centre.loses = [Call.SETTLE]
        lost = await day.settled("1")
        day.centre.spoil = lambda rows: [
            evolve(row, settlement_number="SETL1") if row.verdict is Verdict.ONLY_THERE else row for row in rows
        ]
        day.next_night()
        run = await day.compared()

        s = await day.of(lost)
        assert (run.state, s.settled.settlement_number, s.settled.settled_at.date()) == ("balanced", "SETL1", run.day)
        assert day.centre.calls(Call.REVERSE) == []

    settings = {"first_check_s": 1e6, "processing_limit_s": 60, "adopt_listed": True}
    await play(test, slices=(Slice("310", "11", AGENCY),), **settings)(store_url)


@pytest_twisted.ensureDeferred
async def test_what_no_file_lists_was_never_done(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.loses = [Call.SETTLE]
        absent = await day.settled("2")
        day.centre.rows.pop()
        day.next_night()
        run = await day.compared()

        assert (run.state, (await day.of(absent)).state) == ("balanced", "Reversed")
        assert day.centre.calls(Call.REVERSE) == []
        assert "CentreListedAbsent" in journal(day, "CentreListedAbsent")[0]

    await play(test, first_check_s=1e6, processing_limit_s=60)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_file_that_ends_before_what_only_the_centre_has_proves_no_absence(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.loses = [Call.SETTLE, Call.SETTLE]
        lost = [await day.settled("2"), await day.settled("3")]
        day.centre.spoil = lambda rows: rows[:-1]
        day.next_night()
        await day.compared()

        for sid in lost:
            held = day.centre.of((await day.of(sid)).settle_message_id)
            assert ((await day.of(sid)).state == "Reversed") == (not held)
        assert journal(day, "CentreListedAbsent") == []

    await play(test, first_check_s=1e6, processing_limit_s=60)(store_url)


@pytest_twisted.ensureDeferred
async def test_what_can_belong_to_two_days_is_absent_only_when_the_files_of_both_say_so(store_url):
    async def test(day):
        await day.settled("1")
        day.set_to(dt.datetime(2026, 11, 18, 23, 59, 30, tzinfo=TZ))
        day.centre.loses = [Call.SETTLE]
        doubtful = await day.settled("2")
        day.centre.rows.pop()
        first = dt.date(2026, 11, 18)
        day.set_to(dt.datetime(2026, 11, 19, 2, 30, tzinfo=TZ))
        await day.compared(first)
        assert (await day.of(doubtful)).state == "Unknown"
        day.next_night()
        day.centre.asked.clear()
        await day.compared(first + dt.timedelta(days=1))

        assert (await day.of(doubtful)).state == "Reversed"
        assert {one.period.first.day for one in day.centre.asked if isinstance(one, c.CompareDetail)} == {18, 19}

    await play(test, first_check_s=1e6, processing_limit_s=60)(store_url)


@pytest_twisted.ensureDeferred
async def test_where_it_is_not_known_under_which_key_such_care_is_cleared_no_file_proves_absence(store_url):
    async def test(day):
        day.centre.loses = [Call.SETTLE]
        doubtful = await day.settled("1")
        day.centre.rows.pop()
        day.next_night()
        run = await day.compared()

        assert (run.state, (await day.of(doubtful)).state) == ("balanced", "Unknown")

    await play(test, first_check_s=1e6, processing_limit_s=60)(store_url)


@pytest_twisted.ensureDeferred
async def test_invariant_13_an_orphan_is_reversed_and_what_we_call_cancelled_too(store_url):
    async def test(day):
        kept, half = await day.settled("1"), await day.settled("2")
        await day.cancelled(half)
        day.centre.rows.pop()  # the refund
        day.centre.loses = [Call.SETTLE]
        orphan = await day.settled("3")
        approved_late = day.centre.rows.pop()
        await day.until(orphan, "Reversed")
        day.centre.rows.append(approved_late)
        day.next_night()
        run = await day.compared()

        assert (run.state, run.resolved) == ("balanced", 2)
        assert (await day.of(half)).state == (await day.of(orphan)).state == "Reversed"
        assert [row.message_id for row in day.centre.rows] == [(await day.of(kept)).settle_message_id]
        assert [row.resolution for row in day.store.rows(run.run_id, 1, 0, 9)] == ["reverse", "reverse"]

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_money_that_only_we_hold_waits_at_the_desk_with_its_evidence_until_two_persons_or_the_centre_say(store_url):
    async def test(day):
        alone, other = await day.settled("1"), await day.settled("2")
        missing = day.centre.rows.pop(0)
        day.next_night()
        run = await day.compared()

        assert (run.state, run.differences) == ("open", 1)
        page = await day.rig.desk.list("", 10)
        assert [row["settlement_id"] for row in page["rows"]] == [alone]
        shown = page["rows"][0]["difference"]
        row = day.store.rows(run.run_id, run.round, 0, 10)[0]
        assert (shown["class"], shown["day"], shown["file_digest"], shown["line"]) == (
            "only-here", run.day.isoformat(), row.file_digest, row.line,
        )  # fmt: skip
        assert len(row.file_digest) == 64

        day.centre.rows.append(missing)
        assert (await day.compared()).state == "balanced"
        assert (await day.rig.desk.list("", 10))["rows"] == []

        day.centre.rows.remove(missing)
        await day.compared()
        evidence = Evidence(EvidenceKind.LETTER, "letter 7")
        undone = Decision(Decided.CANCELLED, "SETL1C", day.rig.now())
        proposal = (await day.rig.desk.propose(LI, alone, undone, evidence))["proposal"]["proposal"]
        await day.rig.desk.approve(WANG, alone, proposal)
        assert (await day.of(alone)).state == "Cancelled"
        assert (await day.of(other)).finding is None

    await play(test)(store_url)


@pytest.mark.parametrize("spoilt", ["half", "stranger", "contradiction", "refused"])
@pytest_twisted.ensureDeferred
async def test_a_file_that_is_no_answer_is_refused_whole_and_nothing_is_applied(store_url, spoilt):
    async def test(day):
        day.centre.loses = [Call.SETTLE]
        lost = await day.settled("1")
        await day.settled("2")
        await day.settled("3")
        if spoilt == "half":
            day.centre.spoil = lambda rows: [row for row in rows if row.verdict is Verdict.ONLY_THERE] + rows[:1]
        elif spoilt == "stranger":
            day.centre.spoil = lambda rows: [*rows, evolve(rows[0], settlement_number="SETL9", message_id="M9")]
        elif spoilt == "contradiction":
            day.centre.spoil = lambda rows: [row for row in rows if row.verdict is Verdict.EQUAL]
        else:
            day.centre.bad_file = c.FileRefused("statement.zip", "x.zip: truncated", "d" * 64, b"half")
        before = await day.of(lost)
        day.next_night()
        run = await day.compared()

        expected = "statement.zip" if spoilt == "refused" else "reconcile.incomplete"
        assert (run.state, run.fault, run.resolved) == ("failed", expected, 0)
        assert await day.of(lost) == before
        assert day.store.rows(run.run_id, 1, 0, 10) == []
        day.centre.spoil = day.centre.bad_file = None
        assert (await day.compared()).state == "balanced"

    await play(test, first_check_s=1e6, processing_limit_s=60)(store_url)


@pytest_twisted.ensureDeferred
async def test_what_left_the_centres_books_between_totals_and_file_is_no_contradiction(store_url):
    """A reversal whose answer is out takes effect while the day is compared."""

    async def test(day):
        day.centre.loses = [Call.SETTLE]
        await day.settled("1")
        await day.settled("2")
        day.next_night()
        real = day.centre.send

        async def send(call, on_first_byte, on_late_reply):
            if call.call == Call.UPLOAD_FILE:
                day.centre.rows = [row for row in day.centre.rows if row.number != "SETL1"]
            return await real(call, on_first_byte, on_late_reply)

        day.centre.send = send
        run = await day.compared()

        assert (run.fault, run.differences) == ("", 0)
        assert len(day.centre.calls(Call.COMPARE_TOTALS)) >= 2
        with day.rig.database.connect() as connection:
            totals = connection.execute(
                sa.select(t.reconcile_totals).where(t.reconcile_totals.c.run_id == run.run_id)
            ).all()
        assert all(row.equal for row in totals)

    await play(test, first_check_s=1e6, processing_limit_s=60)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_result_that_is_not_ready_is_asked_for_again_and_a_lost_answer_under_a_new_message_id(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.rows[0].total = Money(1)
        day.centre.not_ready, day.centre.loses = 2, [Call.COMPARE_TOTALS]
        day.next_night()
        run = await day.compared()

        assert (run.state, run.fault) == ("open", "")
        asked = [message_id for message_id, call, _ in day.centre.sent if call is Call.COMPARE_TOTALS]
        assert len(asked) == len(set(asked)) == 2
        assert len(day.centre.calls(Call.COMPARE_DETAIL)) == 3

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_centre_that_does_not_answer_ends_the_run_and_nothing_is_applied(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.loses = [Call.COMPARE_TOTALS] * 3
        day.next_night()
        run = await day.compared()

        assert (run.state, run.fault) == ("failed", "centre.no_answer")
        assert (await day.compared()).state == "balanced"

    await play(test)(store_url)


@pytest.mark.parametrize("known", ["310", "390"])
@pytest_twisted.ensureDeferred
async def test_what_the_centre_did_beyond_its_limit_is_found_whatever_kinds_of_insurance_are_known(store_url, known):
    """Reversed as not found, carried out an hour later: found by the simulator (hostile, seed 528)."""

    async def test(day):
        day.centre.loses = [Call.SETTLE]
        lost = await day.settled("1")
        late = day.centre.rows.pop()
        await day.until(lost, "Reversed")
        day.centre.rows.append(late)
        day.next_night()
        run = await day.compared()

        assert (run.state, run.resolved) == ("balanced", 1)
        assert (await day.of(lost)).state == "Reversed"
        assert day.centre.rows == [], "it was reversed by its message id"

    await play(test, slices=(Slice(known, "11", AGENCY),), processing_limit_s=0.0)(store_url)


@pytest_twisted.ensureDeferred
async def test_a_centre_that_compares_nothing_of_a_kind_that_was_guessed_may_say_so(store_url):
    async def test(day):
        day.centre.loses = [Call.SETTLE]
        lost = await day.settled("1")
        day.centre.rows.pop()
        await day.until(lost, "Reversed")
        day.centre.unknown_kinds = ("310",)
        day.next_night()
        run = await day.compared()

        assert (run.state, run.fault) == ("balanced", "")
        assert [one.slice.insurance for one in day.centre.asked] == ["390", "310"]
        day.reconciler._rules = evolve(day.rules, slices=(Slice("310", "11", AGENCY),))  # by configuration it must be there
        assert (await day.compared()).fault == "centre.refused"

    await play(test, slices=(Slice("390", "11", AGENCY),), processing_limit_s=0.0)(store_url)


@pytest_twisted.ensureDeferred
async def test_one_run_at_a_time_and_never_of_a_day_that_is_not_over(store_url):
    async def test(day):
        await day.settled("1")
        for when in (day.rig.now(), day.rig.now().replace(hour=1) + dt.timedelta(days=1)):
            today = dt.date(2026, 11, 18)
            day.set_to(when)
            with pytest.raises(Fault) as caught:
                await day.reconciler.begin(today)
            assert caught.value.code == "reconcile.too_early"
        day.set_to(dt.datetime(2026, 11, 19, 2, 30, tzinfo=TZ))
        first = day.reconciler.run(dt.date(2026, 11, 18))
        running = ensureDeferred(first)
        with pytest.raises(Fault) as caught:
            await day.reconciler.begin(dt.date(2026, 11, 18))
        assert caught.value.code == "reconcile.running"
        assert (await running).state == "balanced"

    await play(test)(store_url)


@pytest.mark.parametrize("at", range(1, 12))
@pytest_twisted.ensureDeferred
async def test_a_crash_at_any_question_of_a_run_is_repeated_whole_and_moves_nothing_twice(store_url, at):
    day = await Day(store_url, first_check_s=1e6, processing_limit_s=60).start()
    day.centre.loses = [Call.SETTLE]
    lost = await day.settled("1")
    await day.settled("2")
    day.next_night()
    reached, real, count = Deferred(), day.centre.send, [0]

    async def send(call, on_first_byte, on_late_reply):
        count[0] += 1
        if count[0] == at:
            reached.callback(None)
            await Deferred()  # for ever: the process is gone
        return await real(call, on_first_byte, on_late_reply)

    day.centre.send = send
    running = ensureDeferred(day.reconciler.run(dt.date(2026, 11, 18)))
    running.addBoth(lambda result: reached.called or reached.callback(None))
    await reached
    await day.rig.crash()
    day.centre.send = real
    await day.start()
    try:
        run = await day.compared(dt.date(2026, 11, 18))

        assert run.state == "balanced"
        assert (await day.of(lost)).state == "Reversed"
        assert [len(day.centre.of(row.message_id)) for row in day.centre.rows] == [1]
        assert day.store.running() == []
    finally:
        await day.stop()


@pytest.mark.parametrize("answered", [True, False])
@pytest_twisted.ensureDeferred
async def test_a_reversal_on_its_way_while_the_day_is_compared_is_waited_for_and_compared_again(store_url, answered):
    day = await Day(store_url, first_check_s=1e6, processing_limit_s=60).start()
    day.centre.loses = [Call.SETTLE]
    lost = await day.settled("1")
    await day.settled("2")  # by which the slice is known
    day.next_night()
    sent, again, compared, real = Deferred(), Deferred(), Deferred(), day.centre.send

    async def never(call, on_first_byte, on_late_reply):
        if call.call is Call.REVERSE:
            sent.callback(None)
            await Deferred()  # for ever: the process is gone
        return await real(call, on_first_byte, on_late_reply)

    async def late(call, on_first_byte, on_late_reply):
        if call.call is Call.REVERSE:
            again.callback(None)
            await (compared if answered else Deferred())
        outcome = await real(call, on_first_byte, on_late_reply)
        if call.call is Call.DOWNLOAD_FILE and not compared.called:
            reactor.callLater(0.05, compared.callback, None)  # the rows of the first comparison say: still there
        return outcome

    day.centre.send = never
    ensureDeferred(day.reconciler.run(dt.date(2026, 11, 18))).addErrback(lambda failure: None)
    await sent
    await day.rig.crash()
    day.centre.send = late
    day.patience = evolve(FAST, rest_s=5.0 if answered else 0.05)
    await day.start()
    try:
        await again
        run = await day.compared(dt.date(2026, 11, 18))

        expected = ("balanced", 2, 0, "Reversed") if answered else ("open", 1, 1, "ReversalIntended")
        assert (run.state, run.round, run.differences, (await day.of(lost)).state) == expected
    finally:
        await day.stop()


@pytest_twisted.ensureDeferred
async def test_where_refunds_are_asked_apart_both_parts_are_compared(store_url):
    async def test(day):
        await day.cancelled(await day.settled("1"))
        day.centre.rows[1].fund = Money(0)
        day.next_night()
        run = await day.compared()

        parts = [(one.refunds, one.totals.count) for one in day.centre.asked if isinstance(one, c.CompareTotals)]
        assert parts == [(Refunds.LEFT_OUT, 1), (Refunds.ALONE, 1)]
        assert (run.state, run.differences) == ("open", 1)
        assert [one.totals.count for one in day.centre.asked if isinstance(one, c.CompareDetail)] == [1]

    await play(test, rules=StatementRules(refunds_apart=True))(store_url)


@pytest_twisted.ensureDeferred
async def test_a_centre_without_rows_leaves_a_difference_of_totals_to_a_person(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.rows[0].total = Money(1)
        day.next_night()
        run = await day.compared()

        assert (run.state, run.differences) == ("open", 1)
        totals = day.store.totals(run.run_id, 1)
        assert [(row.equal, row.total_fen) for row in totals] == [(False, 10100)]
        assert {type(one) for one in day.centre.asked} == {c.CompareTotals}

    await play(test, rules=StatementRules(detail=False))(store_url)


@pytest_twisted.ensureDeferred
async def test_the_files_are_kept_and_no_person_stands_in_what_is_not_sealed(store_url):
    async def test(day):
        await day.settled("1")
        day.centre.rows[0].total = Money(1)
        day.next_night()
        run = await day.compared()

        files = day.store.files(run.run_id)
        assert [(file.way, file.rows, len(file.digest)) for file in files] == [("sent", 1, 64), ("received", 1, 64)]
        assert day.store.content(run.run_id, 2) == b"zip"
        with day.rig.database.connect() as connection:
            for table in ("journal", "reconcile_row", "reconcile_run", "reconcile_totals", "reconcile_file"):
                assert "P1" not in str(connection.exec_driver_sql(f"SELECT * FROM {table}").all()).split("'")

    await play(test)(store_url)
