"""One text file in a ZIP. A stranger's is bounded three times: by what it says, by what it is, and by their ratio.

A hostile archive costs at most ``MAX_TEXT_BYTES`` of memory and ends in a ``Fault``; nothing is ever written to
a disk, and the member's name is only shown.
"""

from __future__ import annotations

import contextlib
import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator

from attrs import frozen

from middleware.domain.fault import Fault

MAX_ZIP_BYTES = 4 << 20
MAX_TEXT_BYTES = 24 << 20  # MAX_STATEMENT_ROWS of the widest rows that are met, and some room
MAX_RATIO = 100  # text of such rows shrinks to a fifth, of the most alike ones to a thirtieth; a bomb's to a thousandth
FREE_BYTES = 256 << 10  # below this the ratio is no danger
_CHUNK = 64 << 10
_ENCRYPTED = 0x1 | 0x40 | 0x2000  # encrypted, strongly encrypted, central directory encrypted
_STAMP = (1980, 1, 1, 0, 0, 0)  # the same rows make the same bytes
_SHOWABLE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z", re.ASCII)


@frozen(slots=True)
class Bounds:
    """How large a stranger's archive and the text in it may be, and the text beside the archive."""

    packed: int
    text: int
    ratio: int = MAX_RATIO


STATEMENT = Bounds(MAX_ZIP_BYTES, MAX_TEXT_BYTES)


@frozen(slots=True)
class Member:
    """The one file of an archive. ``name`` is safe to show: a stranger's odd name becomes ``(file)``."""

    name: str
    content: bytes


def pack(name: str, content: bytes) -> bytes:
    """A ZIP with that one file; the same content gives the same bytes. ``Fault("statement.too_big")`` beyond the bounds."""
    if len(content) > MAX_TEXT_BYTES:
        raise Fault("statement.too_big", f"{name}: more than {MAX_TEXT_BYTES} bytes of text")
    member = zipfile.ZipInfo(name, _STAMP)
    member.compress_type = zipfile.ZIP_DEFLATED
    member.create_system = 3
    member.external_attr = (stat.S_IFREG | 0o600) << 16
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        archive.writestr(member, content)
    packed = written.getvalue()
    if len(packed) > MAX_ZIP_BYTES:
        raise Fault("statement.too_big", f"{name}: the ZIP has more than {MAX_ZIP_BYTES} bytes")
    return packed


def unpack(packed: bytes) -> Member:
    """The one file in it, whole and proven by its CRC; a ``Fault`` of statement.zip, .members or .too_big."""
    name, chunks = stream(packed)
    return Member(name, b"".join(chunks))


def stream(packed: bytes, bounds: Bounds = STATEMENT) -> tuple[str, Iterator[bytes]]:
    """The one file's name and its content in pieces; the same ``Fault`` may come with any of them."""
    if len(packed) > bounds.packed:
        raise Fault("statement.too_big", f"the ZIP has more than {bounds.packed} bytes")
    with _readable():
        archive = zipfile.ZipFile(io.BytesIO(packed))
        member = _only_member(archive)
    name = member.filename if _SHOWABLE.match(member.filename) else "(file)"
    return name, _content(archive, member, name, bounds)


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except Fault:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError) as exc:
        raise Fault("statement.zip", f"cut or broken: {type(exc).__name__}") from None
    except Exception as exc:  # noqa: BLE001 - zipfile raises what it likes over a stranger's bytes; its texts hold them
        raise Fault("statement.zip", f"not readable: {type(exc).__name__}") from None


def _only_member(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    members = archive.infolist()
    if len(members) != 1:
        raise Fault("statement.members", "the ZIP is empty" if not members else "the ZIP holds more than one file")
    member = members[0]
    if member.flag_bits & _ENCRYPTED:
        raise Fault("statement.members", "the file is encrypted")
    name = member.filename
    if member.is_dir() or not name or name in {".", ".."} or any(sign in name for sign in "/\\:\x00"):
        raise Fault("statement.members", "the file's name holds a path")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in {0, stat.S_IFREG}:
        raise Fault("statement.members", "the entry is no plain file")
    if member.header_offset != 0:
        raise Fault("statement.members", "there are other bytes before the file")
    if member.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        raise Fault("statement.zip", "an unusual way of compression")
    return member


def _content(archive: zipfile.ZipFile, member: zipfile.ZipInfo, name: str, bounds: Bounds) -> Iterator[bytes]:
    """Streamed: neither what the archive says of its size nor what comes out of it may pass the bounds."""
    limit = min(bounds.text, max(FREE_BYTES, bounds.ratio * member.compress_size))
    if member.file_size > limit:
        raise Fault("statement.too_big", f"{name}: says that it is larger than {limit} bytes")
    size = 0
    with _readable():
        opened = archive.open(member)
    with opened:
        while True:
            with _readable():
                chunk = opened.read(_CHUNK)
            if not chunk:
                break
            size += len(chunk)
            if size > limit:
                raise Fault("statement.too_big", f"{name}: is larger than {limit} bytes")
            yield chunk
    if size != member.file_size:
        raise Fault("statement.zip", f"{name}: shorter than it says")
