from __future__ import annotations

import hashlib
import json

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from tests.middleware.doors.fakes import BUREAU_TOKEN, HIS_TOKEN, OPERATOR_TOKEN


def header(response, name: str) -> str:
    return (response.headers.getRawHeaders(name) or [""])[0]


@pytest_twisted.ensureDeferred
async def test_the_bureau_walks_the_feed_to_its_head_and_can_verify_every_row(served):
    site = served(rows=7)
    after, seen, previous = 0, [], "0" * 64
    while True:
        response, body = await site.get(f"/feed/v1/settlements?after={after}&limit=3")
        page = json.loads(body)
        for row in page["rows"]:
            assert row["previous"] == previous
            assert row["hash"] == hashlib.new("sm3", f"{previous}\n{row['line']}".encode()).hexdigest()
            previous = row["hash"]
        seen += [row["sequence"] for row in page["rows"]]
        after = page["next_after"]
        assert header(response, "Link") == f'</feed/v1/settlements?after={after}&limit=3>; rel="next"'
        if not page["closed"]:
            break
        assert "head" not in page
    assert seen == [1, 2, 3, 4, 5, 6, 7]
    assert page["head"] == {"sequence": 7, "hash": previous, "algorithm": "sm3", "clock": "2026-11-20T12:00:00+08:00"}
    assert site.seen == [("settlements", "ok", 3), ("settlements", "ok", 3), ("settlements", "ok", 1)]


@pytest_twisted.ensureDeferred
async def test_invariant_24_a_closed_page_read_again_gives_identical_bytes_while_the_chain_grows(served):
    site = served(rows=5)
    for accept in ("application/json", "application/x-ndjson"):
        first, one = await site.get("/feed/v1/settlements?after=1&limit=3", Accept=accept)
        site.feed.append()
        second, two = await site.get("/feed/v1/settlements?after=1&limit=3", Accept=accept)
        assert one == two
        assert header(first, "ETag") == header(second, "ETag") != ""
        assert "immutable" in header(first, "Cache-Control")


@pytest_twisted.ensureDeferred
async def test_a_closed_page_is_not_sent_again_to_whoever_has_it(served):
    site = served(rows=5)
    first, _ = await site.get("/feed/v1/settlements?limit=3")
    again, body = await site.get("/feed/v1/settlements?limit=3", **{"If-None-Match": header(first, "ETag")})
    assert (again.code, body) == (304, b"")
    other, _ = await site.get("/feed/v1/settlements?limit=3", **{"If-None-Match": '"another"'})
    assert other.code == 200


@pytest_twisted.ensureDeferred
async def test_an_open_page_is_never_cached(served):
    site = served(rows=2)
    response, _ = await site.get("/feed/v1/settlements?limit=3")
    assert header(response, "ETag") == ""
    assert header(response, "Cache-Control") == "no-store"


@pytest_twisted.ensureDeferred
async def test_ndjson_is_the_same_rows_one_a_line(served):
    site = served(rows=2)
    _, as_json = await site.get("/feed/v1/settlements")
    response, as_lines = await site.get("/feed/v1/settlements", Accept="application/x-ndjson")
    assert [json.loads(line) for line in as_lines.splitlines()] == json.loads(as_json)["rows"]
    assert header(response, "Yikatong-Next-After") == "2"
    assert header(response, "Yikatong-Closed") == "false"
    assert header(response, "Content-Type").startswith("application/x-ndjson")


@pytest_twisted.ensureDeferred
async def test_a_page_of_long_rows_ends_early_and_stays_the_same(served):
    site = served(rows=40, page_bytes=64 << 10)
    site.feed.rows = [row.__class__(row.sequence, row.previous, row.hash, "x" * 30_000) for row in site.feed.rows]
    _, one = await site.get("/feed/v1/settlements?limit=40")
    page = json.loads(one)
    assert ([row["sequence"] for row in page["rows"]], page["closed"], page["next_after"]) == ([1, 2], True, 2)
    assert (await site.get("/feed/v1/settlements?limit=40"))[1] == one


