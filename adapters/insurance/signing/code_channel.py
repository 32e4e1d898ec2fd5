"""The sealed channel as the way to a code service: what leaves is sealed, what comes back is genuine, new and of now.

Both what is asked and what is answered are the published ``ec.query`` messages, whole, as the channel's ``data``.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable

from adapters.insurance.signing.voucher import NotGenuine, Undecipherable, Voucher
from middleware.domain.fault import Fault

MAX_SEEN = 10_000  # answers that are remembered; older ones are outside any window by then
MAX_CODE = 10
_SEALED = frozenset({"encData", "signData"})


class CodeChannel:
    """One application's channel. ``window_s``: how far an answer's time may be from ours, either way. Reactor thread."""

    def __init__(self, voucher: Voucher, now: Callable[[], dt.datetime], window_s: float) -> None:
        self._voucher = voucher
        self._now = now
        self._window = dt.timedelta(seconds=window_s)
        self._seen: dict[bytes, None] = {}

    def wrap(self, body: bytes) -> bytes:
        """The request, sealed; each time another one, for its time is in it."""
        return self._voucher.seal(json.loads(body), self._now())

    def unwrap(self, body: bytes) -> bytes:
        """The answer in the clear.

        Raises ``code.not_genuine``, ``code.undecipherable``, ``code.clock``, ``code.replayed``; ``code.refused`` for a
        refusal, which the channel sends unsealed (insurance.md 1.3): whoever forges one can refuse and nothing else.
        """
        self._refusal(body)
        try:
            opened = self._voucher.opened(body)
        except Undecipherable as exc:
            raise Fault("code.undecipherable", str(exc)) from None
        except NotGenuine as exc:
            raise Fault("code.not_genuine", str(exc)) from None
        off = opened.at - self._now()
        if abs(off) > self._window:
            raise Fault("code.clock", f"{off.total_seconds():+.0f} s, at most {self._window.total_seconds():g} s")
        if opened.signature in self._seen:
            raise Fault("code.replayed", "an answer that came before")
        while len(self._seen) >= MAX_SEEN:
            del self._seen[next(iter(self._seen))]
        self._seen[opened.signature] = None
        return json.dumps(opened.data, ensure_ascii=False).encode()

    @staticmethod
    def _refusal(body: bytes) -> None:
        try:
            whole = json.loads(body)
        except (ValueError, RecursionError):
            return
        if isinstance(whole, dict) and whole.get("success") is False and not _SEALED & whole.keys():
            code = str(whole.get("code"))
            said = code if len(code) <= MAX_CODE and code.isascii() and code.isprintable() else "?"
            raise Fault("code.refused", f"channel: code {said}")
