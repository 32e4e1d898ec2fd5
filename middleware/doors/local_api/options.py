"""The socket door's section of the configuration."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from config.section import between, setting
from middleware.listening import check_listen

# sun_path of Linux is 108 bytes with its final zero.
MAX_UNIX_PATH_BYTES = 107


@frozen(slots=True)
class LocalApiOptions:
    """[local_api]: where the HIS and the terminals connect, and what one of them may cost."""

    unix_path: Path | None = setting(None, help="Unix socket, created with mode 0660; its folder must exist")  # noqa: RUF009 - an attrs field
    tcp_host: str = setting("127.0.0.1", help="address to listen on; beyond loopback only with certificate and private_key")
    tcp_port: int = setting(7450, help="TCP port; 0 = no TCP", validator=between(0, 32767))
    certificate: Path | None = setting(None, help="PEM certificate (chain) for TLS on TCP")  # noqa: RUF009 - an attrs field
    private_key: Path | None = setting(None, help="PEM key of the certificate")  # noqa: RUF009 - an attrs field
    client_ca: Path | None = setting(None, help="PEM certificates whose clients alone may connect (mutual TLS)")  # noqa: RUF009 - an attrs field
    line_bytes: int = setting(
        1 << 20, help="longest line of an open session", unit="bytes", validator=between(4096, 16 << 20)
    )
    hello_line_bytes: int = setting(
        64 << 10, help="longest line before session.hello", unit="bytes", validator=between(1024, 1 << 20)
    )
    depth: int = setting(32, help="deepest nesting of a message", validator=between(8, 256))
    in_flight: int = setting(16, help="requests in flight on one connection", validator=between(1, 1024))
    in_flight_total: int = setting(256, help="requests in flight on all connections", validator=between(1, 65536))
    connections: int = setting(256, help="connections in all", validator=between(1, 10000))
    bad_tokens: int = setting(3, help="wrong tokens on one connection before it is closed", validator=between(1, 10))
    hello_timeout_s: float = setting(
        10.0, help="from connect to an open session", unit="seconds", validator=between(0.05, 300)
    )
    line_timeout_s: float = setting(
        5.0, help="from a line's first byte to its end", unit="seconds", validator=between(0.05, 300)
    )
    idle_timeout_s: float = setting(
        600.0, help="without a request, nothing in flight and no watch", unit="seconds", validator=between(0.05, 86400)
    )
    unread_timeout_s: float = setting(
        30.0, help="how long a client may leave answers unread", unit="seconds", validator=between(0.05, 600)
    )
    unread_bytes: int = setting(
        2 << 20, help="answers a client may leave unread", unit="bytes", validator=between(64 << 10, 64 << 20)
    )
    stop_grace_s: float = setting(
        20.0, help="how long a stop waits for requests in flight", unit="seconds", validator=between(0.0, 300)
    )

    def __attrs_post_init__(self) -> None:
        check_listen(self.tcp_host, self.certificate, self.private_key)
        if self.client_ca is not None and self.certificate is None:
            raise ValueError("client_ca needs certificate and private_key")
        if self.unix_path is None and self.tcp_port == 0:
            raise ValueError("the socket door has neither unix_path nor tcp_port: nobody could come in")
        if self.unix_path is not None and len(str(self.unix_path).encode()) > MAX_UNIX_PATH_BYTES:
            raise ValueError(f"unix_path must be at most {MAX_UNIX_PATH_BYTES} bytes long")
