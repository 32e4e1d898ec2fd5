"""``run.py`` from the outside, each command by its exit status and by what a person reads."""

from __future__ import annotations

import re
import sqlite3

import pytest
import pytest_twisted
from twisted.internet import reactor

from simulators.stage import Stage
from tests.scenarios.hospital import Hospital, run

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

COMMANDS = (
    "serve",
    "check-config",
    "doctor",
    "verify",
    "backup",
    "restore",
    "anchor",
    "migrate",
    "sample-config",
    "docs",
    "demo",
    "desk",
)


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    stage = Stage(reactor, tmp_path_factory.mktemp("commands"))
    try:
        await stage.start()
        made = Hospital(stage)
        await made.insert("employee")
        await made.settled()
        await made.settled()
        yield made
    finally:
        await stage.stop()


@pytest.fixture
def copy(hospital, tmp_path):
    """A copy of the running daemon's database, and a configuration that names the copy and ports of its own."""
    path = tmp_path / "copy.db"
    source, target = sqlite3.connect(hospital.stage.database), sqlite3.connect(path)
    source.backup(target)
    source.close()
    target.close()
    return path, configured(hospital, tmp_path, database=path)


def configured(hospital, folder, *, database, also=""):
    text = hospital.stage.config.read_text(encoding="utf-8")
    text = text.replace(str(hospital.stage.database), str(database))
    text = text.replace(str(hospital.stage.unix_path), str(folder / "api.sock"))
    text = re.sub(r"tcp_port = \d+", "tcp_port = 0", text)
    text = text.replace(f"port = {hospital.stage.http_port}", "port = 0")
    config = folder / "yikatong.toml"
    config.write_text(text + also, encoding="utf-8")
    return config


def execute(path, statement, *values):
    connection = sqlite3.connect(path)
    with connection:
        done = connection.execute(statement, values).fetchall()
    connection.close()
    return done


@pytest.mark.parametrize("command", ["", *COMMANDS])
@pytest_twisted.ensureDeferred
async def test_help_at_each_level(command):
    status, said = await run(*filter(None, [command]), "--help")

    assert status == 0
    assert "Usage: run.py" in said
    assert [name for name in COMMANDS if not command and name not in said] == []


@pytest_twisted.ensureDeferred
async def test_verify_finds_all_three_chains_whole_while_the_daemon_runs(hospital):
    status, said = await run("verify", "--config", hospital.stage.config)

    assert (status, said.count("whole"), "BROKEN" in said) == (0, 3, False)


