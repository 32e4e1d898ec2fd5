"""``run.py conformance``: what it shows is what the centre did, and at a real centre it leaves nothing behind unsaid."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs
import pytest
import pytest_twisted
from click.testing import CliRunner
from twisted.internet import reactor

from adapters.insurance.profile import load_profile
from adapters.insurance.profile_mobile import MobileForm
from config.load import ConfigError
from daemon.cli import main
from daemon.conformance.advice import advice_of
from daemon.conformance.data import data_of, simulated
from daemon.conformance.mobile import NO_KEYS, mobile
from daemon.conformance.pages import page, shipped
from daemon.conformance.repertoire import Desk, who
from daemon.conformance.run import SLOT, SLOTS, repertoire
from daemon.conformance.stand import INSTITUTION, Stand, stand
from daemon.conformance.table import Note, Report, Verdict, as_json, as_text
from daemon.conformance.talk import Notebook, Talk
from middleware.domain.credential import Shown
from middleware.domain.kind import MOBILE_CALLS
from middleware.domain.message_id import MessageIds
from middleware.domain.outcome import CAUSES, NotSent, Refused, Unknown
from simulators.centre.ledger import State
from simulators.centre.server import CentreSimulator, china_now
from tests.adapters.insurance.requests import SECRETS

ROOT = Path(__file__).resolve().parents[2]
PROFILE = load_profile("999900-test")
WHO = "is_a_test_person = true\nid_number = '999999197405123114'\nname = '张伟民'\nbirth_date = '1974-05-12'\n"


@pytest_twisted.ensureDeferred
async def test_the_tables_of_the_documents_are_what_the_profiles_do() -> None:
    made = await page(reactor)

    assert (ROOT / "docs" / "conformance.md").read_text(encoding="utf-8") == made, "run: make docs"
    assert "FAILED" not in made
    assert all(f"## `{name}`" in made for name in shipped())


async def at_a_stranger(prepare: Any = None, notes: Path | None = None, **changes: Any) -> tuple[Report, CentreSimulator]:
    """The repertoire at a simulator as if it were somebody's real centre, with its channel where ``notes`` are taken."""
    profile = attrs.evolve(PROFILE, **({} if notes else {"mobile": MobileForm()}), **changes)
    async with stand(reactor, profile) as ends:
        if prepare is not None:
            prepare(ends.simulator)
        with Notebook(notes) as notebook:
            report = await repertoire(
                ends.centre, ends.profile, simulated(), INSTITUTION, china_now, notebook, against=ends.simulator.url
            )
        return report, ends.simulator


@pytest_twisted.ensureDeferred
async def test_what_was_settled_is_taken_back_and_no_two_messages_have_one_id(tmp_path: Path) -> None:
    report, centre = await at_a_stranger(notes=tmp_path / "notes")

    assert (report.good, report.left) == (True, ())
    assert {row.state for row in centre.ledger.settlements} == {State.CANCELLED, State.REVERSED}
    ids = [row.message_id for row in centre.ledger.receipts]
    assert len(set(ids)) == len(ids)
    noted = [json.loads(line) for line in (tmp_path / "notes").read_text(encoding="utf-8").splitlines()]
    left = [row for row in noted if row["state"] == "about to leave"]
    assert [row["message_id"] for row in left if row["call"] not in MOBILE_CALLS] == ids
    assert {row["call"] for row in left} >= MOBILE_CALLS
    for text in (as_text(report), as_json(report), (tmp_path / "notes").read_text(encoding="utf-8")):
        assert not any(secret in text for secret in SECRETS)


@pytest_twisted.ensureDeferred
async def test_a_cancel_that_is_refused_leaves_a_settlement_and_the_run_says_which() -> None:
    report, centre = await at_a_stranger(lambda it: it.faults.always("2208", "refuse"))

    standing = [row for row in centre.ledger.settlements if row.state is State.APPROVED]
    assert standing
    assert not report.good
    assert {row.message_id for row in standing} == {text.split()[-1] for text in report.left}
    assert all(one in as_text(report) for one in report.left)
    bad = [line.call for line in report.lines if line.verdict is Verdict.BAD]
    assert set(bad) == {"2208"}


