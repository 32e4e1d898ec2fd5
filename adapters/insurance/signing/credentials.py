"""The site's secrets: each is a file, or a credential of systemd, read once at the start and shown by nobody."""

from __future__ import annotations

import os
from pathlib import Path

from middleware.domain.fault import Fault

MAX_BYTES = 1 << 14
_OTHERS = 0o077


def read_secret(where: str, key: str) -> bytes:
    """What stands there, without the line's end. ``key`` is the configuration's, for the fault.

    ``where`` is an absolute path of a file that nobody else may read, or the name of a credential (LoadCredential=).
    ``Fault("system.config")`` when it cannot be had.
    """
    if not where:
        raise Fault("system.config", f"{key} is required by this region's profile")
    credential = not where.startswith("/")
    path = _credential(where, key) if credential else Path(where)
    try:
        if not credential and path.stat().st_mode & _OTHERS:
            raise Fault("system.config", f"{key}: others may read the file; chmod 0400")
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as exc:
        raise Fault("system.config", f"{key}: {exc.strerror}") from None
    if len(content) > MAX_BYTES:
        raise Fault("system.config", f"{key}: longer than {MAX_BYTES} bytes")
    if not content.strip():
        raise Fault("system.config", f"{key}: empty")
    return content.strip()


def _credential(name: str, key: str) -> Path:
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    if not folder:
        raise Fault("system.config", f"{key}: there is no $CREDENTIALS_DIRECTORY: the unit needs LoadCredential={name}")
    return Path(folder) / name
