"""The envelope's own signature: what a region wants in ``signtype`` and ``cainfo``. Pure but for the key's holder.

Source: insurance.md 2. No rule covers ``input``, so the transport must.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen

from adapters.insurance.signing.sm2 import SigningKey, formed


class EnvelopeSigner(Protocol):
    """Fills a head's signature. Blocking."""

    def signed(self, head: Mapping[str, str]) -> dict[str, str]:
        """The head with ``signtype`` and ``cainfo``."""


@frozen(slots=True)
class Unsigned:
    """Both empty. ``kind`` is the signtype where a set-up wants a word in it all the same (``MOCK``)."""

    kind: str = ""

    def signed(self, head: Mapping[str, str]) -> dict[str, str]:
        """See ``EnvelopeSigner``."""
        return {**head, "signtype": self.kind, "cainfo": ""}


@frozen(slots=True)
class Sm2Signer:
    """Hubei's: every field but cainfo and input as ``k=v`` in ASCII order joined by &, SM3withSM2, hex in capitals."""

    key: SigningKey = field(repr=False)
    user_id: str
    form: str

    def signed(self, head: Mapping[str, str]) -> dict[str, str]:
        """See ``EnvelopeSigner``."""
        whole = {**head, "signtype": "SM2"}
        signature = self.key.sign(signed_text(whole).encode(), self.user_id.encode())
        return {**whole, "cainfo": formed(signature, self.form).hex().upper()}


def signed_text(head: Mapping[str, str]) -> str:
    """What is signed: empty values stand in it, too."""
    return "&".join(f"{name}={head[name]}" for name in sorted(head) if name not in {"cainfo", "input"})
