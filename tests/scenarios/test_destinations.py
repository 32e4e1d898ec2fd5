"""A real daemon that tells two systems: one is away and hears everything later, once and in order, by numbers without a gap."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet import reactor

from simulators.his import HisSimulator
from simulators.ports import free_port
from simulators.stage import Stage
from tests.scenarios.hospital import Hospital, until

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]


@pytest_twisted.ensureDeferred
async def test_a_destination_that_was_away_over_a_restart_hears_all_of_it_once_and_in_order(tmp_path):
    pharmacy = HisSimulator(reactor, free_port(), "gb18030", numbered=True)
    port = pharmacy.start()
    await pharmacy.stop()  # not there yet
    section = {"port": port, "encoding": "gb18030", "sequence_numbers": "ask", "retry_first_s": 0.1, "retry_most_s": 0.3}
    stage = Stage(reactor, tmp_path, settings={"his.destinations.pharmacy": section})
    try:
        await stage.start()
        hospital = Hospital(stage)
        await hospital.insert("employee")
        quote = await hospital.quote()
        settled = await hospital.call("settlement.settle", hospital.confirmation(quote))
        await until(lambda: stage.his.book.postings, "the HIS was not told")
        assert pharmacy.book.postings == []

        await stage.kill()
        await stage.start_daemon()
        pharmacy.start()
        await until(lambda: pharmacy.book.postings, "the pharmacy was not told")

        told = [one for one in pharmacy.received if one.value("MSH", 13) != "0"]
        assert [one.message_type for one in told] == ["ADT^A04", "DFT^P03"]
        assert pharmacy.last_number == 2
        assert [one.settlement_id for one in pharmacy.book.postings] == [settled["settlement_id"]]
        shown = await hospital.call("destinations.list", role="operator")
        rows = {row["destination"]: row for row in shown["rows"]}
        assert (rows["pharmacy"]["numbers"]["next"], rows["his"]["configured"]) == (3, True)
    finally:
        await stage.stop()
        await pharmacy.stop()
