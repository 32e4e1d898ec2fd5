"""What is no social-security card, with the real daemon on real wires: registered and settled like one; the token in no file."""

from __future__ import annotations

import time

import pytest
import pytest_twisted
from twisted.internet import reactor

from daemon.demo.counter import now
from daemon.demo.media import ID_READER, SCANNER, Media
from simulators.people import PEOPLE
from simulators.stage import Stage
from tests.scenarios.hospital import PATIENCE_S, Hospital

pytestmark = pytest.mark.slow


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    directory = tmp_path_factory.mktemp("media")
    media = Media(reactor, directory)
    stage = Stage(reactor, directory, readers=0, overrides=media.start())
    try:
        await stage.start()
        made = Hospital(stage)
        made.media = media
        yield made
    finally:
        await stage.stop()
        await media.stop()


async def settled(h, reader, kind):
    read = await h.call("card.read", {"reader": reader})
    assert read["card"]["kind"] == kind
    visit = await h.call("patient.register", registration(h, read))
    quote = await h.call("settlement.quote", h.bill(visit))
    return read, await h.call("settlement.settle", h.confirmation(quote))


def registration(h, read):
    return {
        "request_id": h.key(), "card_read_id": read["card_read_id"], "department_code": "0301", "department_name": "呼吸内科",
        "specialty": "A03", "doctor_code": "D3301001", "doctor_name": "李医生", "begun_at": now(),
    }  # fmt: skip


@pytest_twisted.ensureDeferred
async def test_an_id_card_and_a_voucher_are_registered_and_settled_and_the_token_stands_in_no_file(hospital):
    h, media = hospital, hospital.media
    media.module.lay(PEOPLE["employee"])
    read, _ = await settled(h, ID_READER, "id-card")
    assert read["holder"]["id_number"] == PEOPLE["employee"].id_number
    assert len(read["holder"]["photo"]) > 1000

    media.scanner.scan("CODE-resident-1")
    await settled(h, SCANNER, "e-voucher")
    (token,) = media.service.tokens
    files = [path for path in h.stage.directory.iterdir() if path.is_file() and "sock" not in path.name]
    assert h.stage.database in files
    for path in files:
        assert token.encode() not in path.read_bytes(), path.name


@pytest_twisted.ensureDeferred
async def test_a_reader_that_is_pulled_out_is_named_on_the_health_page_and_works_again_when_it_is_back(hospital):
    h, media = hospital, hospital.media

    async def named():
        _, body = await h.get("/health/full")
        return ID_READER in body.decode()

    async def back():
        readers = (await h.call("reader.list"))["readers"]
        return next(reader["state"] for reader in readers if reader["name"] == ID_READER) in {"empty", "card-present"}

    media.module.unplug()
    await eventually(named)
    assert (await h.fault("card.read", {"reader": ID_READER})).code == "reader.gone"
    media.module.plug()
    media.module.lay(PEOPLE["employee"])
    await eventually(back)
    assert (await h.call("card.read", {"reader": ID_READER}))["card"]["kind"] == "id-card"


async def eventually(true):
    limit = time.monotonic() + PATIENCE_S
    while not await true():
        assert time.monotonic() < limit
