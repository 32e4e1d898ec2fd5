"""The doors of a real daemon, by every role and by strangers; and its end by SIGTERM in the middle of a settlement."""

from __future__ import annotations

import datetime as dt
import json
import signal
import socket
import sys
from decimal import Decimal

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from clients.python.yikatong_client import ApiError, connect
from daemon.demo.counter import CHINA
from middleware.doors.local_api.methods import METHODS
from simulators.stage import ROLES, ROOT, Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, bounded, in_thread, program, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    stage = Stage(reactor, tmp_path_factory.mktemp("doors"), settings={"local_api": {"stop_grace_s": 1.0}})
    try:
        await stage.start()
        made = Hospital(stage)
        await made.insert("employee")
        for _ in range(4):
            await made.settled()
        yield made
    finally:
        await stage.stop()


@pytest.mark.parametrize("unix", [True, False])
@pytest_twisted.ensureDeferred
async def test_both_sockets_lead_to_the_same_business(hospital, unix):
    quote = await hospital.settled()

    view = await hospital.call("settlement.get", {"settlement_id": quote["settlement_id"]}, unix=unix)

    assert (view["state"], view["money"], view["delivered"]) == ("Delivered", "charged", True)


@pytest_twisted.ensureDeferred
async def test_a_settlement_is_explained_to_the_fen_by_the_centres_own_verdicts(hospital):
    settled = await hospital.settled()

    told = await hospital.call("settlement.explain", {"settlement_id": settled["settlement_id"]})
    split = (await hospital.call("settlement.get", {"settlement_id": settled["settlement_id"]}))["settled"]["split"]

    assert sum(Decimal(one["amount"]) for one in told["payers"]) == Decimal(split["total"])
    borne = ("self_paid", "over_limit", "first_self_paid")
    of_items = {code: sum(_amounts(told, code)) for code in borne}
    assert of_items == {code: Decimal(split[code]) for code in borne}
    assert any(of_items.values())
    assert {one["line_id"] for one in told["items"]} <= {line["line_id"] for line in hospital.bill(told)["lines"]}


def _amounts(told, code):
    return [Decimal(part["amount"]) for one in told["items"] for part in one["reasons"] if part["code"] == code]


@pytest.mark.parametrize("unix", [True, False])
@pytest_twisted.ensureDeferred
async def test_a_wrong_token_opens_nothing_and_three_close_the_connection(hospital, unix):
    def work():
        where = {"unix": hospital.stage.unix_path} if unix else {"port": hospital.stage.api_port}
        codes = []
        with connect(**where) as client:
            try:
                client.call("reader.list")
            except ApiError as error:
                codes.append(error.code)
            for _ in range(3):
                try:
                    client.hello("0" * 48)
                except ApiError as error:
                    codes.append(error.code)
            try:
                client.call("reader.list")
            except (OSError, ApiError) as error:
                codes.append("closed" if isinstance(error, OSError) else error.code)
        return codes

    assert await in_thread(work) == ["access.no_session", *["access.bad_token"] * 3, "closed"]


@pytest.mark.parametrize("role", ROLES)
@pytest_twisted.ensureDeferred
async def test_a_role_may_what_the_table_says_and_nothing_else(hospital, role):
    allowed = {name for name, method in METHODS.items() if role in {str(r) for r in method.roles}}
    refused = {}
    for name in set(METHODS) - {"session.hello"} - allowed:
        refused[name] = (await hospital.fault(name, role=role)).code
    heard = {}
    for name in allowed - {"session.hello"}:
        how = await hospital.end(name, role=role)
        heard[name] = how[0] if isinstance(how, tuple) else "answered"

    await hospital.insert("employee")  # a card that a step of the old driver still holds open goes

    assert set(refused.values()) <= {"access.role"}
    assert "access.role" not in heard.values()
    assert set(heard.values()) <= {"answered", "request.bad_params", "request.not_found"}


@pytest_twisted.ensureDeferred
async def test_a_terminal_sells_counts_and_cancels_its_own_and_no_other(hospital):
    h = hospital
    others = await h.settled("his")
    mine = await h.settled("pos")
    today = dt.datetime.now(CHINA)
    span = {name: (today + dt.timedelta(days=d)).isoformat() for name, d in (("since", -1), ("until", 1))}
    before = await h.call("shift.totals", span, role="pos")

    refused = await h.fault("settlement.cancel", h.undoing(others), role="pos")
    cancelled = await h.call("settlement.cancel", h.undoing(mine), role="pos")
    after = await h.call("shift.totals", span, role="pos")

    assert refused.code == "access.not_yours"
    assert cancelled["state"] == "Cancelled"
    assert (before["settled"]["count"], before["cancelled"]["count"]) == (1, 0)
    assert (after["settled"]["count"], after["cancelled"]["count"]) == (1, 1)
    assert before["settled"]["total"] == mine["split"]["total"]
    masked = (await h.read("pos"))["holder"]
    assert "*" in masked["id_number"]
    assert masked["birth_date"] == ""


