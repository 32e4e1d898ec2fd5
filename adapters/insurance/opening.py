"""A region's adapter of the centre, by its profile's ``dialect``: the one place where a dialect becomes code."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.profile import Profile
from adapters.insurance.soap.link import SoapCentre


def centre_of(options: CentreOptions, reactor: Any, now: Callable[[], dt.datetime], profile: Profile) -> SoapCentre:
    """Built, not started. ``ConfigError`` when the profile or what it names cannot be used."""
    return SoapCentre(options, reactor, now, profile)