@pytest_twisted.ensureDeferred
async def test_an_empty_feed_is_an_open_page(served):
    site = served()
    _, body = await site.get("/feed/v1/settlements")
    page = json.loads(body)
    assert (page["rows"], page["next_after"], page["closed"], page["head"]["sequence"]) == ([], 0, False, 0)


@pytest_twisted.ensureDeferred
async def test_head_says_where_the_chain_ends(served):
    site = served(rows=4)
    _, body = await site.get("/feed/v1/head")
    assert json.loads(body)["sequence"] == 4
    assert json.loads(body)["hash"] == site.feed.rows[-1].hash


@pytest_twisted.ensureDeferred
async def test_only_the_bureau_reads_the_feed(served):
    site = served(rows=1)
    for path in ("/feed/v1/settlements", "/feed/v1/head"):
        assert await site.error(path, token=None) == (401, "access.no_session")
        assert await site.error(path, token="wrong") == (401, "access.bad_token")
        assert await site.error(path, token="x" * 5000) == (401, "access.bad_token")
        assert await site.error(path, token=HIS_TOKEN) == (403, "access.role")
        assert await site.error(path, token=OPERATOR_TOKEN) == (403, "access.role")
    response, _ = await site.get("/feed/v1/head", token=None)
    assert header(response, "WWW-Authenticate").startswith("Bearer")


@pytest.mark.parametrize(
    "query",
    [
        "after=-1", "after=x", "after=1.0", "after=%2B1", "after=1_0", "after=%D9%A1", "after=9223372036854775808",
        "after=" + "9" * 5000, "limit=0", "limit=1001", "limit=", "after=1&after=2", "cursor=1",
    ],
)  # fmt: skip
@pytest_twisted.ensureDeferred
async def test_a_query_out_of_bounds_is_refused(served, query):
    assert await served(rows=1).error(f"/feed/v1/settlements?{query}") == (400, "request.bad_params")


@pytest_twisted.ensureDeferred
async def test_a_cursor_beyond_the_head_is_an_error_and_not_an_empty_page(served):
    assert await served(rows=3).error("/feed/v1/settlements?after=4") == (404, "request.not_found")


@pytest_twisted.ensureDeferred
async def test_other_methods_and_bodies_are_refused(served):
    site = served(rows=1)
    assert await site.error("/feed/v1/settlements", method="POST") == (405, "request.unknown_method")
    response, body = await site.get("/feed/v1/settlements", method="HEAD")
    assert (response.code, body) == (200, b"")


@pytest_twisted.ensureDeferred
async def test_a_store_that_fails_is_an_internal_error_that_leaks_nothing(served):
    site = served(rows=1)
    site.feed.error = RuntimeError("secret path")
    response, body = await site.get("/feed/v1/settlements")
    assert response.code == 500
    assert b"secret" not in body


@pytest_twisted.ensureDeferred
async def test_a_gap_in_the_store_is_never_served(served):
    site = served(rows=5)
    del site.feed.rows[2]
    assert await site.error("/feed/v1/settlements") == (500, "system.internal")


@pytest_twisted.ensureDeferred
async def test_a_slow_store_is_busy_and_so_is_one_page_too_many(served):
    site = served(rows=1, deadline_s=0.1, in_flight=1)
    site.feed.hold = Deferred()
    assert await site.error("/feed/v1/settlements") == (503, "system.busy")
    response, _ = await site.get("/feed/v1/head")
    assert response.code == 503
    assert header(response, "Retry-After") == "5"
    hold, site.feed.hold = site.feed.hold, None
    hold.callback(None)
    response, _ = await site.get("/feed/v1/head", token=BUREAU_TOKEN)
    assert response.code == 200


@pytest_twisted.ensureDeferred
async def test_a_route_that_is_not_there_is_told_as_json(served):
    site = served()
    for path in ("/feed", "/feed/", "/feed/v2/settlements", "/feed/v1/settlement", "/feed/v1/"):
        assert await site.error(path) == (404, "request.not_found")
