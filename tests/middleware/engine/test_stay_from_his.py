"""A stay is charged with the HIS's lines: each once over outpatient bills and stays, free again when it was taken back."""

from __future__ import annotations

import pytest_twisted

from middleware.domain import centre as c
from middleware.domain.order import HisQuoteOrder, QuoteOrder, VisitOrder
from middleware.domain.outcome import Refused
from tests.middleware.engine.test_errands import admitted, out
from tests.middleware.engine.test_gate import fault_of
from tests.middleware.engine.test_intake import His, ft1, of_the_card, pid
from tests.support.counter import order_of, rig
from tests.support.fakes import HIS


async def told(r, his, *lines, encounter=""):
    """Lines of the card's holder, whom the HIS knows as P001."""
    _, holder = await of_the_card(r, key=f"r{his.sent}")
    person = pid(document=holder.id_number.reveal(), name=holder.name.reveal())
    await his.tell("DFT^P03", person, *([f"PV1|1|I{'|' * 17}{encounter}"] if encounter else []), *lines)


async def charged(r, visit, key, encounter=""):
    order = HisQuoteOrder(visit["visit_id"], "P001", encounter, ())
    return await r.counter.charge_from_his(HIS, key, order)


async def quoted(r, visit, key):
    return await r.counter.quote(HIS, key, QuoteOrder(visit["visit_id"], (), ()))


@pytest_twisted.ensureDeferred
async def test_each_line_is_charged_once_over_stays_and_outpatient_bills(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await told(r, his, ft1("L1", "60.00"), encounter="Z1")
        stay = await admitted(r)
        first = await charged(r, stay, "c1", "Z1")
        assert (first["total"], await charged(r, stay, "c1", "Z1")) == ("60.00", first)
        assert (await fault_of(charged(r, stay, "c2"))).code == "charge.none"
        outpatient, _ = await of_the_card(r, key="o")
        assert (await fault_of(his.quote(outpatient, "q1"))).code == "charge.none"

        await told(r, his, ft1("L2", "40.00"))
        assert (await charged(r, stay, "c3"))["charged"] == "100.00"
        await out(r, stay["visit_id"])
        quote = await quoted(r, stay, "q")
        await r.counter.settle(HIS, "s", order_of(quote))
        assert (await fault_of(his.quote(outpatient, "q2"))).code == "charge.none"


@pytest_twisted.ensureDeferred
async def test_a_line_of_an_outpatient_quote_is_not_charged_to_the_stay(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        await told(r, his, ft1("L1", "60.00"))
        outpatient, _ = await of_the_card(r, key="o")
        quote = await his.quote(outpatient, "q1")
        stay = await admitted(r)
        assert (await fault_of(charged(r, stay, "c1"))).code == "charge.claimed"
        await r.counter.settle(HIS, "s", order_of(quote))
        assert (await fault_of(charged(r, stay, "c2"))).code == "charge.none"


@pytest_twisted.ensureDeferred
async def test_what_the_centre_declined_or_gave_back_may_be_charged_anew(store_url):
    async with rig(store_url) as r:
        his = His(r)
        await told(r, his, ft1("L1", "60.00"))
        stay = await admitted(r)
        r.centre.script[c.Call.UPLOAD_STAY_CHARGES] = [Refused("E1", "no")]
        assert (await fault_of(charged(r, stay, "c1"))).code == "centre.refused"
        await charged(r, stay, "c2")
        await r.counter.errand(HIS, "w", "inpatient.withdraw_charges", VisitOrder(stay["visit_id"]))
        outpatient, _ = await of_the_card(r, key="o")
        quote = await his.quote(outpatient, "q1")
        assert quote["split"]["total"] == "60.00"
        assert (await fault_of(charged(r, stay, "c3"))).code == "charge.claimed"


@pytest_twisted.ensureDeferred
async def test_what_the_his_changes_of_a_charged_line_stops_the_quote_and_the_settling_of_the_stay(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        his = His(r)
        await told(r, his, ft1("L1", "60.00"))
        stay = await admitted(r)
        await charged(r, stay, "c1")
        await out(r, stay["visit_id"])
        quote = await quoted(r, stay, "q1")
        await told(r, his, ft1("L1", "50.00"))
        assert (await fault_of(r.counter.settle(HIS, "s", order_of(quote)))).code == "settlement.quote_changed"
        fault = await fault_of(quoted(r, stay, "q2"))
        assert (fault.code, "withdraw_charges" in fault.detail) == ("settlement.quote_changed", True)


@pytest_twisted.ensureDeferred
async def test_only_a_stay_is_charged_so(tmp_path):
    async with rig(f"sqlite:///{tmp_path}/y.db") as r:
        visit, _ = await of_the_card(r)
        assert (await fault_of(charged(r, visit, "c1"))).code == "request.bad_params"
        stay = await admitted(r)
        assert (await fault_of(His(r).quote(stay, "q"))).code == "request.bad_params"
