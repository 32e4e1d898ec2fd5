"""A region's adapter of the centre, by its profile's ``dialect``: the one place where a dialect becomes code."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

from adapters.insurance.exchange.link import CentreLink
from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.mobile.beside import CentreWithMobile
from adapters.insurance.mobile.link import MobileLink
from adapters.insurance.mobile.options import MobileOptions
from adapters.insurance.national.link import NationalCentre
from adapters.insurance.profile import Profile
from adapters.insurance.signing.opening import signers_of
from adapters.insurance.soap.link import SoapCentre
from adapters.insurance.soap.style import style_of
from middleware.domain.fault import Fault

_NATIONAL = "national"


def random_word() -> str:
    """A word that nobody can guess, for a gateway's nonce."""
    return secrets.token_hex(16)


def must_have_contract(profile: Profile) -> None:
    """``ConfigError`` when the WSDL that the profile names, or its operation, cannot be used for its dialect."""
    if profile.dialect != _NATIONAL:
        style_of(profile)


def beside(
    counter: CentreLink,
    options: MobileOptions,
    reactor: Any,
    now: Callable[[], dt.datetime],
    profile: Profile,
) -> CentreWithMobile:
    """The centre with its channel of mobile payment, where site and region have one. Raises as ``centre_of``."""
    if not options.enabled:
        return CentreWithMobile(counter, None)
    if not profile.mobile.offered:
        raise Fault("system.config", "mobile.enabled: this region's profile does not offer mobile payment")
    if not profile.mobile.fee_type:
        raise Fault("system.config", "mobile.fee_type of the region's profile is empty: ask the centre")
    return CentreWithMobile(counter, MobileLink(options, counter.options, reactor, now, profile))


def centre_of(
    options: CentreOptions,
    reactor: Any,
    now: Callable[[], dt.datetime],
    profile: Profile,
    nonce: Callable[[], str] = random_word,
) -> CentreLink:
    """Built, not started. ``ConfigError`` when the profile or what it names cannot be used.

    ``Fault("system.config")`` when a secret or key that it wants cannot be had.
    """
    signers = signers_of(profile, options, nonce)
    if profile.dialect == _NATIONAL:
        return NationalCentre(options, reactor, now, profile, signers)
    return SoapCentre(options, reactor, now, profile, signers)
