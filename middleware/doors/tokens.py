"""Who may come in: accounts and their tokens, of which the house keeps only digests."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path

from attrs import frozen

from config.section import matching, one_of, setting
from middleware.domain.order import Caller, Role

MIN_TOKEN_BYTES = 16
MAX_TOKEN_BYTES = 512


@frozen(slots=True)
class AccountOptions:
    """One account: [accounts.NAME]. The token itself never stands in the configuration."""

    role: str = setting(
        help="his: all counter methods; pos: a pharmacy terminal; bureau: the feed; "
        "operator: one person, who looks on and decides at the manual desk",
        validator=one_of(*(role.value for role in Role)),
    )
    token_sha256: str = setting(
        "", help="SHA-256 of the token, 64 hex digits", validator=matching(r"(|[0-9a-f]{64})", "64 lower-case hex digits")
    )
    token_file: Path | None = setting(None, help="or a file that holds the token and nothing else (mode 0400)")  # noqa: RUF009 - an attrs field
    terminal: str = setting(
        "",
        help="the terminal's number; required for role pos, its settlements and totals are kept under it",
        validator=matching(r"[A-Za-z0-9._-]{0,32}", "at most 32 letters, digits, dots, dashes"),
    )

    def __attrs_post_init__(self) -> None:
        if bool(self.token_sha256) == (self.token_file is not None):
            raise ValueError("give token_sha256 or token_file, exactly one of them")
        if self.role == Role.POS and not self.terminal:
            raise ValueError("role pos needs terminal")


class TokenTable:
    """Answers which account a token belongs to, in a time that does not depend on the token or on how near it is."""

    def __init__(self, entries: Mapping[bytes, Caller]) -> None:
        self._entries = tuple(entries.items())

    @classmethod
    def load(cls, accounts: Mapping[str, AccountOptions]) -> TokenTable:
        """Read every account's digest; ``ValueError`` names all accounts that are wrong, never a token."""
        entries: dict[bytes, Caller] = {}
        troubles: list[str] = []
        for name, account in accounts.items():
            try:
                digest = (
                    bytes.fromhex(account.token_sha256) if account.token_sha256 else _digest_of(name, account.token_file)
                )
            except ValueError as exc:
                troubles.append(str(exc))
                continue
            if digest in entries:
                troubles.append(f"accounts {entries[digest].account} and {name} have the same token")
            entries[digest] = Caller(role=Role(account.role), account=name, terminal=account.terminal)
        if troubles:
            raise ValueError("; ".join(troubles))
        return cls(entries)

    def find(self, token: str) -> Caller | None:
        """The token's account, or None."""
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        found: Caller | None = None
        for known, caller in self._entries:  # every entry, always: an early end would tell by its time
            if hmac.compare_digest(known, digest):
                found = caller
        return found

    def bearer(self, header: str | None) -> Caller | None:
        """The account of an ``Authorization: Bearer`` header, or None."""
        scheme, _, token = (header or "").partition(" ")
        if scheme.lower() != "bearer" or len(token) > MAX_TOKEN_BYTES:
            return None
        return self.find(token.strip())


def _digest_of(name: str, path: Path | None) -> bytes:
    try:
        token = path.read_bytes().strip() if path else b""
    except OSError as exc:
        raise ValueError(f"token_file of account {name} cannot be read: {exc.strerror}") from exc
    if not MIN_TOKEN_BYTES <= len(token) <= MAX_TOKEN_BYTES:
        raise ValueError(f"the token of account {name} must be {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} bytes long")
    return hashlib.sha256(token).digest()
