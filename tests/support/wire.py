"""What tests share that put the real adapter and a simulated centre under a rig: the regions, the card, the adapter."""

from __future__ import annotations

import attrs
from twisted.internet import reactor

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.opening import centre_of
from adapters.insurance.profile import load_profile
from tests.adapters.insurance.requests import holder
from tests.support.fakes import FakeReaders, card_read

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


def centre_at(simulator, profile, now):
    """The adapter of that region's dialect, started, to the simulated centre."""
    options = CentreOptions(
        url=simulator.national_url if profile.dialect == "national" else simulator.url,
        institution_code="H99990000001", institution_name="测试医院", profile="999900-test",
        operator="0001", operator_name="操作员", total_deadline_s=5.0, late_reply_s=0.0, idle_s=1.0,
    )  # fmt: skip
    centre = centre_of(options, reactor, now, profile)
    centre.start()
    return centre
