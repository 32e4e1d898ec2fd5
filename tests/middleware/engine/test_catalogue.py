"""Downloading catalogues with the real adapter from the simulated centre, on both databases: whole, atomic, resumable."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
import pytest_twisted
import sqlalchemy as sa
from attrs import evolve

from middleware.domain.fault import Fault
from middleware.domain.order import Caller, Role
from middleware.doors.local_api.methods import METHODS
from middleware.engine import catalogue as engine
from middleware.store import catalogue as stored
from middleware.store import tables as t
from simulators.centre.catalogue import CATALOGUE
from simulators.centre.catalogue_files import COMING, ENDED, Told
from tests.support.catalogue import play
from tests.support.wire import NATIONAL, PROCESS, PROFILE

WHO = Caller(Role.OPERATOR, "operator-1", "")
VERSIONS = "V20250101_A", "V20260101_A"


@pytest.mark.parametrize("profile", [PROFILE, NATIONAL, PROCESS], ids=["soap", "national", "process"])
@pytest_twisted.ensureDeferred
async def test_every_catalogue_comes_whole_and_a_second_download_finds_nothing_newer(tmp_path, profile):
    async def test(shelf):
        for name in shelf.downloader.rules.offered:
            load = await shelf.downloader.run(name)
            assert (load.state in {"loaded", "newest"}, load.fault) == (True, ""), (name, load)
        standing = shelf.store.all()

        assert standing["1301"].version == VERSIONS[1]
        assert standing["1302"].rows == 0  # the centre has none
        assert standing["1302"].checked_at
        assert standing["1318"].rows == sum(item.limit is not None for item in CATALOGUE.values())
        assert standing["1317"].rows == len(shelf.books.mapped)
        limit = shelf.store.find(["1318"], ["XA02OMEP0020"])["1318"]["XA02OMEP0020"]
        assert [row.limit for row in limit] == [Decimal("18.5")]
        share = shelf.store.find(["1319"], ["XC10ATOR0020"])["1319"]["XC10ATOR0020"]
        assert [row.share for row in share] == [Decimal("0.1")]
        assert shelf.store.lists(["med_type", "insutype", "no_such"]) == {"med_type", "insutype"}
        again = await shelf.downloader.run("1301")
        assert (again.state, again.way, again.versions) == ("newest", "increment", 0)
        assert shelf.store.standing("1301").rows == standing["1301"].rows

    await play(test, profile)(f"sqlite:///{tmp_path}/y.db")


@pytest_twisted.ensureDeferred
async def test_an_increment_replaces_rows_by_their_record_and_what_it_replaced_is_cleared(store_url):
    async def test(shelf):
        await shelf.downloader.run("1301")
        rows = shelf.store.standing("1301").rows
        ended = shelf.store.find(["1301"], [ENDED])["1301"][ENDED]
        assert [(row.until, row.version) for row in ended] == [("2025-12-31", VERSIONS[1])]
        shelf.books.add(Told(ENDED, "改名", "2026-06-01", valid=False))
        shelf.books.add(Told("XNEW", "新药", "2026-06-01"))
        load = await shelf.downloader.run("1301")

        assert (load.state, load.way, load.versions) == ("loaded", "increment", 1)
        after = shelf.store.standing("1301")
        assert (after.rows, after.version) == (rows + 1, "V20260601_A")
        assert [row.valid for row in shelf.store.find(["1301"], [ENDED])["1301"][ENDED]] == [False]
        assert _all_rows(shelf) == after.rows  # nothing is left over

    await play(test)(store_url)


def _all_rows(shelf):
    with shelf.rig.database.connect() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(t.catalogue_item))


BAD = {
    "cut-zip": "catalogue.file",
    "wrong-columns": "catalogue.file",
    "wrong-charset": "catalogue.file",
    "bomb": "catalogue.file",
    "old-version": "catalogue.file",
    "changed-meanwhile": "catalogue.changed",
    "no-rows": "catalogue.changed",
}


@pytest_twisted.ensureDeferred
async def test_a_bad_file_is_refused_whole_and_what_was_there_stays_as_it_was(tmp_path):
    async def test(shelf):
        await shelf.downloader.run("1301")
        before, found = shelf.store.standing("1301"), shelf.store.page("1301", ("", ""), 100)
        shelf.books.add(Told(ENDED, "改名", "2026-06-01"))
        shelf.books.add(Told("XNEW", "新药", "2026-06-01"))
        for action, code in BAD.items():
            shelf.simulator.faults.always("9102", action)
            load = await shelf.downloader.run("1301")
            assert (action, load.state, load.fault) == (action, "failed", code)
            assert shelf.store.standing("1301") == before
            assert shelf.store.page("1301", ("", ""), 100) == found
        shelf.simulator.faults.clear()
        shelf.simulator.faults.next("9102", "cut-zip")  # once: the second try has it
        assert (await shelf.downloader.run("1301")).state == "loaded"
        assert shelf.store.find(["1301"], ["XNEW"])["1301"]["XNEW"]
        assert _all_rows(shelf) == shelf.store.standing("1301").rows

    await play(test)(f"sqlite:///{tmp_path}/y.db")


@pytest_twisted.ensureDeferred
async def test_rows_of_a_version_that_is_not_whole_never_count_and_the_next_life_goes_on_behind_the_last_whole_one(
    store_url, monkeypatch
):
    """A full load is told in three versions; the daemon dies in the middle of the third."""

    monkeypatch.setattr(engine, "PART_ROWS", 20)

    async def test(shelf):
        for number in range(30):
            shelf.books.add(Told(f"XMANY{number:05d}", f"药 {number}", "2026-06-01"))
        seen = []

        def looked(work):
            def counted(*args):
                seen.append((shelf.store.standing("1301").edition, len(shelf.store.page("1301", ("", ""), 9))))
                if args[2] == 3 and len(args[3]) == 20:
                    shelf.downloader.stop()
                    raise ConnectionError("as if the machine went down")
                return work(*args)

            return counted

        add, stored.add = stored.add, looked(stored.add)
        try:
            load = await shelf.downloader.run("1301")
        finally:
            stored.add = add
        assert load.state == "failed"
        assert set(seen) == {(0, 0)}  # nothing counts before all of it does
        left = shelf.store.standing("1301")
        assert (left.edition, left.next_version, left.next_edition) == (0, VERSIONS[1], 2)
        asked = len(shelf.simulator.ledger.receipts)
        await shelf.crash()
        await shelf.start()
        load = await shelf.downloader.run("1301")

        assert (load.state, load.way, load.versions, load.version) == ("loaded", "full", 1, "V20260601_A")
        calls = [one.call for one in shelf.simulator.ledger.receipts[asked:] if one.call in {"1301", "9102"}]
        assert calls == ["1301", "9102", "1301"]
        standing = shelf.store.standing("1301")
        assert (standing.rows, standing.next_edition) == (_all_rows(shelf), 0)
        assert shelf.store.find(["1301"], [COMING, "XMANY00000"])["1301"].keys() == {COMING, "XMANY00000"}

    await play(test)(store_url)


@pytest_twisted.ensureDeferred
async def test_while_a_full_load_goes_on_what_is_there_counts_until_the_new_one_is_through(tmp_path):
    async def test(shelf):
        await shelf.downloader.run("1301")
        before = shelf.store.standing("1301")
        seen, stand = [], stored.stand

        def looked(load, standing):
            seen.append(shelf.store.standing("1301").edition)
            assert [row.code for row in shelf.store.find(["1301"], [ENDED])["1301"][ENDED]] == [ENDED]
            return stand(load, standing)

        stored.stand = looked
        try:
            load = await shelf.downloader.run("1301", again=True)
        finally:
            stored.stand = stand

        assert (load.state, load.way, load.versions) == ("loaded", "full", 2)
        assert set(seen) == {before.edition}
        after = shelf.store.standing("1301")
        assert (after.rows, after.base > before.edition, _all_rows(shelf)) == (before.rows, True, before.rows)

    await play(test)(f"sqlite:///{tmp_path}/y.db")


@pytest_twisted.ensureDeferred
async def test_one_download_of_a_catalogue_at_a_time_and_of_several_nodes_one(tmp_path):
    async def test(shelf):
        first = await shelf.desk.download(WHO, "1301", full=False)
        with pytest.raises(Fault, match=r"catalogue\.running"):
            await shelf.desk.download(WHO, "1301", full=False)
        second = await shelf.downloader.run("1307")  # another one waits for its turn
        assert (first["state"], first["step"], second.state) == ("running", "waiting", "loaded")
        assert [one.catalogue for one in shelf.ended] == ["1301", "1307"]
        status = await shelf.desk.status(first["load_id"], "")
        METHODS["catalogue.download"].check_result(first)
        METHODS["catalogue.status"].check_result(status)
        assert (status["state"], status["versions"], status["account"]) == ("loaded", 2, "operator-1")
        with pytest.raises(Fault, match=r"catalogue\.not_offered"):
            await shelf.downloader.begin("1304")
        shelf.holds = False
        with pytest.raises(Fault, match="another node"):
            await shelf.downloader.begin("1301")

    await play(test)(f"sqlite:///{tmp_path}/y.db")


@pytest_twisted.ensureDeferred
async def test_a_load_that_another_began_since_writes_nothing_more(tmp_path):
    async def test(shelf):
        add = stored.add

        def taken_over(load, *args):
            other = evolve(load, load_id="G-other", begun_at=dt.datetime.now(dt.UTC).isoformat())
            work = add(load, *args)

            def both(connection):
                stored.begin(other)(connection)
                work(connection)

            return both

        stored.add = taken_over
        try:
            load = await shelf.downloader.run("1301")
        finally:
            stored.add = add

        assert (load.state, load.fault) == ("failed", "catalogue.running")
        assert _all_rows(shelf) == 0

    await play(test)(f"sqlite:///{tmp_path}/y.db")


@pytest_twisted.ensureDeferred
async def test_a_centre_that_changes_between_two_pages_is_asked_again(tmp_path):
    async def test(shelf):
        shelf.books.mapped.update({f"H-{number}": "XA01AMOX0250" for number in range(400)})
        pages = shelf.books.handlers["1317"]
        told = []

        def changing(head, nodes):
            told.append(nodes["data"][0]["page_num"])
            if len(told) == 2:
                shelf.books.mapped["H-late"] = "XA01AMOX0250"
            return pages(head, nodes)

        shelf.simulator.business._handlers["1317"] = changing
        load = await shelf.downloader.run("1317")

        assert (load.state, load.rows) == ("loaded", len(shelf.books.mapped))
        assert told[:4] == ["1", "2", "1", "2"]

    await play(test)(f"sqlite:///{tmp_path}/y.db")


@pytest_twisted.ensureDeferred
async def test_the_desk_shows_what_there_is_and_pages_through_it(store_url):
    async def test(shelf):
        await shelf.downloader.run("1301")
        every = await shelf.desk.all()
        METHODS["catalogue.list"].check_result(every)
        one = next(row for row in every["catalogues"] if row["catalogue"] == "1301")
        assert (one["version"], one["offered"], one["newest"]["state"]) == (VERSIONS[1], True, "loaded")
        codes, after, complete = [], "", False
        while not complete:
            page = await shelf.desk.show("1301", "", after, 3)
            codes += [row["code"] for row in page["rows"]]
            after, complete = page["next_after"], page["complete"]
        assert codes == sorted(codes)
        assert len(codes) == one["rows"]
        shown = await shelf.desk.show("1301", ENDED, "", 10)
        METHODS["catalogue.show"].check_result(shown)
        assert [(row["holds"], row["until"], len(row["raw"].split("\t"))) for row in shown["rows"]] == [
            (False, "2025-12-31", 92)
        ]
        with pytest.raises(Fault, match=r"request\.not_found"):
            await shelf.desk.status("", "1305")

    await play(test)(store_url)
