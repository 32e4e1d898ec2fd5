"""A person's password on its way: with the request that has it, into the one message, and nowhere else."""

from __future__ import annotations

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve

from middleware.domain.centre import Call, Settle
from middleware.domain.fault import Fault
from middleware.domain.identity import Password
from middleware.domain.outcome import Unknown
from middleware.store import tables as t
from tests.support.counter import order_of, quoted, rig
from tests.support.fakes import HIS

SECRET = "739154"


def wants(r):
    """The fake centre of a region that wants one."""
    prepare = r.centre.prepare

    async def must(message_id, request, at):
        if isinstance(request, Settle) and request.password is None:
            raise Fault("centre.password")
        return await prepare(message_id, request, at)

    r.centre.prepare = must


def everything(r):
    with r.database.connect() as connection:
        return "".join(str(row) for table in t.metadata.sorted_tables for row in connection.execute(sa.select(table)).all())


@pytest_twisted.ensureDeferred
async def test_without_it_nothing_leaves_and_the_quote_stands_with_it_the_same_quote_is_settled(store_url):
    async with rig(store_url) as r:
        wants(r)
        quote = await quoted(r)
        with pytest.raises(Fault) as missing:
            await r.counter.settle(HIS, "s1", order_of(quote))
        assert missing.value.code == "centre.password"
        assert r.centre.calls(Call.SETTLE) == []

        order = evolve(order_of(quote), password=Password(SECRET))
        settled = await r.counter.settle(HIS, "s2", order)
        (message_id,) = r.centre.calls(Call.SETTLE)

        assert settled["state"] == "Settled"
        assert r.centre.requests[message_id].password.reveal() == SECRET
        assert r.engine.passwords == {}
        assert SECRET not in everything(r)
        assert await r.counter.settle(HIS, "s2", order) == settled


@pytest_twisted.ensureDeferred
async def test_whatever_comes_of_it_the_password_is_gone_with_the_answer(store_url):
    async with rig(store_url) as r:
        wants(r)
        quote = await quoted(r)
        r.centre.script[Call.SETTLE] = [Unknown("time-out")]
        with pytest.raises(Fault, match="outcome_unknown"):
            await r.counter.settle(HIS, "s1", evolve(order_of(quote), password=Password(SECRET)))

        assert r.engine.passwords == {}
        assert len(r.centre.calls(Call.SETTLE)) == 1
        assert SECRET not in everything(r)
