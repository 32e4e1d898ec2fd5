"""By the clock: when catalogues are downloaded, what a crash left is taken up, and what health says of old ones."""

from __future__ import annotations

import datetime as dt

from twisted.internet.defer import succeed
from twisted.internet.task import Clock

from daemon.catalogue_command import facts_line, item_line, load_line
from daemon.cataloguing import LOOK_S, CatalogueOptions, Cataloguing
from middleware.domain.catalogue import CatalogueRules
from middleware.domain.health import Condition
from middleware.store.catalogue import FAILED, LOADED, Load, Standing

ZONE = dt.timezone(dt.timedelta(hours=8))
START = dt.datetime(2026, 11, 20, 3, 0, tzinfo=ZONE)


class Night:
    """A store, a downloader and pools that answer at once."""

    def __init__(self, offered=("1301", "1307"), **options):
        self.clock, self.rules = Clock(), CatalogueRules(offered)
        self.done, self.left, self.fails, self.mine = [], [], set(), True
        self.standing, self.loads = {}, {}
        self.part = Cataloguing(CatalogueOptions(**options), self, self, self, self, self.clock, self.now, ZONE)
        self.part.start()

    def now(self):
        return START + dt.timedelta(seconds=self.clock.seconds())

    def until(self, hours):
        for _ in range(int(hours * 3600 / LOOK_S)):
            self.clock.advance(LOOK_S)

    # pools
    def start(self):
        pass

    def run(self, what, *args):
        return succeed(what(*args)) if callable(what) else self._download(what)

    # the store
    def all(self):
        return dict(self.standing)

    def newest_loads(self):
        return dict(self.loads)

    def running(self, name=None):
        return list(self.left) if name is None else None

    # the downloader
    def may(self, name):
        return self.mine and name in self.rules.offered

    async def _download(self, name):
        self.done.append((self.now().strftime("%d %H:%M"), name))
        self.left = [one for one in self.left if one.catalogue != name]
        state = FAILED if name in self.fails else LOADED
        at = self.now().isoformat()
        if state == LOADED:
            self.standing[name] = Standing(name, "V1", 1, 1, 5, checked_at=at)
        load = Load("G1", name, "full", "", at, state=state, fault="catalogue.file" if state == FAILED else "")
        self.loads[name] = load
        return load

    def stop(self):
        self.done.append("stopped")


def test_each_night_whatever_is_offered_and_not_before_its_time():
    night = Night()
    night.until(0.4)
    assert night.done == []
    night.until(24.2)
    assert night.done == [("20 03:30", "1301"), ("20 03:30", "1307"), ("21 03:30", "1301"), ("21 03:30", "1307")]
    assert night.part.health().condition is Condition.GOOD


def test_what_could_not_be_had_is_tried_again_the_same_night():
    night = Night(offered=("1301",))
    night.fails = {"1301"}
    night.until(1.2)
    assert night.done == [("20 03:30", "1301"), ("20 04:00", "1301")]


def test_off_the_clock_or_at_another_node_nothing_is_downloaded():
    off, other = Night(enabled=False), Night()
    other.mine = False
    off.until(24)
    other.until(24)
    assert (off.done, other.done) == ([], [])
    assert off.part.health().condition is Condition.GOOD


def test_what_a_crash_left_is_taken_up_at_once():
    night = Night()
    night.left = [Load("G0", "1307", "full", "operator-1", START.isoformat())]
    night.until(0.1)
    assert night.done == [("20 03:00", "1307")]
    night.part.stop()
    assert night.done[-2:] == ["stopped", "stopped"]  # the downloader, and its threads


def test_a_catalogue_that_is_old_or_was_never_here_is_said_in_chinese():
    night = Night(old_after_days=7)
    night.until(0.1)
    health = night.part.health()
    assert (health.condition, health.fault) == (Condition.DEGRADED, "catalogue.old")
    assert "1301 西药、中成药目录 还没有下载" in health.detail
    night.until(1)
    night.mine = False
    night.until(24 * 8)
    assert "1307 疾病与诊断目录 8 天未核对" in night.part.health().detail
    assert night.part.age_s("1301") > 7 * 86400
    assert Night(offered=()).part.health().condition is Condition.GOOD


def test_the_command_says_what_it_was_told_in_one_line():
    load = {
        "load_id": "G1", "catalogue": "1301", "state": "failed", "versions": 1, "version": "V1", "rows": 3, "of": 9,
        "fault": {"code": "catalogue.file", "zh": "有误", "en": "wrong", "detail": "x.txt line 3"},
    }  # fmt: skip
    assert "1301 未完成/not finished  1 版" in load_line(load)
    assert "x.txt line 3" in load_line(load)
    facts = {"catalogue": "1301", "zh": "西药", "en": "medicine", "offered": True, "version": "V1", "rows": 9}
    assert "还没有下载" in facts_line(facts)
    row = {
        "code": "X1",
        "name": "药",
        "holds": False,
        "limited": True,
        "version": "V1",
        "limit": "18.5",
        "until": "2025-12-31",
    }
    assert item_line(row) == "× X1 药  ~2025-12-31  限价/limit 18.5  限制使用/limited use  V1"
