"""A master key inside a token: SoftHSM2, which behaves as an HSM behind the same interface."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from pkcs11.exceptions import SessionHandleInvalid

from middleware.domain.fault import Fault
from middleware.store.ciphers import NotOpenedError
from middleware.store.hsm import Token, TokenMasters
from middleware.store.key_options import KeyOptions
from middleware.store.providers import make_master, open_masters, open_vault
from middleware.store.reader import Reader
from middleware.store.units import Unit
from middleware.store.writer import Writer
from tests.middleware.store.making import database, unit
from tests.support.fakes import NOW

MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
PIN = "123456"


@pytest.fixture(scope="module")
def module(tmp_path_factory):
    """SoftHSM2 with a token of this run; its library reads its configuration once in a process."""
    library = next((path for path in MODULES if Path(path).exists()), None)
    tool = shutil.which("softhsm2-util")
    assert library is not None, "softhsm2 is missing: make setup"
    assert tool is not None, "softhsm2 is missing: make setup"
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder / 'tokens'}\nlog.level = ERROR\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    words = [tool, "--init-token", "--free", "--label", "hospital", "--so-pin", "12345678", "--pin", PIN]
    subprocess.run(words, check=True, capture_output=True, timeout=30)
    yield Path(library)
    del os.environ["SOFTHSM2_CONF"]


@pytest.fixture
def pin_file(tmp_path):
    path = tmp_path / "pin"
    path.touch(0o600)
    path.write_text(PIN + "\n")
    return path


def options(module, pin_file, label="yikatong", **more):
    return KeyOptions(
        provider="pkcs11", pkcs11_module=module, pkcs11_token="hospital", pkcs11_label=label, pkcs11_pin_file=pin_file, **more
    )  # fmt: skip


def refused(work, *arguments, **more):
    with pytest.raises(Fault) as caught:
        work(*arguments, **more)
    assert caught.value.code == "system.keys"
    return caught.value.detail


def test_persons_are_sealed_by_a_key_that_never_leaves_the_token(module, pin_file, tmp_path):
    made = make_master(options(module, pin_file), more=False)
    with database(f"sqlite:///{tmp_path}/y.db") as engine:
        vault = open_vault(engine, options(module, pin_file))
        writer = Writer(engine, vault=vault)
        assert writer.write([unit(1)]) == [None]
        writer.close()
        vault.dispose()
        again = open_vault(engine, options(module, pin_file))
        holder = Reader(engine, again).holder("P0001")
        again.dispose()

    assert made == "pkcs11:yikatong"
    assert holder.name.reveal() == "张伟民"
    assert "already" in refused(make_master, options(module, pin_file), more=False)


def test_a_new_key_in_the_token_takes_over_and_the_old_one_opens_what_it_wrapped(module, pin_file):
    make_master(options(module, pin_file, "first"), more=False)
    one = open_masters(options(module, pin_file, "first"))
    box = one.current().wrap(b"secret", b"place")
    one.close()
    make_master(options(module, pin_file, "second"), more=True)
    both = open_masters(options(module, pin_file, "second", pkcs11_old_labels=("first",)))

    assert both.current().id == "pkcs11:second"
    assert both.of("pkcs11:first").unwrap(box, b"place") == b"secret"
    for wrong in ((box, b"other"), (box[:-1] + bytes([box[-1] ^ 1]), b"place"), (b"\x02" + box[1:], b"place"), (b"", b"")):
        with pytest.raises((NotOpenedError, Fault)):  # SoftHSM calls a wrong tag a general error
            both.of("pkcs11:first").unwrap(*wrong)
    both.close()


class Lost:
    """A session of a token that was taken out."""

    def get_key(self, **_what):
        raise SessionHandleInvalid

    def close(self):
        raise SessionHandleInvalid


def test_a_session_that_was_lost_is_opened_again(module, pin_file):
    token = Token(module, "hospital", pin_file)
    token.make_key("kept")
    master = TokenMasters(token, ("kept",)).current()
    box = master.wrap(b"secret", b"")
    token._session.close()
    token._session = Lost()

    assert master.unwrap(box, b"") == b"secret"
    token.close()


def test_what_is_missing_is_told_without_the_pin(module, pin_file, tmp_path):
    assert "cannot be loaded" in refused(Token, tmp_path / "none.so", "hospital", pin_file)
    assert "NoSuchToken" in refused(Token(module, "elsewhere", pin_file).use, "x", lambda key: key)
    assert "NoSuchKey" in refused(Token(module, "hospital", pin_file).use, "nothing", lambda key: key)
    pin_file.write_text("999999")
    wrong = refused(Token(module, "hospital", pin_file).use, "x", lambda key: key)
    assert "PinIncorrect" in wrong
    assert "999999" not in wrong
    pin_file.chmod(0o640)
    assert "chmod 0400" in refused(Token(module, "hospital", pin_file).use, "x", lambda key: key)


def test_pkcs11_without_its_keys_is_a_mistake_of_the_configuration():
    with pytest.raises(ValueError, match="pkcs11_module"):
        KeyOptions(provider="pkcs11")


def test_nothing_is_written_for_a_unit_without_persons(module, pin_file, tmp_path):
    """A token that is away stops persons, not what has none in it."""
    with database(f"sqlite:///{tmp_path}/y.db") as engine:
        vault = open_vault(engine, options(module, pin_file, "missing"))
        writer = Writer(engine, vault=vault)
        assert writer.write([Unit(now=NOW, meta=(("a", "b"),))]) == [None]
        (failed,) = writer.write([unit(1)])
        writer.close()
        vault.dispose()

    assert "NoSuchKey" in str(failed)
