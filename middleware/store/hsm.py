"""A master key inside a PKCS#11 token: an AES key that wraps and unwraps there and never leaves it.

Imported only where the configuration says so; the library is ``python-pkcs11``. One session, one call at a time.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pkcs11
from pkcs11.exceptions import EncryptedDataInvalid, EncryptedDataLenRange, PKCS11Error, UserAlreadyLoggedIn
from pkcs11.mechanisms import GCMParams

from middleware.domain.fault import Fault
from middleware.store.ciphers import NONCE_BYTES, TAG_BYTES, VERSION, NotOpenedError, RandomBytes
from middleware.store.masters import Master

MAX_PIN_BYTES = 256
_AES_BITS = 256
_TAG_BITS = 8 * TAG_BYTES

T = TypeVar("T")


class TokenMaster:
    """One AES key of the token."""

    def __init__(self, token: Token, label: str, random_bytes: RandomBytes) -> None:
        self._token = token
        self._label = label
        self._random = random_bytes
        self.id = f"pkcs11:{label}"

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """See ``Master``."""
        nonce = self._random(NONCE_BYTES)
        params = GCMParams(nonce, VERSION + context, _TAG_BITS)
        sealed = self._token.use(
            self._label, lambda key: key.encrypt(secret, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=params)
        )
        return VERSION + nonce + bytes(sealed)

    def unwrap(self, box: bytes, context: bytes) -> bytes:
        """See ``Master``."""
        nonce, sealed = box[1 : 1 + NONCE_BYTES], box[1 + NONCE_BYTES :]
        if box[:1] != VERSION or len(sealed) < TAG_BYTES:
            raise NotOpenedError
        params = GCMParams(nonce, VERSION + context, _TAG_BITS)
        opened = self._token.use(
            self._label, lambda key: key.decrypt(sealed, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=params)
        )
        return bytes(opened)


class Token:
    """A session with a token, opened again when the token was taken out or its session lost."""

    def __init__(self, module: Path, label: str, pin_file: Path) -> None:
        self._label = label
        self._pin_file = pin_file
        self._lock = threading.Lock()
        self._session: Any = None
        try:
            self._library = pkcs11.lib(str(module))
        except (PKCS11Error, RuntimeError) as exc:
            raise Fault("system.keys", f"the PKCS#11 library {module} cannot be loaded: {type(exc).__name__}") from exc

    def use(self, label: str, work: Callable[[Any], T]) -> T:
        """Do it with the key of that label. Raises ``NotOpenedError`` or ``Fault("system.keys")``."""
        with self._lock:
            try:
                return self._tried(label, work)
            except PKCS11Error:
                self._end()
            try:
                return self._tried(label, work)
            except PKCS11Error as exc:
                self._end()
                raise Fault("system.keys", f"the token {self._label}: {type(exc).__name__}") from exc

    def _tried(self, label: str, work: Callable[[Any], T]) -> T:
        if self._session is None:
            self._session = self._opened()
        key = self._session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, label=label)
        try:
            return work(key)
        except (EncryptedDataInvalid, EncryptedDataLenRange) as exc:
            raise NotOpenedError from exc

    def make_key(self, label: str) -> None:
        """Make a key that wraps, sensitive and not extractable; refuses a label that is taken."""
        with self._lock:
            try:
                with self._opened(rw=True) as session:
                    wanted = {pkcs11.Attribute.LABEL: label, pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY}
                    if list(session.get_objects(wanted)):
                        raise Fault("system.keys", f"the token has a key {label} already")
                    session.generate_key(
                        pkcs11.KeyType.AES,
                        _AES_BITS,
                        label=label,
                        store=True,
                        template={
                            pkcs11.Attribute.SENSITIVE: True,
                            pkcs11.Attribute.EXTRACTABLE: False,
                            pkcs11.Attribute.ENCRYPT: True,
                            pkcs11.Attribute.DECRYPT: True,
                        },
                    )
            except PKCS11Error as exc:
                raise Fault("system.keys", f"the token {self._label}: {type(exc).__name__}") from exc

    def _opened(self, *, rw: bool = False) -> Any:
        token = self._library.get_token(token_label=self._label)
        try:
            return token.open(rw=rw, user_pin=_pin(self._pin_file))
        except UserAlreadyLoggedIn:
            return token.open(rw=rw)  # a login is the process's: another session has made it

    def close(self) -> None:
        """Log out."""
        with self._lock:
            self._end()

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            try:
                session.close()
            except PKCS11Error:
                return  # it is gone, which is what was wanted


class TokenMasters:
    """The keys of a token that the configuration names, the current one first."""

    def __init__(self, token: Token, labels: tuple[str, ...], random_bytes: RandomBytes = os.urandom) -> None:
        self._token = token
        self._masters = [TokenMaster(token, label, random_bytes) for label in labels]

    def current(self) -> Master:
        """See ``Masters``."""
        return self._masters[0]

    def of(self, master_id: str) -> Master | None:
        """See ``Masters``."""
        return next((one for one in self._masters if one.id == master_id), None)

    def reload(self) -> None:
        """The labels are the configuration's, which a start reads."""

    def close(self) -> None:
        """See ``Masters``."""
        self._token.close()


def _pin(path: Path) -> str:
    """The user PIN, read each time, so that it stays in memory no longer than it is used."""
    try:
        if path.stat().st_mode & 0o077:
            raise Fault("system.keys", f"the PIN file {path} may be read by others: chmod 0400")
        with path.open("rb") as file:
            return file.read(MAX_PIN_BYTES).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as exc:
        raise Fault("system.keys", f"the PIN file {path} cannot be read") from exc
