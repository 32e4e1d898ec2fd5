"""The HTTP site's section of the configuration."""

from __future__ import annotations

from pathlib import Path

from attrs import Factory, frozen

from config.section import between, setting
from middleware.listening import check_listen


@frozen(slots=True)
class SiteOptions:
    """[http]: the one HTTP listener, for the bureau's feed, metrics and health."""

    host: str = setting("127.0.0.1", help="address to listen on; beyond loopback only with certificate and private_key")
    port: int = setting(7451, help="TCP port; 0 = no HTTP", validator=between(0, 32767))
    certificate: Path | None = setting(None, help="PEM certificate (chain) for TLS")  # noqa: RUF009 - an attrs field
    private_key: Path | None = setting(None, help="PEM key of the certificate")  # noqa: RUF009 - an attrs field
    client_ca: Path | None = setting(None, help="PEM certificates whose clients alone may connect")  # noqa: RUF009 - an attrs field
    ops_peers: tuple[str, ...] = setting(
        ("127.0.0.1", "::1"), help="addresses that may see /metrics and /health/ready and /health/full"
    )
    essential_parts: tuple[str, ...] = setting(
        Factory(lambda: ("journal",)), help="parts without which /health/ready says 503"
    )
    connections: int = setting(64, help="connections in all", validator=between(1, 10000))
    request_deadline_s: float = setting(
        30.0,
        help="from connect, or from the answer before, to the next answer",
        unit="seconds",
        validator=between(0.05, 600),
    )

    def __attrs_post_init__(self) -> None:
        check_listen(self.host, self.certificate, self.private_key)
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and private_key")