@pytest_twisted.ensureDeferred
async def test_invariant_16_a_terminal_closes_its_batch_on_the_socket_and_a_later_cancel_is_in_the_next(hospital):
    h = hospital
    start = await h.call("shift.close", {"request_id": "batch-0", "allow_empty": True}, role="pos")
    mine = await h.settled("pos")
    one = await h.call("shift.close", {"request_id": "batch-1"}, role="pos")
    read = await h.call("shift.get", {"number": one["number"]}, role="pos")
    await h.call("settlement.cancel", h.undoing(mine), role="pos")
    two = await h.call("shift.close", {"request_id": "batch-2"}, role="pos")
    empty = await h.fault("shift.close", {"request_id": "batch-3"}, role="pos")

    assert await h.call("shift.close", {"request_id": "batch-1"}, role="pos") == one
    assert await h.call("shift.get", {"number": one["number"]}, role="pos") == read
    assert [one["number"], two["number"]] == [start["number"] + 1, start["number"] + 2]
    assert read["batch"] == one
    assert [(row["kind"], row["settlement_id"]) for row in read["rows"]] == [("settled", mine["settlement_id"])]
    assert (one["settled"]["total"], two["cancelled"]["total"]) == (mine["split"]["total"],) * 2
    assert empty.code == "shift.empty"


@pytest_twisted.ensureDeferred
async def test_the_feed_is_gapless_and_read_again_byte_for_byte_and_the_bureaus_own_script_verifies_it(hospital, tmp_path):
    h = hospital
    _, once = await h.feed(limit=2)
    await h.settled()
    rows, twice = await h.feed(limit=2)
    token = tmp_path / "token"
    token.write_text(h.stage.tokens["bureau"])
    script = str(ROOT / "clients/python/verify_feed.py")
    site = f"http://127.0.0.1:{h.stage.http_port}"

    status, said = await program(sys.executable, script, site, "--token-file", token, "--limit", "2")

    assert len(once) >= 2
    assert twice[: len(once)] == once
    assert [row["sequence"] for row in rows] == list(range(1, len(rows) + 1))
    assert (status, said.strip()) == (0, f"verified: {len(rows)} rows, head {rows[-1]['hash']}")
    for role in ("", "his", "pos"):
        assert (await h.get("/feed/v1/settlements?after=0", role=role))[0] in {401, 403}, role


@pytest_twisted.ensureDeferred
async def test_metrics_tell_of_settlements_and_name_nobody(hospital):
    status, body = await hospital.get("/metrics")
    text = body.decode()

    assert status == 200
    for name in ("unknown", "unknown_oldest_seconds", "manual", "requests_total", "duration_seconds_bucket"):
        assert f"\nyikatong_settlement_{name}" in text, name
    assert 'yikatong_settlement_requests_total{method="settlement.settle",outcome="ok"}' in text
    assert 'yikatong_centre_calls_total{call="2207",outcome="answered"}' in text
    secrets = [p.id_number for p in hospital.stage.centre.business.people.values()]
    assert not [one for one in secrets if one in text]


async def parts(h):
    """The conditions that /health/full tells, and its status."""
    status, body = await h.get("/health/full")
    told = json.loads(body)
    return status, {part["part"]: part for part in told["parts"]}, told["broken"]


async def until_part(h, name, condition):
    """The part once it is in that condition."""

    def look():
        with connect(port=h.stage.api_port) as client:
            client.hello(h.stage.tokens["operator"])
            told = {part["part"]: part for part in client.call("system.status")["parts"]}[name]
        return told if told["condition"] == condition else None

    return await until(look, f"{name} never {condition}")


@pytest_twisted.ensureDeferred
async def test_health_names_the_his_when_it_is_gone_and_forgets_it_when_it_is_back(hospital):
    h = hospital
    await h.stage.his.stop()
    part = await until_part(h, "his", "down")
    status, _, broken = await parts(h)
    h.stage.his.start()
    await until_part(h, "his", "good")

    assert (part["fault"], status, broken) == ("his.unreachable", 503, ["his"])
    assert part["zh"]
    assert part["do_zh"]
    assert (await h.get("/health/live"))[0] == 200
    assert (await parts(h))[2] == []