@pytest_twisted.ensureDeferred
async def test_a_settlement_without_an_answer_is_reversed_and_never_sent_again() -> None:
    report, centre = await at_a_stranger(lambda it: it.faults.next("2207", "lose-reply"))

    assert not report.good
    assert report.left == ()
    assert all(row.state is not State.APPROVED for row in centre.ledger.settlements)
    lost = next(row for row in centre.ledger.settlements if row.state is State.REVERSED)
    assert [row.message_id for row in centre.ledger.receipts].count(lost.message_id) == 1


@pytest_twisted.ensureDeferred
async def test_where_nothing_is_reversed_a_settlement_without_an_answer_stays_named() -> None:
    report, centre = await at_a_stranger(lambda it: it.faults.next("2207", "lose-reply"), reversible=())

    (standing,) = [row for row in centre.ledger.settlements if row.state is State.APPROVED]
    assert [text.split()[-1] for text in report.left] == [standing.message_id]
    assert "2601" not in [row.call for row in centre.ledger.receipts]


@pytest_twisted.ensureDeferred
async def test_amounts_that_do_not_hold_together_and_another_person_are_seen() -> None:
    report, _ = await at_a_stranger(lambda it: it.faults.next("2206", "other-person"))

    assert [line.call for line in report.lines if line.verdict is Verdict.BAD] == ["2206"]
    assert json.loads(as_json(report))["good"] is False


def at_the_counter(ends: Stand, *, by_phone: bool) -> Desk:
    talk = Talk(ends.centre, MessageIds(INSTITUTION, None, SLOT, SLOTS), china_now, Notebook(), real=True)
    return Desk(talk, ends.profile, simulated(), by_phone=by_phone)


@pytest_twisted.ensureDeferred
async def test_an_order_by_phone_that_is_not_given_back_stays_named_and_is_placed_once() -> None:
    async with stand(reactor, PROFILE) as ends:
        assert ends.sandbox is not None
        ends.sandbox.channel.faults.next("6202", "lose-reply")
        ends.sandbox.channel.faults.always("6203", "refuse")
        desk = at_the_counter(ends, by_phone=True)
        await desk.part(Note(), who)
        await desk.part(Note(), mobile)

    (standing,) = ends.simulator.ledger.in_state(State.APPROVED)
    assert [text.split()[-1] for text in desk.talk.left.values()] == [standing.message_id]
    assert [call for call, _ in ends.sandbox.channel.received] == ["6201", "6202", "6301", "6203", "6301"]
    bad = [line.call for line in desk.talk.lines if line.verdict is Verdict.BAD]
    assert bad[:3] == ["6202", "6203", "6301"]


@pytest_twisted.ensureDeferred
async def test_a_channel_without_keys_is_left_out_with_its_reason_and_hears_nothing() -> None:
    async with stand(reactor, PROFILE) as ends:
        assert ends.sandbox is not None
        desk = at_the_counter(ends, by_phone=False)
        await desk.part(Note(), mobile)

    assert [(line.call, line.verdict, line.note) for line in desk.talk.lines] == [("6201", Verdict.LEFT_OUT, NO_KEYS)]
    assert ends.sandbox.channel.received == []


def test_nobody_but_a_test_person_is_used_and_no_value_of_a_person_is_quoted(tmp_path: Path) -> None:
    file = tmp_path / "data.toml"
    for text in (f"[person]\n{WHO.replace('true', 'false')}", f"[person]\n{WHO.replace('123114', '123114ABC')}"):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError) as caught:
            data_of(file)
        assert "999999" not in str(caught.value)
    file.write_text(f"[person]\n{WHO}", encoding="utf-8")
    data = data_of(file)
    assert data.lines("1", china_now())[0].amount.fen == 6036
    assert data.holder().credential.shown is Shown.IDENTITY  # no card is named: treated by the identity document
    assert simulated().holder().credential.shown is Shown.CARD
    assert not any(secret in repr(data) for secret in SECRETS)


