"""``cainfo`` as Chongqing and Hebei have it: the person's password, enciphered for the centre, with the settlement itself.

Source: insurance.md 2 (a public client's source): of 2102, 2207 and 2304, of persons insured in this province; RSA, here
with PKCS #1 v1.5 and Base64, which that source leaves to its library: confirm it before production.
"""

from __future__ import annotations

import base64
from typing import Any

from attrs import field, frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from middleware.domain.centre import CentreRequest, Settle
from middleware.domain.fault import Fault

MIN_BITS = 1024  # what that source has; a centre's own is longer, one hopes
PROVINCE = 2  # digits of a region's code


@frozen(slots=True)
class PasswordSeal:
    """``suffix`` follows the password inside: the gateway's token, where a centre wants that, else empty."""

    key: RSAPublicKey = field(repr=False)
    region: str
    suffix: bytes = field(repr=False)

    def cainfo(self, request: CentreRequest) -> str:
        """What the envelope's ``cainfo`` is; "" for what carries none. ``Fault("centre.password")`` where it is missing."""
        if not isinstance(request, Settle) or self._elsewhere(request.visit.insured_region):
            return ""
        if request.password is None:
            raise Fault("centre.password")
        hidden = self.key.encrypt(request.password.reveal().encode() + self.suffix, PKCS1v15())
        return base64.b64encode(hidden).decode()

    def _elsewhere(self, region: str) -> bool:
        return bool(region) and region[:PROVINCE] != self.region[:PROVINCE]


def password_key(pem: bytes, what: str) -> RSAPublicKey:
    """The centre's key. ``Fault("system.config")`` for what is none, or is too short to hide anything."""
    key: Any
    try:
        key = load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise Fault("system.config", f"{what}: no PEM public key") from None
    if not isinstance(key, RSAPublicKey) or key.key_size < MIN_BITS:
        raise Fault("system.config", f"{what}: not an RSA key of {MIN_BITS} bits or more")
    return key
