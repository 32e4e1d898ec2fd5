"""[keys]: where the master key is, and how personal data is sealed and kept."""

from __future__ import annotations

from pathlib import Path

from attrs import frozen

from config.section import between, one_of, setting
from middleware.store.ciphers import DIGESTS, KEY_BYTES
from middleware.store.periods import KINDS

PROVIDERS = ("file", "credential", "pkcs11")


@frozen(slots=True)
class KeyOptions:
    """[keys]."""

    provider: str = setting(
        "file",
        help="where the master key is: file; credential (systemd's LoadCredential=); pkcs11 (a token or HSM)",
        validator=one_of(*PROVIDERS),
    )
    file: Path = setting(  # noqa: RUF009 - an attrs field
        Path("/etc/yikatong/master.key"),
        help="file: made by run.py keys init, 0400, never beside the database nor in its backups",
    )
    credential: str = setting("master.key", help="credential: its name in $CREDENTIALS_DIRECTORY")
    pkcs11_module: Path | None = setting(None, help="pkcs11: the token's library (.so)")  # noqa: RUF009 - an attrs field
    pkcs11_token: str = setting("", help="pkcs11: the token's label")
    pkcs11_label: str = setting("yikatong", help="pkcs11: label of the AES key that wraps; it never leaves the token")
    pkcs11_old_labels: tuple[str, ...] = setting((), help="pkcs11: labels of earlier keys, to open what they wrapped")
    pkcs11_pin_file: Path | None = setting(None, help="pkcs11: file with the token's user PIN, 0400")  # noqa: RUF009 - an attrs field
    algorithm: str = setting(
        "aes-256-gcm", help="how values are sealed from now on; each key keeps its own", validator=one_of(*KEY_BYTES)
    )
    digest: str = setting(
        "hmac-sm3", help="how id and card numbers are digested to be searched by", validator=one_of(*DIGESTS)
    )
    period: str = setting("month", help="one data key a month, quarter or year", validator=one_of(*KINDS))
    keep_days: int = setting(
        5479,
        help="no period is destroyed before so many days after its end (15 years); ask your law first",
        unit="d",
        validator=between(1, 36525),
    )

    def __attrs_post_init__(self) -> None:
        if self.provider == "pkcs11" and not (self.pkcs11_module and self.pkcs11_token and self.pkcs11_pin_file):
            raise ValueError("pkcs11 needs pkcs11_module, pkcs11_token and pkcs11_pin_file")
