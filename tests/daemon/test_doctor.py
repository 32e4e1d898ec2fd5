"""The doctor on a site whose own shares may be paid by bank card: its line and its key file."""

from __future__ import annotations

import json

import pytest
from attrs import evolve

from config.load import load
from daemon.doctor import examine, unusable
from daemon.settings import Settings
from simulators.bank.server import TEST_KEY
from simulators.ecode.keys import private_pem
from simulators.ports import free_port
from tests.daemon.books import Books


@pytest.fixture
def site(tmp_path):
    """Its configuration with a section [bank], by the text of the key's file; None: there is no such file."""

    def written(key, *, enabled=True):
        books = Books(tmp_path)
        path = tmp_path / "bank.key"
        if key is not None:
            path.write_text(key)
        section = {"enabled": enabled, "port": free_port(), "mac_key_file": str(path)}
        lines = "".join(f"{name} = {json.dumps(value)}\n" for name, value in section.items())
        books.config.write_text(f"{books.config.read_text()}\n[bank]\n{lines}")
        return load(Settings, books.config)

    return written


def of_bank(problems):
    return [problem for problem in problems if problem.startswith("bank")]


@pytest.mark.parametrize("key", [None, "", "0123", TEST_KEY.hex() + "00", "一" * 32])
def test_a_bank_key_file_that_cannot_be_used_is_said_before_the_daemon_is_started(site, key):
    (told,) = of_bank(unusable(site(key)))

    assert "mac_key_file" in told
    assert key is None or not key or key not in told


def test_a_good_key_file_and_a_bank_that_is_not_enabled_are_no_problem(site):
    assert of_bank(unusable(site(TEST_KEY.hex()))) == []


def test_a_bank_that_is_not_enabled_is_not_looked_at(site):
    settings = site(None, enabled=False)

    assert of_bank(unusable(settings)) == []
    assert [check for check in examine(settings) if "bank" in check.part] == []


def test_a_bank_line_that_nobody_answers_is_bad_with_what_to_do(site):
    (line,) = [check for check in examine(site(TEST_KEY.hex())) if "bank" in check.part]

    assert line.bad
    assert "127.0.0.1" in line.found
    assert line.do


def test_what_a_region_s_gateway_and_signature_want_of_the_site_is_said_before_the_daemon_is_started(tmp_path):
    books = Books(tmp_path)
    settings = load(Settings, books.config)
    secret, key = tmp_path / "gateway", tmp_path / "key.pem"
    secret.write_bytes(b"word")
    key.write_bytes(private_pem())
    for file in (secret, key):
        file.chmod(0o400)
    given = {"profile": "999900-national", "gateway_id": "AK", "gateway_secret": str(secret), "signing_key": str(key)}

    def told(**changes):
        centre = evolve(settings.centre, **given | changes)
        return [problem for problem in unusable(evolve(settings, centre=centre)) if problem.startswith("centre")]

    assert told() == []
    for name in ("gateway_id", "gateway_secret", "signing_key"):
        (problem,) = told(**{name: ""})
        assert problem.startswith(f"centre: centre.{name} is required")
    (problem,) = told(signing_key=str(secret))
    assert "centre.signing_key: no PEM key" in problem
    assert "word" not in problem
