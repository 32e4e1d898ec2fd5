"""Catalogues on the real wire: the simulated centre, the adapter, the engine and a store."""

from __future__ import annotations

import attrs
from twisted.internet import reactor

from daemon.conformance.stand import speech_of
from middleware.engine.asking import Patience
from middleware.engine.catalogue import Downloader
from middleware.engine.catalogue_desk import CatalogueDesk
from middleware.engine.item_check import ItemCheck
from middleware.store.catalogue import Catalogues
from simulators.centre.server import CentreSimulator
from tests.support.rig import Rig
from tests.support.wire import PROFILE, Employee, centre_at


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
        self.rig.centre = self.centre = centre_at(self.simulator, self.profile, self.rig.now)
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
