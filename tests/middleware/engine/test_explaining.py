"""settlement.explain, through the real engine and store."""

from __future__ import annotations

import attrs
import msgspec
import pytest
import pytest_twisted

from middleware.domain import benefit
from middleware.domain import centre as c
from middleware.domain.fault import Fault
from middleware.domain.money import Money
from middleware.domain.order import CancelOrder, QuoteOrder
from middleware.domain.outcome import Refused
from middleware.doors.local_api.results_explain import ExplainResult
from middleware.store import tables as t
from tests.middleware.engine.test_errands import admitted, charged, out, sold
from tests.support.counter import order_of, quoted, registered, rig, rows
from tests.support.fakes import HIS, POS, lines, quote_order


def verdict(line: object, **parts: int) -> c.LineVerdict:
    money = {name: Money(parts.get(name, 0)) for name in ("self_paid", "over_limit", "first_self_paid")}
    rest = Money(line.amount.fen - sum(one.fen for one in money.values()))
    return c.LineVerdict(line.line_id, line.amount, **money, in_scope=rest, level="02")


def telling(r, **parts):
    """The centre makes the same of each line."""
    usual = r.centre.reply
    r.centre.reply = lambda request: (
        c.ChargesTaken(tuple(verdict(line, **parts) for line in request.lines))
        if isinstance(request, c.UploadCharges)
        else usual(request)
    )


@pytest_twisted.ensureDeferred
async def test_a_settlement_is_explained_with_its_items_under_the_callers_own_numbers_and_names(store_url):
    async with rig(store_url) as r:
        telling(r, first_self_paid=500)
        quote = await quoted(r)
        of_quote = await r.counter.explain(HIS, request_id="q1")
        await r.counter.settle(HIS, "s1", order_of(quote))

        told = await r.counter.explain(HIS, settlement_id=quote["settlement_id"])

        msgspec.convert(told, ExplainResult, strict=True)
        assert (of_quote["of"], told["of"], told["certain"], told["items_left_off"]) == ("quoted", "settled", True, 0)
        assert sum(Money.parse(one["amount"]).fen for one in told["payers"]) == Money.parse(told["total"]).fen
        bill = await r.engine.visits.bill(told["visit_id"], told["settlement_id"])
        assert [(one["line_id"], one["name"]) for one in told["items"]] == [(one.line_id, one.name) for one in bill.lines]
        assert {part["code"]: part["amount"] for one in told["items"] for part in one["reasons"]} == {
            "first_self_paid": "5.00"
        }
        assert any(bill.lines[0].name in line for line in told["receipt"]["zh"])
        assert any(line.endswith(" 5.00 元") for line in told["receipt"]["zh"])


@pytest_twisted.ensureDeferred
async def test_the_journal_keeps_of_the_verdicts_what_is_borne_and_no_name(store_url):
    async with rig(store_url) as r:
        telling(r, self_paid=1)
        told = await r.counter.explain(HIS, settlement_id=(await quoted(r))["settlement_id"])

        lines = [row.line for row in rows(r, t.journal) if "CentreTookCharges" in row.line]
        assert len(lines) == 1
        assert '"self_paid":{"fen":1}' in lines[0]
        assert told["items"][0]["name"] not in lines[0]
        assert r.reader.broken(t.journal) is None


@pytest_twisted.ensureDeferred
async def test_lines_that_funds_share_wholly_are_no_items(store_url):
    async with rig(store_url) as r:
        telling(r)

        told = await r.counter.explain(HIS, settlement_id=(await quoted(r))["settlement_id"])

        assert (told["items"], told["items_known"]) == ([], True)


@pytest_twisted.ensureDeferred
async def test_a_cancel_is_explained_by_its_own_amounts(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)
        settled = await r.counter.settle(HIS, "s1", order_of(quote))
        await r.counter.cancel(HIS, "c1", CancelOrder(settled["settlement_id"], ""))

        assert (await r.counter.explain(HIS, settlement_id=settled["settlement_id"]))["of"] == "cancelled"


