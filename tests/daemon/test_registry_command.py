"""``run.py registry`` against a real door: two persons, a list from a file, and what a person reads."""

from __future__ import annotations

import hashlib

import pytest_twisted
from click.testing import CliRunner
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from daemon.cli import main
from middleware.domain.order import Caller, Role
from middleware.doors.local_api.door import LocalApi
from middleware.doors.local_api.handlers import Business
from middleware.doors.local_api.options import LocalApiOptions
from middleware.doors.tokens import TokenTable
from middleware.engine.registries import registry_of
from middleware.flow.audit_rules import Limits
from tests.middleware.engine.test_flagging import WRONG
from tests.support.counter import rig
from tests.support.fakes import HIS, card_read


class Desk:
    """Two operators at one daemon's socket."""

    def __init__(self, folder):
        self.folder, self.socket = folder, folder / "api.sock"
        for name in ("li", "wang"):
            (folder / name).write_text(f"token-of-{name}")

    def tokens(self):
        people = {name: Caller(Role.OPERATOR, name) for name in ("li", "wang")}
        return TokenTable({hashlib.sha256(f"token-of-{name}".encode()).digest(): one for name, one in people.items()})

    async def run(self, who, *words):
        told = await deferToThread(
            CliRunner().invoke,
            main,
            ["registry", *words, "--socket", str(self.socket), "--token-file", str(self.folder / who)],
        )
        return told.exit_code, told.output


@pytest_twisted.ensureDeferred
async def test_two_persons_register_a_psam_and_a_list_is_imported_replaced_and_refused_by_its_line(tmp_path):
    (tmp_path / "lost.csv").write_text("card_number,A12345678,999900,lost,2026-11-20\n" * 3, encoding="utf-8")
    (tmp_path / "bad.csv").write_text("card_number,B12345678,999900,lost,2026-11-20\nnonsense\n", encoding="utf-8")
    (tmp_path / "none.csv").write_text("", encoding="utf-8")
    desk = Desk(tmp_path)
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        registry, flagging = registry_of(r.counter, Limits(pin_failures=1), 100)
        business = Business(r.counter, r.readers, [], reactor, r.now, "test", r.desk, None, registry=registry)
        api = LocalApi(LocalApiOptions(unix_path=desk.socket, tcp_port=0), business, desk.tokens(), reactor)
        api.start()

        psam = ("propose", "psam", "P1", "--set", "issuer=999900", "--set", "valid_to=2030-01-01")
        status, told = await desk.run("li", *psam)
        assert status == 0, told
        (proposal,) = [row.proposal for row in r.reader.registers.proposals()]
        assert (await desk.run("li", "approve", proposal))[0] == 1
        assert proposal in (await desk.run("wang", "proposals"))[1]
        assert (await desk.run("wang", "approve", proposal))[0] == 0
        assert "P1" in (await desk.run("li", "list", "psam"))[1]

        status, told = await desk.run("li", "import", str(tmp_path / "lost.csv"), "--source", "bureau")
        assert (status, "3 行/lines" in told) == (0, True)
        assert r.reader.registers.listing(card_read().card_id_code.reveal(), "A12345678") is not None
        status, told = await desk.run("li", "import", str(tmp_path / "bad.csv"), "--source", "bureau")
        assert (status, "line 2" in told, "nonsense" in told) == (1, True, False)
        status, told = await desk.run("li", "import", str(tmp_path / "none.csv"), "--source", "bureau", "--replace")
        assert "registry approve" in told
        assert "待复核" in (await desk.run("li", "lists"))[1]
        assert (await desk.run("wang", "approve", told.split()[-1]))[0] == 0
        assert r.reader.registers.listed() == 0
        assert (await desk.run("li", "import", str(tmp_path / "gone.csv"), "--source", "bureau"))[0] == 2

        await r.counter.audit.note(HIS, WRONG)
        await flagging.look()
        assert "密码" in (await desk.run("li", "flags"))[1]
        assert card_read().card_number.reveal() in (await desk.run("li", "whose", "1", "--reason", "核实"))[1]
        assert (await desk.run("li", "seen", "1", "--note", "已核实"))[0] == 0
        assert "密码" not in (await desk.run("wang", "flags"))[1]
        assert (await desk.run("wang", "conflicts"))[0] == 0
        await api.stop()
