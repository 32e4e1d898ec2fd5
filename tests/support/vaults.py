"""A vault for a scratch database: the same master key each time, so that a database can be opened again."""

from __future__ import annotations

import base64

from middleware.store.ciphers import AES
from middleware.store.keyring import Sealing
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.vault import Vault

SECRET = b"the master key of the tests 0000"


def masters(*more: bytes):
    """The test's master keys, the current one first."""
    return KeptMasters([KeptMaster(AES, secret) for secret in (*more, SECRET)])


def a_vault(engine, **sealing):
    return Vault(engine, masters(), Sealing(**sealing))


def write_master(path, *more: bytes):
    """The same as a key file."""
    path.unlink(missing_ok=True)
    path.touch(0o600)
    lines = [f"{AES} {base64.b64encode(secret).decode()}\n" for secret in (*more, SECRET)]
    path.write_text("".join(lines), encoding="ascii")
