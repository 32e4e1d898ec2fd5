"""The centre in JSON: whole visits, every knob, statements by files, gateways; by the real adapter, on the same books."""

from __future__ import annotations

import json

import attrs
import pytest
import pytest_twisted
import treq
from twisted.internet import reactor

from adapters.insurance.profile import load_profile
from adapters.insurance.profile_gateway import GatewayForm, SignatureForm
from middleware.domain.centre import DownloadFile, FileDownloaded, Reversed, SettlementCancelled, SignedOut, SignOut
from middleware.domain.money import Money
from middleware.domain.outcome import Answered, Refused, Unknown
from middleware.domain.statement import DetailRow, Verdict
from simulators.centre.gateway import Csb, EnvelopeSignature, Tif
from simulators.centre.ledger import State
from simulators.centre.server import CentreSimulator
from simulators.ecode.keys import PUBLIC, private_pem
from tests.adapters.insurance.signing.test_signers import secret
from tests.simulators.centre.desk import LINES, open_desk
from tests.simulators.centre.test_statements import one_cancelled, one_settled, result, totals

NATIONAL = attrs.evolve(load_profile("999900-test"), dialect="national")


def national(simulator: CentreSimulator | None = None, **changes):
    return open_desk(simulator, profile=NATIONAL, **changes)


@pytest_twisted.ensureDeferred
async def test_a_whole_visit_in_json_and_the_same_in_soap_stand_in_the_same_books() -> None:
    simulator = CentreSimulator(reactor)
    splits = []
    for profile in (NATIONAL, None):
        async with open_desk(simulator, profile=profile) as desk:
            visit, outcome = await desk.settled()
            settled = outcome.reply
            assert simulator.ledger.settlements[-1].settlement_number == settled.settlement_number
            cancelled = await desk.cancel(visit, settled.settlement_number)
            assert isinstance(cancelled.reply, SettlementCancelled)
            assert cancelled.reply.split.total == Money(-settled.split.total.fen)
            splits.append(settled.split)

    assert splits[0] == splits[1]
    assert [row.state for row in simulator.ledger.settlements] == [State.CANCELLED] * 2


KNOBS = {  # action -> (cause of the Unknown, or Answered or Refused), settlements that the centre then holds
    "lose-reply": ("connection-lost", 1),
    "drop-before": ("connection-lost", 0),
    "refuse": (Refused, 0),
    "slow": (Answered, 1),
    "stall": (Answered, 1),
    "garbage": ("unreadable", 1),
    "html-200": ("not-json", 1),
    "page-504": ("http-status", 1),
    "gateway-401": ("http-status", 0),
    "soap-fault": ("http-status", 0),
    "cut-mid-reply": ("connection-lost", 1),
    "drip": ("time-out", 1),
    "wrong-namespace": ("incomplete", 1),
    "missing-setl_id": ("incomplete", 1),
    "other-person": ("not-ours", 1),
}


@pytest_twisted.ensureDeferred
async def test_each_knob_does_in_json_what_it_does_in_soap_and_2601_undoes_what_was_done() -> None:
    async with national(total_deadline_s=1.0, late_reply_s=0.0) as desk:
        for batch, (action, (expected, held)) in enumerate(KNOBS.items()):
            lines = tuple(attrs.evolve(one, line_id=f"{batch}-{one.line_id}") for one in LINES)
            visit = await desk.register()
            await desk.charge(visit, lines, f"B{batch}")
            quoted = await desk.quote(visit, lines, batch=f"B{batch}")
            before = len(desk.simulator.ledger.settlements)
            desk.simulator.faults.next("2207", action, seconds=0.2)

            outcome = await desk.settle(visit, lines, quoted, batch=f"B{batch}")

            message = desk.sent[-1]
            assert getattr(outcome, "cause", type(outcome)) == expected, action
            assert len(desk.simulator.ledger.settlements) - before == held
            assert desk.simulator.ledger.times_received(message) == 1
            expected_end = Answered(Reversed()) if held else Refused("2611", "原交易不存在")
            assert await desk.reverse(visit, message) == expected_end


