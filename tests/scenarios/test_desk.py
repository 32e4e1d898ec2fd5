"""The manual desk on real wires: replies are lost, reversals refused, and two persons bring the books together again."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import secrets

import pytest
import pytest_twisted
from twisted.internet import reactor

from clients.python.yikatong_client import ApiError, connect
from simulators.centre.ledger import State
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import Hospital, run, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

CHECKER = "desk-wang"
FINAL = ("Delivered", "Reversed", "Cancelled")
REFUSED = {"code": "2614", "text": "请到窗口办理"}


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    token = secrets.token_hex(24)
    digest = hashlib.sha256(token.encode()).hexdigest()
    settings = {f"accounts.{CHECKER}": {"role": "operator", "token_sha256": digest}}
    settings["reconcile"] = {"slices": ["310/11/999900"], "enabled": False}
    stage = Stage(reactor, tmp_path_factory.mktemp("desk"), settings=settings)
    stage.tokens[CHECKER] = token
    try:
        await stage.start()
        stage.centre.faults.always("2601", "refuse", **REFUSED)
        made = Hospital(stage)
        await made.insert("employee")
        yield made
    finally:
        await stage.stop()


async def handed_over(h, call, action):
    """A settlement whose 2207, or whose cancel's 2208, got lost and may not be reversed: its quote."""
    if call == "2208":
        quote = await h.settled()
        h.stage.centre.faults.next(call, action)
        error = await h.fault("settlement.cancel", h.undoing(quote))
    else:
        quote = await h.quote()
        h.stage.centre.faults.next(call, action)
        error = await h.fault("settlement.settle", h.confirmation(quote))
    assert error.code == "settlement.outcome_unknown"
    await h.until(quote["settlement_id"], "Manual")
    return quote


def at_the_centre(h, quote):
    """What the centre's clerk reads out: its own record of the settlement, or None."""
    rows = [s for s in h.stage.centre.ledger.settlements if s.batch.startswith(quote["settlement_id"])]
    return rows[-1] if rows else None


def decision_of(h, quote, decision):
    params = {
        "settlement_id": quote["settlement_id"],
        "decision": decision,
        "evidence": {"kind": "telephone", "reference": "结算科 17 号来电"},
    }
    held = at_the_centre(h, quote)
    if decision == "settled":
        amounts = {name: getattr(held.bill, name).yuan for name in ("total", "fund", "account", "cash", "hospital")}
        params |= {"centre_number": held.settlement_number, "centre_time": held.settled_at.isoformat(), "amounts": amounts}
    if decision == "cancelled":
        params |= {"centre_number": held.cancel_number, "centre_time": held.settled_at.isoformat()}
    return params


async def proposed(h, params):
    """The row with its proposal, as soon as the centre's own limit has passed; before, the desk refuses."""
    heard = []

    def ask():
        with connect(port=h.stage.api_port) as client:
            client.hello(h.stage.tokens["operator"])
            try:
                return client.call("desk.propose", params)
            except ApiError as error:
                if error.code != "desk.too_early":
                    raise
                heard.append(error.code)
                return None

    row = await until(ask, "the limit never passes")
    return row, heard


def token_files(h, folder):
    for role in ("operator", CHECKER, "his"):
        (folder / role).write_text(h.stage.tokens[role])
    return ["--socket", h.stage.unix_path, "--token-file"]


@pytest_twisted.async_fixture(scope="module")
async def doubts(hospital):
    """By what is true of each: all are handed over before any is decided, for the centre's limit passes for all at once."""
    h = hospital
    made = {
        "settled": await handed_over(h, "2207", "lose-reply"),
        "reversed": await handed_over(h, "2207", "drop-before"),
        "cancelled": await handed_over(h, "2208", "lose-reply"),
        "stands": await handed_over(h, "2208", "drop-before"),
    }
    return made | {"by command": await handed_over(h, "2207", "drop-before")}


