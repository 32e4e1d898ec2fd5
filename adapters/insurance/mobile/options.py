"""The ``[mobile]`` section of the configuration: where the channel of mobile payment is, and who we are to it."""

from __future__ import annotations

from pathlib import Path

import attrs

from config.section import between, matching, setting

_WHERE = "an absolute path, or a credential of systemd"
_REQUIRED = ("url", "app_id", "app_secret", "signing_key", "channel_key")


@attrs.frozen(slots=True, kw_only=True)
class MobileOptions:
    """Every secret is a file or a credential; none is a key of this section."""

    enabled: bool = setting(help="whether bills may be paid by phone (mobile.order)", default=False)
    url: str = setting(
        help="the channel's address; each transaction's own path is the region's",
        default="",
        validator=matching(r"(https?://[^/\s?#@]+(/[^\s#]*)?)?", "an http or https address"),
    )
    app_id: str = setting(
        help="our application's number at the channel (appId)",
        default="",
        validator=matching(r"([\x21-\x7e]{16,64})?", "16 to 64 printable ASCII characters"),
    )
    app_secret: str = setting(help=f"where its secret (appSecret) is: {_WHERE}", default="")
    signing_key: str = setting(help=f"where our SM2 private key (PEM) is: {_WHERE}", default="")
    channel_key: str = setting(help=f"where the channel's SM2 public key (PEM) is: {_WHERE}", default="")
    total_deadline_s: float = setting(
        help="from handing over a message to its outcome", default=30.0, unit="s", validator=between(0.1, 600.0)
    )
    late_reply_s: float = setting(
        help="how much longer a late reply is listened for", default=60.0, unit="s", validator=between(0.0, 3600.0)
    )
    max_in_flight: int = setting(help="calls at one time, late ones included", default=100, validator=between(1, 1000))
    ca_file: Path | None = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="PEM of the authority that signed the channel's certificate; default the system's", default=None
    )

    def __attrs_post_init__(self) -> None:
        missing = [name for name in _REQUIRED if not getattr(self, name)]
        if self.enabled and missing:
            raise ValueError(f"enabled needs {', '.join(missing)}")
