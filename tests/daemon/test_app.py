from __future__ import annotations

from types import SimpleNamespace

import attrs
import pytest
import pytest_twisted
from attrs import evolve

from adapters.insurance.profile import load_profile
from adapters.insurance.profile_gateway import GatewayForm
from daemon.app import Application, clock_health, clock_limit_s
from middleware.domain.health import Condition


class Part:
    def __init__(self, name, calls, broken):
        self._name, self._calls, self._broken = name, calls, broken

    def refuse_new(self):
        self._calls.append("refuse_new")

    def stop(self, *_args):
        self._calls.append(self._name)
        if self._name == self._broken:
            raise RuntimeError(self._name)
        return self._ends() if self._name in {"door", "site", "engine", "readers", "his", "centre", "journal"} else None

    dispose = stop

    @property
    def count(self):
        """Of the filings: what is started and stopped."""
        return self

    async def _ends(self):
        pass


NO_LIFE = {"settings", "gate"}  # nothing to start or stop
NAMES = [one.name for one in attrs.fields(Application) if one.name not in NO_LIFE]


@pytest.mark.parametrize("broken", ["", *NAMES])
@pytest_twisted.ensureDeferred
async def test_a_part_that_fails_to_stop_keeps_no_other_alive(broken):
    calls = []
    settings = SimpleNamespace(engine=SimpleNamespace(drain_s=0.0))

    await Application(settings, gate=None, **{name: Part(name, calls, broken) for name in NAMES}).stop()

    assert calls[0] == "refuse_new"
    assert sorted(calls[1:]) == sorted(NAMES)
    assert (
        calls.index("door")
        < calls.index("engine")
        < calls.index("centre")
        < calls.index("journal")
        < calls.index("database")
    )


@pytest.mark.parametrize(
    ("ahead_s", "condition", "fault"),
    [
        (None, Condition.GOOD, ""),
        (299.0, Condition.GOOD, ""),
        (-301.0, Condition.DOWN, "system.clock_skew"),
        (3600.0, Condition.DOWN, "system.clock_skew"),
    ],
)
def test_a_clock_that_differs_from_the_centre_s_beyond_the_limit_is_down(ahead_s, condition, fault):
    found = clock_health(ahead_s, 300)

    assert (found.part, found.condition, found.fault) == ("clock", condition, fault)


@pytest.mark.parametrize(("scheme", "window_s", "limit_s"), [("none", 60, 300), ("csb", 1800, 300), ("tif", 60, 60)])
def test_invariant_22_no_money_is_begun_by_a_clock_that_the_gateway_would_refuse(scheme, window_s, limit_s):
    profile = evolve(load_profile("999900-test"), gateway=GatewayForm(scheme=scheme, window_s=window_s))
    settings = SimpleNamespace(engine=SimpleNamespace(max_clock_skew_s=300))

    assert clock_limit_s(settings, profile) == limit_s
