"""A real card service that dies, and cards that leave, beneath a real daemon."""

from __future__ import annotations

import signal

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import ensureDeferred

from clients.python.yikatong_client import connect
from simulators.card.faults import CardFaults
from simulators.card.virtual import VirtualCard
from simulators.people import PEOPLE
from simulators.stage import Stage
from tests.scenarios import invariants
from tests.scenarios.hospital import PATIENCE_S, HeldCard, Hospital, in_thread

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]


@pytest_twisted.async_yield_fixture(scope="module")
async def hospital(tmp_path_factory):
    stage = Stage(reactor, tmp_path_factory.mktemp("pcscd"), own_pcscd=True, settings={"pcsc": {"retry_s": 0.2}})
    try:
        await stage.start()
        yield Hospital(stage)
    finally:
        await stage.stop()


@pytest.fixture
def watching(hospital):
    """A session that watches the readers: its next notification, as (kind, reader)."""
    client = connect(port=hospital.stage.api_port)
    client.hello(hospital.stage.tokens["his"])
    client.call("reader.watch")
    notices = client.notifications(timeout=PATIENCE_S)

    def next_notice():
        notice = next(notices)
        assert notice["method"] == "reader.card"
        return notice["params"]["kind"], notice["params"]["reader"]

    yield lambda: in_thread(next_notice)
    client.close()


@pytest_twisted.ensureDeferred
async def test_watchers_hear_of_a_card_that_comes_and_goes(hospital, watching):
    h, slot, name = hospital, hospital.stage.slots[0], hospital.stage.reader_name()
    await h.until_reader("empty")

    await in_thread(slot.insert, VirtualCard(PEOPLE["resident"]))
    assert await watching() == ("inserted", name)
    await in_thread(slot.withdraw)
    assert await watching() == ("removed", name)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest_twisted.ensureDeferred
async def test_the_card_service_dies_and_comes_back_and_cards_are_read_again(hospital, number):
    h, pcscd = hospital, hospital.stage.pcscd
    await h.insert("employee")
    first = await h.read()
    life = h.row("meta", name="epoch")["value"]

    await in_thread(pcscd.kill if number == signal.SIGKILL else pcscd.terminate)
    await h.until_reader("absent", "failed")
    error = await h.fault("card.read", {"reader": h.stage.reader_name()})
    await in_thread(pcscd.start)
    await h.until_reader("card-present")
    again = await h.read()

    assert (error.code, error.data["money"]) == ("reader.service_down", "no")
    assert again["card"] == first["card"]
    assert again["card_read_id"] != first["card_read_id"]
    assert h.row("meta", name="epoch")["value"] == life  # the daemon was never started again
    assert h.stage.daemon.is_running


@pytest_twisted.ensureDeferred
async def test_the_card_service_dies_in_the_middle_of_a_read(hospital):
    h, pcscd = hospital, hospital.stage.pcscd
    card = HeldCard(PEOPLE["employee"], at=6)
    await h.insert("employee", card)
    caller = h.end("card.read", {"reader": h.stage.reader_name()})
    reading = in_thread(card.reached.wait, PATIENCE_S)
    ended = await both(caller, reading, pcscd.kill)
    card.go_on.set()
    await in_thread(pcscd.start)
    await h.until_reader("card-present")

    code, data = ended
    assert code in {"reader.service_down", "reader.gone", "card.withdrawn"}
    assert data["money"] == "no"
    assert (await h.visit())["status"] == "registered"


async def both(caller, reached, then):
    """How the call ends when ``then`` is done at the moment that ``reached`` tells of."""
    ended = ensureDeferred(caller)
    await reached
    await in_thread(then)
    return await ended


@pytest_twisted.ensureDeferred
async def test_a_card_pulled_in_the_middle_of_a_read_is_no_card_and_put_in_again_it_reads(hospital, watching):
    h, slot, name = hospital, hospital.stage.slots[0], hospital.stage.reader_name()
    await in_thread(slot.withdraw)
    await h.until_reader("empty")
    await h.insert("pulled", VirtualCard(PEOPLE["pulled"], CardFaults(withdraw_at=9)))
    requests = len(h.rows("request"))

    error = await h.fault("card.read", {"reader": name})
    await h.until_reader("empty")
    await h.insert("pulled")
    read = await h.read()

    assert (error.code, error.data["money"]) == ("card.withdrawn", "no")
    assert read["holder"]["id_number"] == PEOPLE["pulled"].id_number
    assert len(h.rows("request")) == requests  # invariant 8: nothing began
    kinds = []
    while len(kinds) < 2 or kinds[-2:] != ["removed", "inserted"]:
        kinds.append((await watching())[0])
        assert len(kinds) < 8
    assert (await h.settled())["state"] == "Quoted"
    invariants.all_books_agree(await invariants.check(h))
    invariants.nobody_is_named(h)
