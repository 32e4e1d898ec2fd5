"""Where the simulated hospital keeps its master keys, and a vault that says what it seals.

The safe is the key file that all nodes share: a life reads it at its start and at each ``reload``, as ``FileMasters`` does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from attrs import define, field

from middleware.store.ciphers import AES, RandomBytes
from middleware.store.keyring import DataKey
from middleware.store.masters import KeptMaster, KeptMasters
from middleware.store.vault import Vault

FIRST = b"simulated master".ljust(32, b".")
Told = Callable[[Vault, str, str, bytes, bool], None]  # vault, sealed, key id, data, whether it is sealed anew


@define
class Safe:
    """The lines of the key file, the current one first; AES keys."""

    lines: list[bytes] = field(factory=lambda: [FIRST])

    def add(self, secret: bytes) -> None:
        """It is the current one for whoever looks from now on."""
        self.lines.insert(0, secret)

    def drop_behind(self, secret: bytes) -> int:
        """Everything that was current before this one goes; how many those were."""
        before = len(self.lines)
        del self.lines[self.lines.index(secret) + 1 :]
        return before - len(self.lines)


class SafeMasters(KeptMasters):
    """The keys of the safe as one life read them last."""

    def __init__(self, safe: Safe, random_bytes: RandomBytes) -> None:
        super().__init__()
        self._safe = safe
        self._random = random_bytes
        self.reload()

    def reload(self) -> None:
        """See ``Masters``."""
        before, self.kept = self.kept, [KeptMaster(AES, secret, self._random) for secret in self._safe.lines]
        for one in before:
            one.close()


class ToldVault(Vault):
    """The real vault; ``told`` hears of each value before anybody can write it."""

    told: Told
    barred: frozenset[str] = frozenset()  # keys of which this life's node has said that they are retired
    _first = False

    def seal_bytes(self, table: str, row: str, column: str, data: bytes, at: dt.datetime) -> str:
        """See ``Vault``."""
        with self._anew():
            return super().seal_bytes(table, row, column, data, at)

    def seal_standing(self, table: str, row: str, column: str, text: str, at: dt.datetime) -> str:
        """See ``Vault``."""
        with self._anew():
            return super().seal_standing(table, row, column, text, at)

    def seal_many(self, table: str, column: str, values: Sequence[tuple[str, bytes]], at: dt.datetime) -> list[str]:
        """See ``Vault``."""
        made = super().seal_many(table, column, values, at)
        for (_row, data), sealed in zip(values, made, strict=True):
            self.told(self, sealed, sealed.partition(".")[0], data, False)
        return made

    def seal_with(self, key: DataKey, table: str, row: str, column: str, data: bytes) -> str:
        """See ``Vault``: asked from outside, it is a rewriting."""
        sealed = super().seal_with(key, table, row, column, data)
        self.told(self, sealed, key.id, data, not self._first)
        return sealed

    @contextmanager
    def _anew(self) -> Iterator[None]:
        self._first = True
        try:
            yield
        finally:
            self._first = False


def vault_of(
    safe: Safe, database: Any, told: Told | None, random_bytes: RandomBytes, seconds: Callable[[], float]
) -> Vault:
    """The vault of one life; nonces are from the seed, so that the same seed gives the same bytes in the database too."""
    masters = SafeMasters(safe, random_bytes)
    if told is None:
        return Vault(database, masters, random_bytes=random_bytes, seconds=seconds)
    vault = ToldVault(database, masters, random_bytes=random_bytes, seconds=seconds)
    vault.told = told
    return vault
