"""The two ends' sections of the configuration."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from attrs import Factory, frozen

from config.section import between, setting
from middleware.listening import tls_context

MAX_NAME = 64
_NAME = re.compile(r"[^/\x00-\x1f\x7f]{1,64}")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


def good_name(name: str) -> bool:
    """Whether an agent may be called so: it stands before a slash in the names of its readers."""
    return _NAME.fullmatch(name) is not None and name == name.strip()


def plain_fingerprint(text: str) -> str:
    """SHA-256 of a certificate as 64 small hex digits, however it was written (openssl puts colons and capitals)."""
    return text.replace(":", "").replace(" ", "").lower()


def _agents(_instance: object, attribute: Any, value: dict[str, str]) -> None:
    for name, fingerprint in value.items():
        if not good_name(name):
            raise ValueError(f"{attribute.name}: {name!r} must be 1-{MAX_NAME} characters without a slash")
        if fingerprint and not _FINGERPRINT.fullmatch(plain_fingerprint(fingerprint)):
            raise ValueError(f"{attribute.name}: the fingerprint of {name!r} must be SHA-256 in hex, or empty")


@frozen(slots=True)
class RemoteReaderOptions:
    """Readers at cashiers' computers, by an agent beside each (``run.py reader-agent``)."""

    host: str = setting(default="127.0.0.1", help="address to listen on for agents")
    port: int = setting(default=0, validator=between(0, 32767), help="TCP port for agents; 0 = no remote readers")
    certificate: Path | None = setting(default=None, help="PEM certificate (chain) that agents know us by")  # noqa: RUF009 - an attrs field
    private_key: Path | None = setting(default=None, help="PEM key of the certificate")  # noqa: RUF009 - an attrs field
    client_ca: Path | None = setting(default=None, help="PEM of the authority that signed the agents' certificates")  # noqa: RUF009 - an attrs field
    agents: dict[str, str] = setting(  # noqa: RUF009 - an attrs field
        default=Factory(dict),
        validator=_agents,
        help="who may come and is missed when away: name = SHA-256 fingerprint of its certificate, or empty = known by the"
        " certificate's common name; none at all = every certificate of client_ca, by its common name",
    )
    max_agents: int = setting(default=256, validator=between(1, 1024), help="agents connected at once")
    beat_s: float = setting(
        default=5.0,
        validator=between(0.05, 60),
        unit="s",
        help="a sign of life each way so often; three missed, and the link is given up",
    )
    hello_timeout_s: float = setting(
        default=10.0, validator=between(0.1, 60), unit="s", help="from connect to the agent's first word"
    )
    read_timeout_s: float = setting(
        default=20.0, validator=between(0.5, 300), unit="s", help="longest time for reading one whole card"
    )
    busy_wait_s: float = setting(
        default=2.0,
        validator=between(0, 60),
        unit="s",
        help="how long a second use of a reader waits its turn before it is told that the reader is busy",
    )

    def __attrs_post_init__(self) -> None:
        if self.port and None in {self.certificate, self.private_key, self.client_ca}:
            raise ValueError("remote readers need certificate, private_key and client_ca: both sides prove who they are")

    def context(self) -> Any:
        """What TLS needs, from the files. Raises ``ValueError`` that names them."""
        if self.certificate is None or self.private_key is None or self.client_ca is None:
            raise ValueError("remote readers need certificate, private_key and client_ca")
        return tls_context(self.certificate, self.private_key, self.client_ca)


@frozen(slots=True)
class AgentOptions:
    """Where the daemon is, and who this agent is."""

    host: str = setting(help="the daemon's host, as its certificate names it")
    certificate: Path = setting(help="PEM certificate of this agent; its common name is the agent's name")  # noqa: RUF009 - an attrs field
    private_key: Path = setting(help="PEM key of the certificate")  # noqa: RUF009 - an attrs field
    daemon_ca: Path = setting(help="PEM of the authority that signed the daemon's certificate")  # noqa: RUF009 - an attrs field
    port: int = setting(default=7452, validator=between(1, 65535), help="its port for agents")
    connect_timeout_s: float = setting(
        default=10.0, validator=between(0.1, 60), unit="s", help="from trying to connect to the daemon's welcome"
    )
    retry_s: float = setting(
        default=0.5, validator=between(0.01, 60), unit="s", help="first pause before connecting again; doubles, with jitter"
    )
    retry_max_s: float = setting(default=30.0, validator=between(0.01, 600), unit="s", help="longest of these pauses")
    refused_retry_s: float = setting(
        default=60.0, validator=between(0.01, 3600), unit="s", help="pause after the daemon refused this agent"
    )
