from __future__ import annotations

import hashlib

import pytest

from config.load import ConfigError, read
from middleware.domain.order import Role
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.tokens import AccountOptions, TokenTable

TOKEN = "0123456789abcdef"
DIGEST = hashlib.sha256(TOKEN.encode()).hexdigest()


def test_a_token_from_a_file_or_a_digest_finds_its_account(tmp_path):
    (tmp_path / "token").write_text("fedcba9876543210\n")
    table = TokenTable.load(
        {
            "his": AccountOptions(role="his", token_file=tmp_path / "token"),
            "t1": AccountOptions(role="pos", token_sha256=DIGEST, terminal="T1"),
        }
    )
    assert ((caller := table.find("fedcba9876543210")).role, caller.account) == (Role.HIS, "his")
    assert table.find(TOKEN).terminal == "T1"
    assert None is table.find(TOKEN + "x")
    assert None is table.find("\ud800")
    assert table.bearer(f"bearer {TOKEN}").account == "t1"
    assert [table.bearer(header) for header in (None, "", TOKEN, f"Basic {TOKEN}")] == [None] * 4


@pytest.mark.parametrize(
    ("account", "says"),
    [
        ({"role": "his"}, "exactly one"),
        ({"role": "his", "token_sha256": DIGEST, "token_file": "x"}, "exactly one"),
        ({"role": "pos", "token_sha256": DIGEST}, "terminal"),
        ({"role": "admin", "token_sha256": DIGEST}, "one of"),
        ({"role": "his", "token_sha256": "abc"}, "hex"),
        ({"role": "his", "token": TOKEN}, "unknown key"),
    ],
)
def test_an_account_that_cannot_be_used_is_a_problem_of_the_configuration(account, says):
    with pytest.raises(ConfigError, match=says):
        read(AccountOptions, account)


def test_weak_missing_and_shared_tokens_are_refused_without_being_shown(tmp_path):
    (tmp_path / "short").write_text("hunter2")
    for accounts, says in (
        ({"a": AccountOptions(role="his", token_file=tmp_path / "short")}, "16 to 512"),
        ({"a": AccountOptions(role="his", token_file=tmp_path / "none")}, "cannot be read"),
        ({n: AccountOptions(role="his", token_sha256=DIGEST) for n in "ab"}, "same token"),
        ({n: AccountOptions(role="his", token_file=tmp_path / n) for n in "ab"}, "account a cannot.*account b cannot"),
    ):
        with pytest.raises(ValueError, match=says) as caught:
            TokenTable.load(accounts)
        assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", ""])
def test_a_bind_beyond_loopback_without_tls_is_refused(host):
    with pytest.raises(ConfigError, match="loopback"):
        read(LocalApiOptions, {"tcp_host": host})
    assert host == read(LocalApiOptions, {"tcp_host": host, "certificate": "c.pem", "private_key": "k.pem"}).tcp_host


@pytest.mark.parametrize(
    "settings",
    [
        {"certificate": "c.pem"},
        {"private_key": "k.pem"},
        {"client_ca": "ca.pem"},
        {"tcp_port": 0},
        {"unix_path": "x" * 108},
    ],
)
def test_half_a_configuration_is_refused(settings):
    with pytest.raises(ConfigError):
        read(LocalApiOptions, settings)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_needs_no_tls(host):
    assert host == read(LocalApiOptions, {"tcp_host": host}).tcp_host
