"""[[codes]]: services that say whose a code is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from config.section import between, matching, one_of, setting
from middleware.domain.card import E_VOUCHER
from readers.media.options import CODE_KINDS

OPEN, SEALED = "open", "sealed"
_WHERE = "an absolute path, or a credential of systemd"
_OF_SEALED = ("app_id", "app_secret", "signing_key", "channel_key")

_PATH = matching(
    r"[A-Za-z0-9_]{0,40}(\.[A-Za-z0-9_]{1,40}){0,7}", "names of members with dots between levels, as data.idNo"
)


def _url(_instance: object, attribute: object, value: str) -> None:
    parts = urlsplit(value)
    local = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not parts.hostname or (parts.scheme != "https" and not (parts.scheme == "http" and local)):
        raise ValueError(f"{getattr(attribute, 'name', 'url')} must be https://..., or http:// to this machine itself")


@frozen(slots=True)
class CodeOptions:
    """[[codes]]: one service."""

    kind: str = setting(help="whose codes it reads", validator=one_of(*CODE_KINDS))
    url: str = setting(help="its address; plain http only to this machine itself", validator=_url)
    organisation: str = setting(
        "", help="the institution's number, told as orgId", validator=matching(r"[!-~]{0,40}", "at most 40 characters")
    )
    device_type: str = setting("", help="told as deviceType; SelfService on machines that patients use themselves")
    text_field: str = setting(
        "ecQrCode",
        help="the member of data that tells what was scanned; not published, so ask the service's operator",
        validator=matching(r"[A-Za-z0-9_]{1,40}", "a member's name"),
    )
    token_file: Path | None = setting(  # noqa: RUF009 - an attrs field
        None, help="file with the bearer token that the service wants, mode 0400; none = no Authorization"
    )
    ca_file: Path | None = setting(None, help="PEM of the authority that signed its certificate; none = the system's")  # noqa: RUF009 - an attrs field
    timeout_s: float = setting(8.0, help="longest wait for its reply, all told", unit="s", validator=between(0.1, 25))
    max_in_flight: int = setting(16, help="requests at a time; one more is refused as busy", validator=between(1, 200))
    transaction: str = setting("", help="transType of a kind that is not published")
    result_field: str = setting("code", help="the same: member with the result", validator=_PATH)
    result_ok: str = setting("0", help="the result that means yes")
    id_number_field: str = setting("", help="not published: member with the id number", validator=_PATH)
    name_field: str = setting("", help="not published: member with the name", validator=_PATH)
    token_field: str = setting(
        "", help="not published: member with a token that the centre takes as an e-voucher's; empty = none", validator=_PATH
    )

    channel: str = setting(
        OPEN,
        help="open: messages as they are; sealed: SM4 and SM2, as the e-voucher channel has it",
        validator=one_of(OPEN, SEALED),
    )
    app_id: str = setting(
        "",
        help="sealed: our application's number (appId)",
        validator=matching(r"([!-~]{16,64})?", "16 to 64 ASCII characters"),
    )
    app_secret: str = setting("", help=f"sealed: where its secret (appSecret) is: {_WHERE}")
    signing_key: str = setting("", help=f"sealed: where our SM2 private key (PEM) is: {_WHERE}")
    channel_key: str = setting(
        "", help="sealed: where the channel's SM2 public key (PEM) is; its user id is not published: see user_id"
    )
    user_id: str = setting(
        "1234567812345678",
        help="sealed: the SM2 user id; empty = the appSecret",
        validator=matching(r"[ -~]{0,64}", "ASCII"),
    )
    window_s: float = setting(
        300.0, help="sealed: an answer whose time is further from ours is not used", unit="s", validator=between(1, 3600)
    )

    def __attrs_post_init__(self) -> None:
        self._must_be_whole()
        if self.kind != E_VOUCHER and not (self.id_number_field and self.name_field and self.result_field):
            raise ValueError(f"no interface of {self.kind} is published: name result_field, id_number_field and name_field")

    def _must_be_whole(self) -> None:
        given = [name for name in _OF_SEALED if getattr(self, name)]
        if self.channel == SEALED and len(given) != len(_OF_SEALED):
            raise ValueError(f'channel = "{SEALED}" needs {", ".join(sorted(set(_OF_SEALED) - set(given)))}')
        if self.channel == OPEN and given:
            raise ValueError(f'{given[0]} means nothing to channel = "{OPEN}"')
