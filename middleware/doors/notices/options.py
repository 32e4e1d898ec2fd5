"""The ``[mobile_notices]`` section of the configuration."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from config.section import between, matching, setting
from middleware.listening import check_listen


@frozen(slots=True)
class NoticeOptions:
    """[mobile_notices]: the listener for 6302, which the channel calls from outside."""

    host: str = setting(
        "127.0.0.1", help="address to listen on; beyond loopback with certificate and private_key, or behind_gateway"
    )
    port: int = setting(
        0, help="TCP port; 0 = no notices: orders are asked about (6301) all the same", validator=between(0, 32767)
    )
    certificate: Path | None = setting(None, help="PEM certificate (chain) for TLS")  # noqa: RUF009 - an attrs field
    private_key: Path | None = setting(None, help="PEM key of the certificate")  # noqa: RUF009 - an attrs field
    client_ca: Path | None = setting(None, help="PEM certificates whose clients alone may connect")  # noqa: RUF009 - an attrs field
    behind_gateway: bool = setting(
        False, help="a gateway of the hospital ends TLS before this listener: it may listen beyond loopback without"
    )
    path: str = setting(
        "/mobile/6302",
        help="the path that the region was told",
        validator=matching(r"(/[0-9A-Za-z._~-]{1,64}){1,8}", "a path such as /mobile/6302"),
    )
    path_secret: str = setting(
        "",
        help="where the last part of the path is, which nobody else knows: an absolute path, or a credential of systemd;"
        " empty = none",
    )
    connections: int = setting(32, help="connections in all", validator=between(1, 1000))
    request_deadline_s: float = setting(
        20.0,
        help="from connect, or from the answer before, to the next answer",
        unit="seconds",
        validator=between(0.05, 600),
    )
    max_bytes: int = setting(65536, help="longest notice", unit="bytes", validator=between(1024, 1 << 20))

    def __attrs_post_init__(self) -> None:
        if not self.behind_gateway:
            check_listen(self.host, self.certificate, self.private_key)
        elif (self.certificate is None) != (self.private_key is None):
            raise ValueError("certificate and private_key go together: give both or neither")
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and private_key")
