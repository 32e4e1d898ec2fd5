"""From a region's profile and a site's secrets to the gateway and the signer: the one place where a scheme becomes code."""

from __future__ import annotations

from collections.abc import Callable

from attrs import field, frozen

from adapters.insurance.exchange.options import CentreOptions
from adapters.insurance.profile import Profile
from adapters.insurance.profile_gateway import CSB, MOCK, PASSWORD, SM2, TIF
from adapters.insurance.signing.credentials import read_secret
from adapters.insurance.signing.envelope import EnvelopeSigner, Sm2Signer, Unsigned
from adapters.insurance.signing.gateways import CsbGateway, Gateway, NoGateway, TifGateway
from adapters.insurance.signing.openssl import OpenSslSigningKey
from adapters.insurance.signing.password import PasswordSeal, password_key
from middleware.domain.fault import Fault


@frozen(slots=True)
class Signers:
    """Who signs a message: its envelope, and its HTTP head for the gateway."""

    envelope: EnvelopeSigner = field(factory=Unsigned, repr=False)
    gateway: Gateway = field(factory=NoGateway, repr=False)
    window_s: float | None = None  # how far our clock may be from the gateway's; None where there is none
    password: PasswordSeal | None = None  # where cainfo carries the person's


def signers_of(profile: Profile, options: CentreOptions, nonce: Callable[[], str]) -> Signers:
    """Both, ready. ``nonce`` makes a new word each time.

    ``Fault("system.config")`` names what the site, or its region's profile, still has to give.
    """
    gateway = _gateway(profile, options, nonce)
    return Signers(_envelope(profile, options), gateway, gateway_window_s(profile), _password(profile, options))


def gateway_window_s(profile: Profile) -> float | None:
    """How far a clock may be from the gateway's; None where there is none."""
    return float(profile.gateway.window_s) if profile.gateway.scheme in {CSB, TIF} else None


def _gateway(profile: Profile, options: CentreOptions, nonce: Callable[[], str]) -> Gateway:
    form = profile.gateway
    if form.scheme not in {CSB, TIF}:
        return NoGateway()
    if not options.gateway_id:
        raise Fault("system.config", "centre.gateway_id is required by this region's profile")
    secret = read_secret(options.gateway_secret, "centre.gateway_secret")
    if form.scheme == CSB:
        if not form.api_name:
            raise Fault("system.config", "gateway.api_name of the region's profile is empty: ask the centre")
        return CsbGateway(form.api_name, form.api_version, options.gateway_id, secret, form.timestamp == "ms")
    api_key = (
        read_secret(options.gateway_api_key, "centre.gateway_api_key").decode("latin-1") if options.gateway_api_key else ""
    )
    return TifGateway(options.gateway_id, secret, api_key, nonce)


def _envelope(profile: Profile, options: CentreOptions) -> EnvelopeSigner:
    form = profile.signature
    if form.scheme == SM2:
        pem = read_secret(options.signing_key, "centre.signing_key")
        signer = Sm2Signer(OpenSslSigningKey(pem, "centre.signing_key"), form.user_id, form.form)
        signer.signed({})  # whoever cannot sign says so at the start, not at the first patient
        return signer
    return Unsigned({MOCK: "MOCK", PASSWORD: form.signtype}.get(form.scheme, ""))


def _password(profile: Profile, options: CentreOptions) -> PasswordSeal | None:
    form = profile.signature
    if form.scheme != PASSWORD:
        return None
    key = password_key(read_secret(options.password_key, "centre.password_key"), "centre.password_key")
    suffix = read_secret(options.gateway_secret, "centre.gateway_secret") if form.with_token else b""
    return PasswordSeal(key, profile.region, suffix)