@pytest.mark.parametrize("table", ["journal", "feed"])
@pytest_twisted.ensureDeferred
async def test_verify_names_the_row_in_which_one_byte_was_flipped(copy, table):
    path, config = copy
    rows = execute(path, f"SELECT sequence, line FROM {table} ORDER BY sequence")
    sequence, line = rows[len(rows) // 2]
    raw = bytearray(line.encode())
    raw[len(raw) // 2] ^= 1
    execute(path, f"UPDATE {table} SET line = CAST(? AS TEXT) WHERE sequence = ?", bytes(raw), sequence)

    status, said = await run("verify", "--config", config)

    assert status == 1
    assert f"{table}: 断链 / BROKEN at row {sequence}:" in said
    assert said.count("whole") == 2  # the other chains: of journal, feed and flags one is broken


@pytest.mark.parametrize("table", ["journal", "feed"])
@pytest_twisted.ensureDeferred
async def test_verify_finds_a_row_that_was_taken_out(copy, table):
    path, config = copy
    execute(path, f"DELETE FROM {table} WHERE sequence = 1")

    status, said = await run("verify", "--config", config)

    assert status == 1
    assert f"{table}: 断链 / BROKEN at row 2" in said


@pytest_twisted.ensureDeferred
async def test_verify_of_a_database_that_is_not_there_says_so_and_makes_none(hospital, tmp_path):
    path = tmp_path / "missing.db"

    status, said = await run("verify", "--config", configured(hospital, tmp_path, database=path))

    assert (status, "Traceback" in said, path.exists()) == (1, False, False)
    assert str(path) in said


@pytest_twisted.ensureDeferred
async def test_a_good_configuration_is_told_to_be_good(hospital):
    status, said = await run("check-config", hospital.stage.config)

    assert (status, "the configuration is good" in said) == (0, True)


@pytest_twisted.ensureDeferred
async def test_a_bad_configuration_is_told_every_problem_at_once_with_its_place(tmp_path):
    config = tmp_path / "bad.toml"
    config.write_text(
        '[centre]\nurl = "ftp://x"\ninstitution_code = "short"\ninstitution_name = "x"\nprofile = "999900-test"\noperator = 7\noperator_name = "x"\n'
        '[hiss]\nport = 1\n[his]\nport = 99999\nencodign = "utf-8"\n[engine]\ndrain_s = "soon"\n'
        '[accounts.a]\nrole = "king"\ntoken_sha256 = "00"\n',
        encoding="utf-8",
    )

    for arguments in (("check-config", config), ("serve", "--config", config), ("verify", "--config", config)):
        status, said = await run(*arguments)

        assert status == 2, arguments
        assert "Traceback" not in said
        for place in (
            "centre.url", "centre.institution_code", "centre.operator", "hiss", "his.port", "his.encodign",
            "engine.drain_s", "accounts.a.role", "accounts.a.token_sha256",
        ):  # fmt: skip
            assert place in said, place
        assert "encoding" in said  # the hint for the misspelt key


@pytest.mark.parametrize("text", [None, "this is = = no TOML", "\x00\x01"])
@pytest_twisted.ensureDeferred
async def test_a_configuration_that_cannot_be_read_is_misuse(tmp_path, text):
    config = tmp_path / "c.toml"
    if text is not None:
        config.write_text(text)

    status, said = await run("check-config", config)

    assert (status, "Traceback" in said) == (2, False)


@pytest_twisted.ensureDeferred
async def test_the_doctor_finds_all_well_and_after_the_centre_is_gone_says_so(hospital):
    well, said = await run("doctor", "--config", hospital.stage.config)
    await hospital.stage.centre.stop()
    ill, complained = await run("doctor", "--config", hospital.stage.config)
    hospital.stage.centre.start()

    readers_reachable = "card service" not in said  # this machine's own pcscd need not run: the stage has its own
    assert (well == 0) == readers_reachable
    assert ill == 1
    assert re.search(r"BAD +医保中心 centre", complained)
    assert not re.search(r"BAD +医保中心 centre", said)


@pytest.mark.parametrize("section", ["local_api", "http"])
@pytest_twisted.ensureDeferred
async def test_a_bind_beyond_loopback_without_tls_is_refused_before_anything_starts(hospital, tmp_path, section):
    key = {"local_api": "tcp_host", "http": "host"}[section]
    config = configured(hospital, tmp_path, database=tmp_path / "new.db")
    text = config.read_text(encoding="utf-8").replace(f"[{section}]\n", f'[{section}]\n{key} = "0.0.0.0"\n')
    config.write_text(text, encoding="utf-8")

    status, said = await run("serve", "--config", config)

    assert status == 2
    assert section in said
    assert "TLS" in said
    assert not (tmp_path / "new.db").exists()


@pytest.mark.parametrize("section", ["local_api", "http"])
@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken_ends_the_start_in_order_and_names_it(hospital, tmp_path, section):
    taken = hospital.stage.api_port
    config = configured(hospital, tmp_path, database=tmp_path / "new.db")
    text = config.read_text(encoding="utf-8")
    text = re.sub(rf"(\[{section}\](\n(?!\[).*)*?\n(tcp_)?port = )0", rf"\g<1>{taken}", text)
    config.write_text(text, encoding="utf-8")

    status, said = await run("serve", "--config", config)

    assert status == 1
    assert f":{taken}" in said or f" {taken}" in said
    assert "Traceback" not in said


@pytest_twisted.ensureDeferred
async def test_a_database_of_an_unknown_schema_is_refused_and_left_alone_with_what_to_do(copy):
    path, config = copy
    execute(path, "UPDATE alembic_version SET version_num = '9999'")
    before = execute(path, "SELECT count(*) FROM journal")

    served, said = await run("serve", "--config", config)
    migrated, told = await run("migrate", "--config", config)

    assert served == 1
    assert "9999" in said
    assert "migrate" in said
    assert "Traceback" not in said + told
    assert migrated == 1
    assert "9999" in told
    assert execute(path, "SELECT count(*) FROM journal") == before
    assert execute(path, "SELECT version_num FROM alembic_version") == [("9999",)]


@pytest_twisted.ensureDeferred
async def test_a_file_that_is_no_database_is_refused_and_left_alone(hospital, tmp_path):
    path = tmp_path / "not.db"
    path.write_bytes(b"these are somebody's minutes, not a database\n" * 100)
    before = path.read_bytes()
    config = configured(hospital, tmp_path, database=path)

    for command in ("serve", "verify", "migrate"):
        status, said = await run(command, "--config", config)

        assert (command, status, "Traceback" in said) == (command, 1, False)
    assert path.read_bytes() == before


@pytest_twisted.ensureDeferred
async def test_a_catalogue_is_downloaded_and_looked_up_from_the_command_line(hospital, tmp_path):
    token = tmp_path / "operator"
    token.write_text(hospital.stage.tokens["operator"])
    door = ["--socket", hospital.stage.unix_path, "--token-file", token]
    status, said = await run("catalogue", "download", "1318", "--every", "0.05", *door)
    assert (status, "已更新/loaded" in said) == (0, True), said
    status, said = await run("catalogue", "show", "1318", "XA02OMEP0020", *door)
    assert (status, "限价/limit 18.5" in said) == (0, True), said
    status, said = await run("catalogue", "list", *door)
    assert (status, "1318 医保目录限价信息/price limits" in said, "13 个目录" in said) == (0, True, True), said
    assert (await run("catalogue", "download", "9999", *door))[0] == 1
