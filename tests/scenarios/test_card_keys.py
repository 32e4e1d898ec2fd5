"""A real daemon with a PSAM: a third-generation card is registered by plain card.read; the HSM's steps, a swap between them."""

from __future__ import annotations

import attrs
import pytest
import pytest_twisted
from twisted.internet import reactor

from clients.python.yikatong_client import connect
from simulators.card.hsm import answer_of
from simulators.card.psam import PsamCard
from simulators.card.secure import SecureCard
from simulators.people import PEOPLE
from simulators.stage import Stage
from tests.scenarios.hospital import Hospital, in_thread

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]
THIRD = PEOPLE["third-generation"]
PIN = "9753180246"  # long enough to be found in a log only if it is there


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    settings = {"card_keys": {"psam_reader": "*Virtual 1 00 00", "device_number": "COUNTER1"}}
    stage = Stage(reactor, tmp_path_factory.mktemp("keys"), readers=2, own_pcscd=True, settings=settings)
    try:
        await stage.start()
        yield Hospital(stage)
    finally:
        await stage.stop()


@pytest_twisted.ensureDeferred
async def test_a_third_generation_card_is_registered_and_the_steps_of_an_hsm_notice_a_swapped_card(hospital):
    stage, slot = hospital.stage, hospital.stage.slots[0]
    psam_port = next(one for one in stage.pcscd.slots if one.reader.endswith("Virtual 1 00 00")).port
    psam = type(slot)("127.0.0.1", psam_port)
    await in_thread(psam.insert, PsamCard())
    try:
        await hospital.insert("third-generation", SecureCard(THIRD, pin=PIN))
        registered = await hospital.visit()
        assert registered["status"] == "registered"

        def old_program():
            with connect(port=stage.api_port) as client:
                client.hello(stage.tokens["his"])
                whole = client.call("driver.iReadCardBas", {"iType": 3, "reader": stage.reader_name()})
                pin = client.call("driver.iVerifyPIN", {"reader": stage.reader_name(), "pin": PIN})
                step1 = client.call("driver.iReadCardBas_HSM_Step1", {"reader": stage.reader_name()})
                slot.insert(SecureCard(attrs.evolve(THIRD, card_id_code=THIRD.card_id_code[:-1] + "B")))
                key = answer_of("read", step1["out"])
                step2 = {"session_id": step1["session_id"], "pKey": key}
                return whole, pin, client.call("driver.iReadCardBas_HSM_Step2", step2)

        whole, pin, swapped = await in_thread(old_program)
    finally:
        await in_thread(psam.close)

    fields = whole["out"].split("|")
    assert (whole["code"], pin["code"], len(fields)) == (0, 0, 12)
    assert (fields[1], fields[9:]) == (THIRD.id_number, ["999900000007", "COUNTER1", ""])
    assert (swapped["code"], swapped["fault"]["code"]) == (-3, "card.session_gone")
    assert THIRD.id_number not in swapped["out"]
    written = stage.log.read_text(encoding="utf-8")
    assert "PinVerified" in {row["event"] for row in hospital.rows("journal")}
    assert [secret for secret in (PIN, THIRD.id_number, THIRD.card_id_code) if secret in written] == []