@pytest_twisted.ensureDeferred
async def test_the_same_work_by_command_and_every_refusal_is_told_in_words(hospital, doubts, tmp_path):
    h = hospital
    quote = doubts["by command"]
    sid = quote["settlement_id"]
    door = token_files(h, tmp_path)
    letter = tmp_path / "letter.pdf"
    letter.write_bytes(b"the centre's letter")
    maker, checker = tmp_path / "operator", tmp_path / CHECKER
    _, heard = await proposed(h, decision_of(h, quote, "reversed"))
    assert heard, "invariant 12: what was asked before the centre's limit proves nothing"

    status, said = await run("desk", "list", *door, checker)
    assert status == 0
    assert sid in said
    assert REFUSED["text"] in said

    how = ("--decision", "reversed", "--kind", "letter", "--reference", "2026-17", "--file", letter)
    status, said = await run("desk", "propose", sid, *how, *door, maker)
    proposal = json.loads(said)["proposal"]
    assert (status, proposal["evidence"]["sha256"]) == (0, hashlib.sha256(letter.read_bytes()).hexdigest())

    status, said = await run("desk", "approve", sid, proposal["proposal"], *door, maker)
    assert (status, "desk.same_person" in said, "另一人" in said) == (1, True, True)
    status, said = await run("desk", "approve", sid, "0" * 32, *door, checker)
    assert (status, "desk.stale" in said) == (1, True)
    status, said = await run("desk", "show", sid, *door, tmp_path / "his")
    assert (status, "access.role" in said) == (1, True)

    status, said = await run("desk", "reject", sid, proposal["proposal"], *door, checker)
    assert (status, "proposal" in json.loads(said)) == (0, False)
    status, said = await run("desk", "propose", sid, *how, "--config", h.stage.config, "--token-file", maker)
    again = json.loads(said)["proposal"]["proposal"]
    status, said = await run("desk", "approve", sid, again, *door, checker)
    assert (status, json.loads(said)["state"]) == (0, "Reversed")

    status, said = await run("desk", "list", *door, checker)
    assert (status, sid in said) == (0, False)
    status, said = await run("desk", "show", sid, *door, checker)
    events = [line["event"] for line in json.loads(said)["journal"]]
    assert events[-4:] == ["ManualProposed", "ManualRejected", "ManualProposed", "ManualApproved"]


@pytest_twisted.ensureDeferred
async def test_what_the_centre_holds_what_it_never_got_and_a_cancel_are_decided_and_all_books_agree(hospital, doubts):
    h = hospital
    decided = {}
    for decision in ("settled", "reversed", "cancelled", "stands"):
        quote = doubts[decision]
        row, _ = await proposed(h, decision_of(h, quote, decision))
        approval = {"settlement_id": quote["settlement_id"], "proposal": row["proposal"]["proposal"]}
        same = await h.fault("desk.approve", approval, role="operator")
        assert same.code == "desk.same_person"
        decided[decision] = await h.call("desk.approve", approval, role=CHECKER)
    await h.until_quiet()

    states = {name: (await h.until(row["settlement_id"], *FINAL))["state"] for name, row in decided.items()}
    assert states == {"settled": "Delivered", "reversed": "Reversed", "cancelled": "Cancelled", "stands": "Delivered"}
    names = {(row["decided"]["proposal"]["proposed_by"], row["decided"]["approved_by"]) for row in decided.values()}
    assert names == {("operator", CHECKER)}
    assert at_the_centre(h, doubts["reversed"]) is None
    assert at_the_centre(h, doubts["cancelled"]).state is State.CANCELLED
    invariants.all_books_agree(await invariants.check(h))
    invariants.nobody_is_named(h)


@pytest_twisted.ensureDeferred
async def test_the_command_says_what_it_cannot_do(hospital, tmp_path):
    door = token_files(hospital, tmp_path)

    status, said = await run("desk", "list", "--socket", tmp_path / "none.sock", "--token-file", tmp_path / "operator")
    assert (status, "cannot be done" in said, "Traceback" in said) == (1, True, False)
    status, said = await run("desk", "list", "--token-file", tmp_path / "operator")
    assert (status, "exactly one" in said) == (2, True)
    status, said = await run("desk", "list", *door, tmp_path / "missing")
    assert (status, "Traceback" in said) == (1, False)


@pytest_twisted.ensureDeferred
async def test_a_day_is_compared_by_command_and_the_exit_status_says_whether_it_balances(hospital, tmp_path):
    door = token_files(hospital, tmp_path)
    today = dt.datetime.now(dt.timezone(dt.timedelta(hours=8))).date()
    empty = today - dt.timedelta(days=2)

    status, said = await run("reconcile", "--date", empty, "--every", "0.05", *door, tmp_path / "operator")
    assert (status, "= 310/11/999900  0 " in said, "balanced" in said) == (0, True, True)
    status, said = await run("reconcile", "--date", today, *door, tmp_path / "operator")
    assert (status, "reconcile.too_early" in said, "Traceback" in said) == (1, True, False)
    status, said = await run("reconcile", "--date", empty, *door, tmp_path / "his")
    assert (status, "access.role" in said) == (1, True)
    listed = await hospital.call("reconcile.list", role="operator")
    assert (listed["run"]["state"], listed["run"]["account"], listed["rows"]) == ("balanced", "operator", [])
    health = json.loads((await hospital.get("/health/full"))[1])
    parts = {part["part"]: part["condition"] for part in health["parts"]}
    assert parts["reconciliation"] == "good"
