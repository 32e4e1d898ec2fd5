"""A section ``[mllp.NAME]`` of the configuration: one listening HL7 door. NAME is the link that its messages came over."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import attrs
from attrs import frozen

from config.section import between, one_of, setting
from middleware.doors.mllp.profile import Profile, profile_of
from middleware.hl7.charset import GB, UTF_8
from middleware.listening import check_listen, tls_context

MAX_LINKS = 16
_LINK = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
_TYPE = re.compile(r"[A-Z][A-Z0-9]{2}(\^[A-Z][A-Z0-9]{2})?")
DECLARED, ORIGINAL = "declared", "original"


def _types_are_types(_instance: object, attribute: Any, value: tuple[str, ...]) -> None:
    for one in value:
        if not _TYPE.fullmatch(one):
            raise ValueError(f'{attribute.name}: "ZXX" or "ZXX^Z01", not {one}')


def links_are_named(_instance: object, attribute: Any, value: dict[str, MllpOptions]) -> None:
    """A validator of all sections together."""
    if len(value) > MAX_LINKS:
        raise ValueError(f"{attribute.name}: at most {MAX_LINKS} links")
    for name in value:
        if not _LINK.fullmatch(name):
            raise ValueError(f"{attribute.name}.{name}: at most 32 small letters, digits, _ and -")
    places = [(link.host, link.port) for link in filter(None, value.values())]
    if len(set(places)) != len(places):
        raise ValueError(f"{attribute.name}: two links have the same host and port")


@frozen(slots=True)
class MllpOptions:
    """[mllp.NAME]: where a HIS connects and what one connection may cost."""

    host: str = setting("127.0.0.1", help="address to listen on; beyond loopback only with certificate and private_key")
    port: int = setting(2576, help="its port", validator=between(1, 65535))
    certificate: Path | None = setting(None, help="PEM certificate (chain) for TLS")  # noqa: RUF009 - an attrs field
    private_key: Path | None = setting(None, help="PEM key of the certificate")  # noqa: RUF009 - an attrs field
    client_ca: Path | None = setting(None, help="PEM certificates whose clients alone may connect; TLS needs it")  # noqa: RUF009 - an attrs field
    charset: str = setting(UTF_8, help="of a message whose MSH-18 is empty", validator=one_of(UTF_8, GB))
    acknowledge: str = setting(
        DECLARED,
        help="declared: as MSH-15 and MSH-16 say; original: one AA, AE or AR whatever they say, for a HIS that fills"
        " them in and reads one answer",
        validator=one_of(DECLARED, ORIGINAL),
    )
    types: tuple[str, ...] = setting(
        attrs.Factory(tuple), help='also taken on this link: a site\'s own "ZXX" or "ZXX^Z01"', validator=_types_are_types
    )
    identifiers: tuple[str, ...] = setting(
        attrs.Factory(tuple),
        help='what the site\'s types of patient numbers (PID-3.5) mean, beside the usual ones: "Card_No=treatment-card"',
    )
    fields: tuple[str, ...] = setting(
        attrs.Factory(tuple),
        help='where the site\'s charge lines have what a bill needs, where that is not usual: "catalogue=FT1-7.4"',
    )
    charges: tuple[str, ...] = setting(
        ("DFT^P03",), help='messages that bring charges: "DFT^P03", "ORM^O01", "ZMG^Z30"', validator=_types_are_types
    )
    masters: tuple[str, ...] = setting(
        attrs.Factory(tuple),
        help='where the site\'s master files (MFN) have what is read, where that is not usual: "item.code=Z03-1"',
    )
    responses: tuple[str, ...] = setting(
        attrs.Factory(tuple),
        help='site events that expect a response with the patient instead of an ACK: "ADT^ZP1=RSP^K23", "ADT^ZP1=ZCK^ZP1"',
    )
    lost_line_ends: bool = setting(
        False, help="messages come without segment ends, as out of SOAP: they are read as if each segment began a line"
    )
    max_bytes: int = setting(2 << 20, help="longest message", unit="bytes", validator=between(4096, 16 << 20))
    connections: int = setting(128, help="connections at once", validator=between(1, 10000))
    in_flight: int = setting(64, help="messages of one connection that wait for the disk", validator=between(1, 1024))
    message_timeout_s: float = setting(
        30.0, help="from a message's first byte to its end", unit="seconds", validator=between(0.05, 600)
    )
    idle_timeout_s: float = setting(
        86400.0, help="without a message; then the connection is closed", unit="seconds", validator=between(1, 604800)
    )
    unread_timeout_s: float = setting(
        30.0, help="how long a sender may leave answers unread", unit="seconds", validator=between(0.05, 600)
    )
    stop_grace_s: float = setting(
        5.0, help="how long a stop waits for what is being written", unit="seconds", validator=between(0.0, 60)
    )

    def __attrs_post_init__(self) -> None:
        self.profile()
        check_listen(self.host, self.certificate, self.private_key)
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and private_key")
        if self.certificate is not None and self.client_ca is None:
            raise ValueError(
                "an HL7 door with TLS needs client_ca: HL7 has no password, only the certificate says who it is"
            )

    def profile(self) -> Profile:
        """How its messages are read. Raises ``ValueError``."""
        return profile_of(
            self.identifiers, self.fields, self.charges,
            masters=self.masters, responses=self.responses, lost=self.lost_line_ends,
        )  # fmt: skip

    def context(self) -> Any:
        """What TLS is spoken with, None where none is. Raises ``ValueError`` that names the file."""
        if self.certificate is None or self.private_key is None:
            return None
        return tls_context(self.certificate, self.private_key, self.client_ca)