@pytest_twisted.ensureDeferred
async def test_what_the_centre_has_not_split_is_not_explained(store_url):
    async with rig(store_url) as r:
        r.centre.script[c.Call.PRE_SETTLE] = [Refused("-1", "no")]
        with pytest.raises(Fault):
            await quoted(r)

        with pytest.raises(Fault, match=r"settlement\.wrong_state"):
            await r.counter.explain(HIS, request_id="q1")


@pytest_twisted.ensureDeferred
async def test_another_terminals_settlement_is_not_explained_to_a_pharmacy(store_url):
    async with rig(store_url) as r:
        quote = await quoted(r)

        with pytest.raises(Fault, match=r"access\.not_yours"):
            await r.counter.explain(POS, settlement_id=quote["settlement_id"])


@pytest_twisted.ensureDeferred
async def test_when_the_bill_was_destroyed_the_amounts_are_explained_without_names(store_url, monkeypatch):
    async with rig(store_url) as r:
        telling(r, over_limit=200)
        quote = await quoted(r)

        async def forgotten(_visit_id, _owner):
            raise Fault("person.forgotten")

        monkeypatch.setattr(type(r.engine.visits), "bill", lambda _self, *args: forgotten(*args))
        told = await r.counter.explain(HIS, settlement_id=quote["settlement_id"])

        assert {one["name"] for one in told["items"]} == {""}
        assert all(one["line_id"].isdecimal() for one in told["items"])


@pytest_twisted.ensureDeferred
async def test_a_stay_is_explained_by_the_items_of_all_its_charges(store_url):
    async with rig(store_url) as r:
        telling(r, self_paid=100)
        visit = await admitted(r)
        await charged(r, visit["visit_id"], 10000, 3000)
        await charged(r, visit["visit_id"], 5000, key="c2")
        await out(r, visit["visit_id"])
        quote = await r.counter.quote(HIS, "q", QuoteOrder(visit["visit_id"], (), ()))

        told = await r.counter.explain(HIS, settlement_id=quote["settlement_id"])

        assert [(one["line_id"], one["amount"]) for one in told["items"]] == [
            ("1", "100.00"),
            ("2", "30.00"),
            ("1", "50.00"),
        ]


@pytest_twisted.ensureDeferred
async def test_a_pharmacys_sale_is_explained_by_the_items_that_its_quote_tells(store_url):
    async with rig(store_url) as r:
        visit = await sold(r)
        usual = r.centre.reply

        def tell(request):
            if not isinstance(request, c.PreSettle):
                return usual(request)
            cuts = tuple(verdict(line, self_paid=line.amount.fen * (n == 2)) for n, line in enumerate(request.lines, 1))
            return attrs.evolve(usual(request), cuts=cuts)

        r.centre.reply = tell
        quote = await r.counter.quote(POS, "q", QuoteOrder(visit["visit_id"], (), lines(10000, 2500)))

        told = await r.counter.explain(POS, settlement_id=quote["settlement_id"])

        assert told["items_known"]
        assert [(one["line_id"], one["amount"]) for one in told["items"]] == [("2", "25.00")]
        assert len(told["receipt"]["zh"]) == len([line for line in told["receipt"]["zh"] if line])


@pytest_twisted.ensureDeferred
async def test_of_a_pharmacys_sale_of_which_no_line_was_told_it_is_said_that_the_items_are_not_known(store_url):
    async with rig(store_url) as r:
        visit = await sold(r)
        quote = await r.counter.quote(POS, "q", QuoteOrder(visit["visit_id"], (), lines(10000)))

        told = await r.counter.explain(POS, settlement_id=quote["settlement_id"])

        assert (told["items_known"], told["items"], told["total"]) == (False, [], "100.00")


@pytest_twisted.ensureDeferred
async def test_a_long_list_of_items_is_cut_and_says_so(store_url, monkeypatch):
    monkeypatch.setattr(benefit, "MAX_ITEMS", 1)
    async with rig(store_url) as r:
        telling(r, self_paid=100)
        visit = await registered(r)
        quote = await r.counter.quote(HIS, "q", quote_order(visit["visit_id"], 100, 200, 300))

        told = await r.counter.explain(HIS, settlement_id=quote["settlement_id"])

        assert (len(told["items"]), told["items_left_off"]) == (1, 2)
