"""Catalogues on the real wire: the simulated centre, the adapter, the engine and a store."""

from __future__ import annotations

import attrs
from twisted.internet import reactor

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.opening import centre_of
from adapters.insurance.profile import load_profile
from daemon.conformance.stand import speech_of
from middleware.engine.asking import Patience
from middleware.engine.catalogue import Downloader
from middleware.engine.catalogue_desk import CatalogueDesk
from middleware.engine.item_check import ItemCheck
from middleware.store.catalogue import Catalogues
from simulators.centre.server import CentreSimulator
from tests.adapters.insurance.requests import holder
from tests.support.fakes import FakeReaders, card_read
from tests.support.rig import Rig

PROFILE = load_profile("999900-test")
NATIONAL = attrs.evolve(PROFILE, dialect="national")
PROCESS = attrs.evolve(PROFILE, dialect="soap-process")


class Employee(FakeReaders):
    """A card whose holder the centre knows."""

    async def read_card(self, reader):
        who = holder("employee")
        return attrs.evolve(
            card_read(), id_number=who.id_number, name=who.name, card_number=who.card_number,
            card_id_code=who.card_id_code, birth_date=who.birth_date, sex=who.sex, nation=who.nation,
        )  # fmt: skip


class Shelf:
    """A node, its centre, and what it keeps of the centre's catalogues."""

    def __init__(self, store_url, profile=PROFILE, *, refuse=False):
        form = attrs.evolve(profile.catalogue, refuse_unknown=refuse)
        self.profile = attrs.evolve(profile, catalogue=form)
        self.rig = Rig(store_url)
        self.rig.readers = Employee()
        self.simulator = CentreSimulator(reactor, clock=self.rig.now, speech=speech_of(profile))
        self.simulator.start()
        self.holds = True
        self.ended = []

    @property
    def books(self):
        return self.simulator.business.catalogues

    async def start(self):
        url = self.simulator.national_url if self.profile.dialect == "national" else self.simulator.url
        options = CentreOptions(
            url=url, institution_code="H99990000001", institution_name="测试医院", profile="999900-test",
            operator="0001", operator_name="操作员", total_deadline_s=5.0, late_reply_s=0.0, idle_s=1.0,
        )  # fmt: skip
        self.rig.centre = self.centre = centre_of(options, reactor, self.rig.now, self.profile)
        self.centre.start()
        await self.rig.start()
        self.store = Catalogues(self.rig.database)
        rules = self.profile.catalogue.rules
        self.downloader = Downloader(
            self.rig.engine, self.store, rules, self.rig.pool, Patience(tries=2, repeat_s=0.01), self.ended.append,
            lambda: self.holds,
        )  # fmt: skip
        self.desk = CatalogueDesk(self.rig.engine.means, self.downloader, self.store)
        self.rig.counter.items = ItemCheck(self.rig.engine.means, self.store, rules)
        return self

    async def crash(self):
        """As if killed; ``start`` begins the next life."""
        self.downloader.stop()
        await self.rig.crash()
        await self.centre.stop()

    async def stop(self):
        self.downloader.stop()
        await self.rig.stop()
        await self.centre.stop()
        await self.simulator.stop()


def play(test, profile=PROFILE, **settings):
    async def run(store_url):
        shelf = await Shelf(store_url, profile, **settings).start()
        try:
            await test(shelf)
        finally:
            await shelf.stop()

    return run