@pytest_twisted.ensureDeferred
async def test_health_names_the_centre_when_it_is_gone_and_forgets_it_when_it_answers_again(hospital):
    h = hospital
    order = await h.registration()
    await h.stage.centre.stop()
    error = await h.fault("patient.register", order)
    status, told, broken = await parts(h)
    h.stage.centre.start()
    visit = await h.call("patient.register", order)

    assert (error.code, error.data["money"], error.data["retry"]) == ("centre.unreachable", "no", "same-key")
    assert (told["centre"]["fault"], status, broken) == ("centre.unreachable", 503, ["centre"])
    assert visit["status"] == "registered"
    assert (await parts(h))[1]["centre"]["condition"] == "good"


@pytest_twisted.ensureDeferred
async def test_whoever_reads_the_log_may_die_and_money_and_a_stop_in_order_go_on(hospital):
    h = hospital
    transport = h.stage.daemon.transport
    transport.closeStdout()
    transport.closeStderr()  # from now on each line that the daemon writes is an error

    quote = await h.quote()
    h.stage.centre.faults.next("2207", "lose-reply")
    error = await h.fault("settlement.settle", h.confirmation(quote))
    view = await h.until(quote["settlement_id"], "Reversed")
    settled = await h.settled()
    status = await bounded(ensureDeferred(h.stage.kill(signal.SIGTERM)))

    assert (error.code, view["money"]) == ("settlement.outcome_unknown", "reversed")
    assert settled["state"] == "Quoted"
    assert status == 0
    await h.restart()
    await invariants.check(h)


@pytest_twisted.ensureDeferred
async def test_sigterm_with_a_2207_in_flight_ends_in_time_with_0_and_the_doubt_is_resolved_by_the_next_life(hospital):
    """Invariant 25."""
    h = hospital
    quote = await h.quote()
    order = h.confirmation(quote)
    hold = h.stage.centre.holds.next("2207", "processed")
    caller = h.end("settlement.settle", order)
    ended = ensureDeferred(caller)
    await bounded(hold.reached)

    status = await bounded(ensureDeferred(h.stage.kill(signal.SIGTERM)))
    how = await cut_or_refused(ended)
    left = h.row("settlement", settlement_id=quote["settlement_id"])
    message = h.row("message", message_id=left["message_id"])
    hold.lose()

    assert status == 0
    assert (left["state"], message["outcome"]) == ("Unknown", "unknown stopping")
    assert how in {"cut", "settlement.outcome_unknown", "settlement.busy"}
    await h.restart()
    view = await h.until(quote["settlement_id"], "Reversed")
    assert view["money"] == "reversed"
    assert (await h.fault("settlement.settle", order)).code == "settlement.reversed"
    await h.until_quiet()
    invariants.all_books_agree(await invariants.check(h))


async def cut_or_refused(ended):
    try:
        how = await ended
    except OSError:
        return "cut"
    return how[0]


@pytest_twisted.ensureDeferred
async def test_what_is_asked_while_stopping_is_refused_and_not_begun(hospital):
    h = hospital
    quote = await h.quote()
    hold = h.stage.centre.holds.next("2206", "arrived")
    slow = h.bill(await h.visit())
    caller = h.call("settlement.quote", slow)
    caller.addErrback(lambda failure: failure.trap(OSError, ApiError))
    await bounded(hold.reached)
    intents = len(h.rows("message"))
    h.stage.daemon.signal(signal.SIGTERM)
    try:
        how = await cut_or_refused(h.end("settlement.settle", h.confirmation(quote)))
    except ConnectionError:
        how = "cut"
    await h.stage.daemon.exited
    hold.lose()
    await caller

    assert how in {"cut", "system.stopping"}
    assert len(h.rows("message")) == intents
    await h.restart()
    assert (await h.call("settlement.quote", slow))["state"] == "Quoted"
    await invariants.check(h)


def test_the_database_and_the_socket_are_nobody_elses_business(hospital):
    assert hospital.stage.database.stat().st_mode & 0o077 == 0
    assert hospital.stage.unix_path.stat().st_mode & 0o007 == 0
    with socket.socket() as probe:
        probe.settimeout(2)
        mine = [a for a in _own_addresses() if not a.startswith("127.")]
        for address in mine:
            assert probe.connect_ex((address, hospital.stage.api_port)) != 0


def _own_addresses():
    try:
        return {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    except OSError:
        return set()


def test_the_run_leaves_no_core_and_no_stranger_file_in_its_folder(hospital):
    names = {path.name for path in hospital.stage.directory.iterdir()}
    assert names <= {
        "api.sock",
        "daemon.log",
        "master.key",
        "yikatong.db",
        "yikatong.db.lock",
        "yikatong.db-shm",
        "yikatong.db-wal",
        "yikatong.toml",
    }
