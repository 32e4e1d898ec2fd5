"""From [keys] to master keys and a vault."""

from __future__ import annotations

import os
from pathlib import Path

import sqlalchemy as sa

from middleware.domain.fault import Fault
from middleware.store.ciphers import AES
from middleware.store.key_options import KeyOptions
from middleware.store.keyring import Sealing
from middleware.store.masters import FileMasters, Masters, add_to_file, new_file
from middleware.store.vault import Vault


def open_masters(options: KeyOptions) -> Masters:
    """The master keys that the configuration names. Raises ``Fault("system.keys")`` that says what is missing."""
    if options.provider == "file":
        return FileMasters(options.file)
    if options.provider == "credential":
        return FileMasters(_credential(options.credential), owned=False)
    return _token(options)


def open_vault(engine: sa.Engine, options: KeyOptions) -> Vault:
    """The vault of a database. Raises ``Fault("system.keys")``."""
    return Vault(engine, open_masters(options), Sealing(options.algorithm, options.digest, options.period))


def make_master(options: KeyOptions, *, more: bool) -> str:
    """Make the first master key, or (``more``) one that takes the place of the current one; its id.

    An earlier key stays to open what it wrapped. For a token: the configuration's label is made.
    """
    if options.provider == "credential":
        raise Fault(
            "system.keys", "a credential is made by systemd from a file: set provider to file, make it, set it back"
        )
    if options.provider == "file":
        return (add_to_file if more else new_file)(options.file, AES).id
    from middleware.store.hsm import Token

    if options.pkcs11_module is None or options.pkcs11_pin_file is None:
        raise Fault("system.keys", "pkcs11 needs pkcs11_module and pkcs11_pin_file")
    token = Token(options.pkcs11_module, options.pkcs11_token, options.pkcs11_pin_file)
    token.make_key(options.pkcs11_label)
    token.close()
    masters = open_masters(options)
    made = masters.current().id
    masters.close()
    return made


def _credential(name: str) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise Fault("system.keys", "there is no $CREDENTIALS_DIRECTORY: the unit needs LoadCredential=")
    return Path(folder) / name


def _token(options: KeyOptions) -> Masters:
    try:
        from middleware.store.hsm import Token, TokenMasters
    except ImportError as exc:
        raise Fault("system.keys", "provider pkcs11 needs the package python-pkcs11") from exc
    if options.pkcs11_module is None or options.pkcs11_pin_file is None:
        raise Fault("system.keys", "pkcs11 needs pkcs11_module and pkcs11_pin_file")
    token = Token(options.pkcs11_module, options.pkcs11_token, options.pkcs11_pin_file)
    return TokenMasters(token, (options.pkcs11_label, *options.pkcs11_old_labels))
