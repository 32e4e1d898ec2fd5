"""A quote is remarked by the downloaded catalogues, and refused by them only where the region says so."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import pytest_twisted
from attrs import evolve

from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.doors.local_api.methods import METHODS
from simulators.centre.catalogue_files import ENDED, OUR_OTHER_CODE
from tests.adapters.insurance.requests import line
from tests.support.catalogue import play
from tests.support.fakes import HIS, quote_order, register_order

ITEMS = ("1301", "1302", "1303", "1305", "1306", "1317", "1318", "1901")


async def loaded(shelf):
    for name in ITEMS:
        assert (await shelf.downloader.run(name)).fault == ""


async def visit_of(shelf, key):
    read = await shelf.rig.counter.read_card(HIS, "Virtual 00")
    order = evolve(register_order(read["card_read_id"]), begun_at=shelf.rig.now())
    return (await shelf.rig.counter.register(HIS, f"r{key}", order))["visit_id"]


def charged(shelf, key, code, price="10.00", hospital=""):
    now = shelf.rig.now() - dt.timedelta(minutes=1)
    return line(
        f"{key}", catalogue_code=code, hospital_code=hospital or f"H-{code}", unit_price=Decimal(price),
        quantity=Decimal(1), amount=Money.parse(price), charged_at=now,
    )  # fmt: skip


async def quoted(shelf, key, *lines):
    return await shelf.rig.counter.quote(HIS, f"q{key}", evolve(quote_order(await visit_of(shelf, key)), lines=lines))


@pytest_twisted.ensureDeferred
async def test_a_quote_tells_what_the_catalogues_say_against_its_lines_and_is_given_all_the_same(store_url):
    async def test(shelf):
        before = await quoted(shelf, "0", charged(shelf, "L0", "NOSUCH"))
        assert "remarks" not in before  # nothing was downloaded: nothing is known
        await loaded(shelf)
        bill = (
            charged(shelf, "L1", "XA01AMOX0250"),
            charged(shelf, "L2", "NOSUCH"),
            charged(shelf, "L3", ENDED, hospital="H-XA01AMOX0250"),
            charged(shelf, "L4", "XA02OMEP0020", "18.51"),
            charged(shelf, "L5", "XN02IBUP0300", hospital=OUR_OTHER_CODE),
        )
        answer = await quoted(shelf, "1", *bill)

        assert [(one["line_id"], one["code"], one["value"]) for one in answer["remarks"]] == [
            ("L2", "unknown", ""),
            ("L2", "not-mapped", ""),
            ("L3", "expired", "2025-12-31"),
            ("L3", "mapped-otherwise", ""),
            ("L4", "over-limit", "18.5"),
            ("L5", "mapped-otherwise", ""),
        ]
        assert answer["remarks"][4]["zh"] == "单价高于中心限价 18.5 元"
        METHODS["settlement.quote"].check_result(answer)
        seen = await shelf.rig.counter.get(HIS, settlement_id=answer["settlement_id"])
        assert seen["quote"]["remarks"] == answer["remarks"]
        clean = await quoted(shelf, "2", charged(shelf, "L9", "XA01AMOX0250"))
        assert "remarks" not in clean

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_where_the_region_says_so_a_quote_with_an_item_that_does_not_count_is_refused_before_the_centre_is_asked(
    tmp_path,
):
    async def test(shelf):
        await loaded(shelf)
        visit = await visit_of(shelf, "1")
        asked = len(shelf.simulator.ledger.receipts)
        bill = (charged(shelf, "L1", "NOSUCH"), charged(shelf, "L2", "XA02OMEP0020", "18.51"))
        with pytest.raises(Fault) as refused:
            await shelf.rig.counter.quote(HIS, "q1", evolve(quote_order(visit), lines=bill))

        assert (refused.value.code, refused.value.detail) == ("catalogue.refused_item", "L1 unknown")
        assert len(shelf.simulator.ledger.receipts) == asked
        answer = await shelf.rig.counter.quote(HIS, "q2", evolve(quote_order(visit), lines=bill[1:]))
        assert [one["code"] for one in answer["remarks"]] == ["over-limit"]  # a price is only remarked

    await play(test, refuse=True)(f"sqlite:///{tmp_path}/y.db")