def test_a_real_centre_is_asked_only_after_a_person_said_yes(tmp_path: Path) -> None:
    profile = str(ROOT / "config" / "regions" / "999900-test.toml")
    run = CliRunner().invoke

    assert run(main, ["conformance"]).exit_code == 2
    assert run(main, ["conformance", "--profile", profile, "--against", "http://127.0.0.1:9/"]).exit_code == 2
    data = tmp_path / "data.toml"
    data.write_text(f"[person]\n{WHO}", encoding="utf-8")
    config = tmp_path / "config.toml"
    config.write_text((ROOT / "config" / "examples" / "yikatong.toml").read_text(encoding="utf-8"), encoding="utf-8")
    notes = tmp_path / "notes"
    args = ["--against", "http://127.0.0.1:9/", "--config", str(config), "--data", str(data), "--notes", str(notes)]
    answer = run(main, ["conformance", "--profile", profile, *args], input="n\n")
    assert "继续" in answer.output, answer.output
    assert answer.exit_code == 1
    nowhere = ["--against", "--mobile", *args[2:]]
    assert "--against：" in run(main, ["conformance", "--profile", profile, *nowhere]).output
    keyless = run(main, ["conformance", "--profile", profile, *args, "--mobile", "http://127.0.0.1:9/channel/"])
    assert (keyless.exit_code, "signing_key" in keyless.output) == (2, True)
    assert not notes.exists()


def test_a_mistaken_profile_is_told_whole(tmp_path: Path) -> None:
    file = tmp_path / "999900-wrong.toml"
    file.write_text(
        'name = "x"\nregion = "999900"\nreversible = []\ndialect = "soap-string"\n[soap]\nwsdl = "none.wsdl"\n'
        'operation = "call{code}"\nfields = { mdtrt_id = "A", setl_id = "a", nothing = "B" }\ncodes = { 2207 = "2208" }\n',
        encoding="utf-8",
    )
    told = CliRunner().invoke(main, ["conformance", "--profile", str(file)])

    assert told.exit_code == 2
    for key in ("soap.wsdl", "soap.operation", "soap.fields", "soap.codes.2207"):
        assert key in told.output


def test_a_contract_that_the_dialect_cannot_use_is_told_by_check_profile(tmp_path: Path) -> None:
    file = tmp_path / "999900-wrong.toml"
    file.write_text(
        'name = "x"\nregion = "999900"\nreversible = []\ndialect = "soap-process"\n[soap]\nwsdl = "example-asmx.wsdl"\n',
        encoding="utf-8",
    )
    told = CliRunner().invoke(main, ["check-profile", str(file)])

    assert told.exit_code == 2
    assert "soap.wsdl: example-asmx.wsdl 没有操作 / has no operation 'process'" in told.output


def test_every_end_that_was_not_expected_says_what_to_look_at() -> None:
    not_of_a_centre = {"bank-code", "crash", "stopping"}

    for cause in set(CAUSES) - not_of_a_centre:
        said = advice_of(Unknown(cause, "here"))
        assert said.en, cause
        assert said.zh.endswith("（here）")
    assert "2079" in advice_of(Refused("2079", "stranger's words")).zh
    assert "stranger" not in str(advice_of(Refused("2079", "stranger's words")))
    assert "2201 data.psn_name" in advice_of(NotSent("centre.field", "2201 data.psn_name: is required")).zh


def test_a_day_that_is_none_is_a_mistake_of_the_test_persons_file(tmp_path: Path) -> None:
    file = tmp_path / "data.toml"
    file.write_text(f"[person]\n{WHO.replace('1974-05-12', '1974-13-12')}", encoding="utf-8")

    with pytest.raises(ConfigError, match=r"person\.birth_date") as caught:
        data_of(file)
    assert "1974-13" not in str(caught.value)
