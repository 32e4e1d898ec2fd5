from __future__ import annotations

import json

import pytest
import pytest_twisted
import treq
from attrs import define
from twisted.internet.defer import Deferred

from middleware.doors.feed.options import FeedOptions
from middleware.doors.feed.resource import feed_resource
from middleware.ops.metrics import Metrics
from middleware.ops.options import SiteOptions
from middleware.ops.site import HttpSite, build_site
from simulators.ports import free_port
from tests.middleware.doors.fakes import BUREAU_TOKEN, NOON, FakeFeed, token_table


@define
class Served:
    """A feed on a real port."""

    feed: FakeFeed
    site: HttpSite
    seen: list

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.site.port}"

    async def get(self, path: str, token: str | None = BUREAU_TOKEN, method: str = "GET", **headers: str):
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        response = await treq.request(method, self.url + path, headers=headers, persistent=False)
        return response, await treq.content(response)

    async def error(self, path: str, **more) -> tuple[int, str]:
        response, body = await self.get(path, **more)
        return response.code, json.loads(body)["error"]["code"]


@pytest.fixture
def served():
    from twisted.internet import reactor

    sites = []

    def make(rows: int = 0, flags: int = 0, **settings) -> Served:
        feed, seen = FakeFeed(rows), []
        resource = feed_resource(
            feed,
            FakeFeed(flags),
            token_table(),
            FeedOptions(**settings),
            reactor,
            lambda: NOON,
            lambda *what: seen.append(what),
        )
        site = build_site(SiteOptions(port=free_port()), Metrics("test"), [], "test", reactor, resource)
        site.start()
        sites.append(site)
        return Served(feed, site, seen)

    yield make
    for site in sites:
        pytest_twisted.blockon(Deferred.fromCoroutine(site.stop()))