@pytest_twisted.ensureDeferred
async def test_a_day_is_compared_by_totals_and_by_files_in_json_and_the_day_is_ended() -> None:
    async with national() as desk:
        number = (await desk.call(desk.centre.sign_in_request())).reply.sign_number
        rows: list[DetailRow] = []
        visit, row = await one_settled(desk, rows)
        await one_cancelled(desk, visit, row, rows)
        assert (await totals(desk, rows)).reply.equal
        await desk.settled()  # the centre has it, our books have not
        lost = desk.sent[-1]
        assert not (await totals(desk, rows)).reply.equal

        found = await result(desk, rows)

        assert isinstance(found, FileDownloaded)
        assert found.rows[-1].message_id == lost
        assert [one.verdict is Verdict.EQUAL for one in found.rows] == [True, True, False]
        assert await desk.call(SignOut(number, "0001")) == Answered(SignedOut())


@pytest_twisted.ensureDeferred
async def test_a_result_that_is_not_ready_is_a_refusal_in_the_place_of_the_file() -> None:
    async with national() as desk:
        await desk.sign_in()
        desk.simulator.faults.next("9102", "not-ready")

        assert (await desk.call(DownloadFile("F1", "x.zip"))).code == "3203"


# -- gateways


def signing(folder, gateway: GatewayForm, signature: SignatureForm) -> dict:
    return {
        "profile": attrs.evolve(NATIONAL, gateway=gateway, signature=signature),
        "gateway_id": "AK",
        "gateway_secret": secret(folder, b"secret", name="gateway"),
        "signing_key": secret(folder, private_pem(), name="key"),
    }


CSB = GatewayForm(scheme="csb", api_name="callService")
SCHEMES = {
    "csb": (CSB, SignatureForm(), lambda: Csb("AK", b"secret")),
    "csb-in-seconds": (attrs.evolve(CSB, timestamp="s"), SignatureForm(), lambda: Csb("AK", b"secret", milliseconds=False)),
    "tif": (GatewayForm(scheme="tif"), SignatureForm(), lambda: Tif("AK", "secret", set())),
    "envelope": (GatewayForm(), SignatureForm(scheme="sm2"), lambda: EnvelopeSignature(PUBLIC)),
}


@pytest.mark.parametrize("name", SCHEMES)
@pytest_twisted.ensureDeferred
async def test_a_visit_goes_through_each_gateway_that_checks_every_message(tmp_path, name: str) -> None:
    gateway, signature, check = SCHEMES[name]
    async with open_desk(CentreSimulator(reactor, gateway=check()), **signing(tmp_path, gateway, signature)) as desk:
        _visit, outcome = await desk.settled()

        assert isinstance(outcome, Answered)


@pytest.mark.parametrize("name", SCHEMES)
@pytest_twisted.ensureDeferred
async def test_who_does_not_sign_is_kept_out_and_knows_nothing(name: str) -> None:
    async with national(CentreSimulator(reactor, gateway=SCHEMES[name][2]())) as desk:
        assert await desk.call(desk.centre.sign_in_request()) == Unknown("http-status", "a gateway's 401")
        assert [receipt.end for receipt in desk.simulator.ledger.receipts] == ["dropped"]


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"infno":"2601","input":[]}', b'{"infno":"0000","input":{}}', b"[" * 100_000, b"\xff",
             b'{"infno":"2601","input":{"data":[{}]}}', b'{"infno":"2204","input":{"feedetail":[1]}}'],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_what_is_no_message_is_told_so_in_json(body: bytes) -> None:
    simulator = CentreSimulator(reactor)
    simulator.start()
    found = await treq.post(simulator.national_url, body, persistent=False)
    content = await found.content()
    await simulator.stop()

    assert found.code == 500
    assert json.loads(content)["infcode"] == -1
