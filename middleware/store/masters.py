"""Master keys: what wraps the data keys. One small port, and the two providers that are a file.

A key file has one key a line, ``algorithm base64``; the first is the current one, those behind it only open what was
wrapped before. It must belong to whoever runs the daemon (or root), and nobody else may read it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import stat
from pathlib import Path
from typing import Protocol

from attrs import define, field

from middleware.domain.fault import Fault
from middleware.store.ciphers import KEY_BYTES, RandomBytes, aead, disclose, enclose

MAX_FILE_BYTES = 1 << 16


class Master(Protocol):
    """One master key. ``id`` is what a wrapped key says it was wrapped by; it tells nothing of the key."""

    @property
    def id(self) -> str:
        """At most 64 characters."""

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """A box of the secret. May block (a token). Raises ``Fault("system.keys")``."""

    def unwrap(self, box: bytes, context: bytes) -> bytes:
        """The secret. Raises ``NotOpenedError``, or ``Fault("system.keys")`` when the key cannot be used now."""


class Masters(Protocol):
    """All master keys that can be used now."""

    def current(self) -> Master:
        """The one that wraps. Raises ``Fault("system.keys")``."""

    def of(self, master_id: str) -> Master | None:
        """The one with that id, to unwrap by; None when it is not here."""

    def reload(self) -> None:
        """Look again at where they are kept. Raises ``Fault("system.keys")`` and then keeps what it had."""

    def close(self) -> None:
        """Forget them."""


class KeptMaster:
    """A master key in this process's memory."""

    def __init__(self, algorithm: str, secret: bytes | bytearray, random_bytes: RandomBytes = os.urandom) -> None:
        self._secret = bytearray(secret)
        self.algorithm = algorithm
        self._cipher = aead(algorithm, self._secret)
        self._random = random_bytes
        # A digest of a random key of 128 bits and more names it and gives nothing of it away.
        self.id = "file:" + hashlib.sha256(b"yikatong master key\n" + self._secret).hexdigest()[:16]

    def wrap(self, secret: bytes, context: bytes) -> bytes:
        """See ``Master``."""
        return enclose(self._cipher, secret, context, self._random)

    def unwrap(self, box: bytes, context: bytes) -> bytes:
        """See ``Master``."""
        return disclose(self._cipher, box, context)

    def close(self) -> None:
        """Zero our copy; the library's own is freed, and what Python copied on the way cannot be reached."""
        self._secret[:] = bytes(len(self._secret))


@define
class KeptMasters:
    """Master keys in memory: what a simulation and a test use, and what a file was read into."""

    kept: list[KeptMaster] = field(factory=list)

    def current(self) -> Master:
        """See ``Masters``."""
        return self.kept[0]

    def of(self, master_id: str) -> Master | None:
        """See ``Masters``."""
        return next((one for one in self.kept if one.id == master_id), None)

    def reload(self) -> None:
        """There is nowhere to look."""

    def close(self) -> None:
        """See ``Masters``."""
        for one in self.kept:
            one.close()


class FileMasters(KeptMasters):
    """Master keys of a file. ``owned``: also that it belongs to whoever runs this (a systemd credential is root's)."""

    def __init__(self, path: Path, *, owned: bool = True) -> None:
        super().__init__()
        self._path = path
        self._owned = owned
        self.reload()

    def reload(self) -> None:
        """See ``Masters``."""
        found = read_file(self._path, owned=self._owned)
        before, self.kept = self.kept, found
        for one in before:
            one.close()


def read_file(path: Path, *, owned: bool = True) -> list[KeptMaster]:
    """The keys of a key file, the current one first. Raises ``Fault("system.keys")`` that names file and rule, no key."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError as exc:
        raise Fault("system.keys", f"the master key file {path} cannot be opened: {exc.strerror}") from exc
    with os.fdopen(descriptor, "rb") as file:
        seen = os.fstat(file.fileno())
        if not stat.S_ISREG(seen.st_mode):
            raise Fault("system.keys", f"the master key file {path} is no regular file")
        if owned and seen.st_uid not in {0, os.geteuid()}:
            raise Fault("system.keys", f"the master key file {path} belongs to another user")
        if seen.st_mode & (0o077 if owned else 0o007):
            raise Fault("system.keys", f"the master key file {path} may be read by others: chmod 0400")
        raw = file.read(MAX_FILE_BYTES + 1)
    lines = [line.split() for line in raw.decode("ascii", "replace").splitlines()]
    keys = [_key(words, path) for words in lines if words and not words[0].startswith("#")]
    if not keys:
        raise Fault("system.keys", f"the master key file {path} holds no key")
    return keys


def _key(words: list[str], path: Path) -> KeptMaster:
    try:
        algorithm, text = words
        return KeptMaster(algorithm, base64.b64decode(text, validate=True))
    except (ValueError, binascii.Error):
        raise Fault("system.keys", f"a line of the master key file {path} is no key: algorithm base64") from None


def new_file(path: Path, algorithm: str, random_bytes: RandomBytes = os.urandom) -> KeptMaster:
    """Make a key file (0400) with one new key; refuses to touch a file that is there."""
    text = _line(algorithm, random_bytes)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_HEADER + text)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(path)
    except FileExistsError as exc:
        raise Fault("system.keys", f"{path} is there already") from exc
    except OSError as exc:
        raise Fault("system.keys", f"{path} cannot be written: {exc.strerror}") from exc
    return read_file(path)[0]


def add_to_file(path: Path, algorithm: str, random_bytes: RandomBytes = os.urandom) -> KeptMaster:
    """Put a new key before those of the file, in one rename: it is the current one from the next reading on."""
    read_file(path)  # refuses what is no key file
    partial = path.with_name(path.name + ".partial")
    try:
        old = path.read_text("ascii").removeprefix(_HEADER)
        partial.unlink(missing_ok=True)
        descriptor = os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o400)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(_HEADER + _line(algorithm, random_bytes) + old)
            file.flush()
            os.fsync(file.fileno())
        seen = path.stat()
        if seen.st_uid != os.geteuid():
            os.chown(partial, seen.st_uid, seen.st_gid)  # root renews it for the daemon's user
        partial.replace(path)
        _sync_folder(path)
    except OSError as exc:
        raise Fault("system.keys", f"{path} cannot be written: {exc.strerror}") from exc
    return read_file(path)[0]


_HEADER = "# Yikatong master keys; the first is the current one. Without them the personal data is lost for ever.\n"


def _line(algorithm: str, random_bytes: RandomBytes) -> str:
    return f"{algorithm} {base64.b64encode(random_bytes(KEY_BYTES[algorithm])).decode()}\n"


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
