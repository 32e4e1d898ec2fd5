"""GET /feed/v1/flags: the card audit's flags, in a chain of their own beside the settlements."""

from __future__ import annotations

import json

import pytest_twisted

from middleware.store.chain import first_break


@pytest_twisted.ensureDeferred
async def test_flags_are_read_as_settlements_are_and_are_not_among_them(served):
    site = served(rows=2, flags=5)

    response, body = await site.get("/feed/v1/flags?after=0&limit=3")
    rows = json.loads(body)["rows"]

    assert response.code == 200
    assert [row["sequence"] for row in rows] == [1, 2, 3]
    assert first_break((row["sequence"], row["previous"], row["line"], row["hash"]) for row in rows) is None
    assert b"/feed/v1/flags?after=3" in response.headers.getRawHeaders(b"link")[0]
    _, settlements = await site.get("/feed/v1/settlements")
    assert len(json.loads(settlements)["rows"]) == 2


@pytest_twisted.ensureDeferred
async def test_flags_are_the_bureaus_and_nobody_elses(served):
    site = served(flags=1)

    assert await site.error("/feed/v1/flags", token=None) == (401, "access.no_session")
    assert await site.error("/feed/v1/flags", token="wrong") == (401, "access.bad_token")
    assert await site.error("/feed/v1/flags?after=9") == (404, "request.not_found")
