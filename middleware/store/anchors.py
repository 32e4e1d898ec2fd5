"""Anchors: signed heads of both chains, kept where whoever holds the database cannot write.

The chain itself finds a changed row; only an anchor finds a tail that was cut off or a chain that was written anew with
right hashes (invariant 19). One JSON line an anchor, Ed25519 over the line without its signature; each names the SM3 of
the line before it, so that none can be taken out of the middle.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import sqlalchemy as sa
from attrs import frozen
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from middleware.domain.fault import Fault
from middleware.store import tables as t
from middleware.store.chain import GENESIS, Head
from middleware.store.database import snapshot
from middleware.store.places import Place
from middleware.store.walk import holds
from middleware.store.writer import read_head

MAX_KEY = 8192


class _Head(msgspec.Struct, forbid_unknown_fields=True):
    sequence: int
    hash: str


class _Line(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    number: int
    previous: str
    institution: str
    at: str
    journal: _Head
    feed: _Head
    signature: str = ""


_lines = msgspec.json.Decoder(_Line)


@frozen(slots=True)
class Anchor:
    """One line that was read and whose signature is good."""

    number: int
    institution: str
    at: str
    journal: Head
    feed: Head
    line_hash: str


def heads(engine: sa.Engine) -> tuple[Head, Head]:
    """Journal and feed as they are now, from one snapshot."""
    with snapshot(engine) as connection:
        return read_head(connection, t.journal), read_head(connection, t.feed)


# -- keys


def new_key(path: Path) -> Path:
    """Make a key: ``path`` (mode 0600) and ``path``.pub beside it, which is returned. Overwrites nothing."""
    key, public = Ed25519PrivateKey.generate(), path.with_name(path.name + ".pub")
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    shown = key.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    try:
        for target, content, mode in ((path, secret, 0o600), (public, shown, 0o644)):
            descriptor = os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
    except OSError as exc:
        raise Fault("system.anchor", f"the key cannot be written: {exc.strerror}: {exc.filename or path}") from exc
    return public


def load_key(path: Path) -> Ed25519PrivateKey:
    """The key that signs. Raises ``Fault("system.anchor")``."""
    try:
        key = serialization.load_pem_private_key(_small(path), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as exc:
        raise Fault("system.anchor", f"no key can be read from {path}: {type(exc).__name__}") from exc
    if not isinstance(key, Ed25519PrivateKey):
        raise Fault("system.anchor", f"{path} is no Ed25519 key")
    return key


def load_public(path: Path) -> Ed25519PublicKey:
    """The key that checks. Raises ``Fault("system.anchor")``."""
    try:
        key = serialization.load_pem_public_key(_small(path))
    except (OSError, ValueError, UnsupportedAlgorithm) as exc:
        raise Fault("system.anchor", f"no public key can be read from {path}: {type(exc).__name__}") from exc
    if not isinstance(key, Ed25519PublicKey):
        raise Fault("system.anchor", f"{path} is no Ed25519 public key")
    return key


def _small(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_KEY)


# -- adding and reading


def append(engine: sa.Engine, place: Place, key: Ed25519PrivateKey, institution: str, at: dt.datetime) -> Anchor:
    """Sign the heads and put them at the end of the place, durably. Raises ``Fault("system.anchor")``.

    What the database does not extend is not signed over: the last anchor must still hold, or a person must look.
    """
    with place.pen() as pen:
        last = _last(pen.tail(), key.public_key())
        if last is not None:
            require(engine, last, institution)
        journal, feed = heads(engine)
        line = _Line(
            number=last.number + 1 if last else 1,
            previous=last.line_hash if last else GENESIS,
            institution=institution,
            at=at.isoformat(),
            journal=_Head(journal.sequence, journal.hash),
            feed=_Head(feed.sequence, feed.hash),
        )
        line.signature = key.sign(msgspec.json.encode(line)).hex()
        raw = msgspec.json.encode(line)
        pen.add(raw + b"\n")
    return Anchor(line.number, institution, line.at, journal, feed, _digest(raw))


def _last(tail: bytes, key: Ed25519PublicKey) -> Anchor | None:
    if not tail:
        return None
    if not tail.endswith(b"\n"):
        raise Fault("system.anchor", "the anchors end in half a line")
    return _read(tail[:-1].rpartition(b"\n")[2], key, "the last line")


def read_anchors(place: Place, key: Ed25519PublicKey) -> Iterator[Anchor]:
    """Every anchor of the place in order. Raises ``Fault("system.anchor")`` at the first line that is not to be trusted."""
    number, previous = 0, GENESIS
    for raw in place.lines():
        number += 1
        if not raw.endswith(b"\n"):
            raise Fault("system.anchor", f"line {number} is cut off or too long")
        anchor = _read(raw[:-1], key, f"line {number}", previous)
        if anchor.number != number:
            raise Fault("system.anchor", f"line {number} calls itself {anchor.number}")
        previous = anchor.line_hash
        yield anchor
    if not number:
        raise Fault("system.anchor", f"there is no anchor in {place}")


def _read(raw: bytes, key: Ed25519PublicKey, where: str, previous: str | None = None) -> Anchor:
    try:
        line = _lines.decode(raw)
        signature = bytes.fromhex(line.signature)
        key.verify(signature, msgspec.json.encode(msgspec.structs.replace(line, signature="")))
    except (msgspec.MsgspecError, UnicodeError, ValueError, RecursionError) as exc:
        raise Fault("system.anchor", f"{where} is no anchor") from exc
    except InvalidSignature as exc:
        raise Fault("system.anchor", f"{where} was not signed with this key, or was changed") from exc
    if previous is not None and line.previous != previous:
        raise Fault("system.anchor", f"{where} does not follow the line before it")
    journal, feed = (Head(head.sequence, head.hash) for head in (line.journal, line.feed))
    return Anchor(line.number, line.institution, line.at, journal, feed, _digest(raw))


def _digest(raw: bytes) -> str:
    return hashlib.new("sm3", raw).hexdigest()


# -- the check


@frozen(slots=True)
class Lost:
    """What became of an anchored row: ``cut`` off with the chain's tail, or another row is in its place."""

    cut: bool
    why: str


def lost(connection: sa.Connection, anchor: Anchor) -> Lost | None:
    """Which chain no longer goes through what was anchored; None when both do."""
    for table, head in ((t.journal, anchor.journal), (t.feed, anchor.feed)):
        if not holds(connection, table, head):
            now = read_head(connection, table).sequence
            cut = now < head.sequence
            how = "was cut off" if cut else "was written anew"
            return Lost(
                cut, f"{table.name} {how}: row {head.sequence} was anchored at {anchor.at}, the chain ends at row {now}"
            )
    return None


def require(engine: sa.Engine, anchor: Anchor, institution: str) -> None:
    """Both chains extend this anchor, and it is ours; else ``Fault("system.anchor")``."""
    _same_house(anchor, institution)
    with engine.connect() as connection:
        found = lost(connection, anchor)
    if found is not None:
        raise Fault("system.anchor", found.why)


def missing(engine: sa.Engine, anchors: Iterable[Anchor], institution: str) -> Lost | None:
    """The worst that became of any anchor: a row written anew before one cut off; None when all hold."""
    worst: Lost | None = None
    with engine.connect() as connection:
        for anchor in anchors:
            _same_house(anchor, institution)
            found = lost(connection, anchor)
            if found is not None and not found.cut:
                return found
            worst = found or worst
    return worst


def _same_house(anchor: Anchor, institution: str) -> None:
    if anchor.institution != institution:
        raise Fault("system.anchor", f"anchor {anchor.number} is of the institution {anchor.institution}")
