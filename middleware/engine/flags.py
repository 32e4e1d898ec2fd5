"""The card audit's flags for the hospital's own people: what was found, whose card it was, and that somebody looked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from middleware.domain.fault import Fault
from middleware.domain.order import Caller
from middleware.engine.counter import Answer
from middleware.engine.pools import Pool
from middleware.engine.runner import Means
from middleware.store.audit_window import Flag, Work, looked_at
from middleware.store.codec import encode
from middleware.store.feed import FeedPage
from middleware.store.reader import Reader
from middleware.store.units import Record, Unit


class FlagDesk:
    """``changed`` is called when somebody looked at a flag."""

    def __init__(self, means: Means, changed: Callable[[], None] = lambda: None) -> None:
        self._means = means
        self._changed = changed

    async def list(self, after: int, limit: int, *, unseen: bool) -> Answer:
        """Flags by their numbers, as the bureau has them, and who looked."""
        found = await self._means.pool.run(self._means.reader.window.flags, after, limit, unseen=unseen)
        next_after = found[-1].sequence if found else after
        return {"flags": [_view(one) for one in found], "next_after": next_after, "complete": len(found) < limit}

    async def whose(self, caller: Caller, sequence: int, reason: str) -> Answer:
        """The numbers of the card, for whoever must find its holder; the look is journalled before it is answered."""
        found = await self._means.pool.run(self._means.reader.window.whose, sequence)
        if found is None:
            raise Fault("request.not_found", "flag")
        await self._commit(caller, "FlagOpened", sequence, None, reason)
        return {"sequence": sequence, **{name: found.get(name, "") for name in ("card_number", "id_number")}}

    async def seen(self, caller: Caller, sequence: int, note: str) -> Answer:
        """Somebody looked at it and says so; it counts no more on the health page."""
        await self._commit(caller, "FlagSeen", sequence, looked_at(sequence, caller.account, self._means.now()), note)
        self._changed()
        return {"sequence": sequence, "seen_by": caller.account}

    async def _commit(self, caller: Caller, event: str, sequence: int, work: Work | None, words: str) -> None:
        now = self._means.now()
        body = encode({"role": str(caller.role), "account": caller.account, "flag": sequence})
        await self._means.journal.commit(
            Unit(records=(Record(now, "", "", event, "", "", body, words),), now=now, work=work)
        )


class StoredFlags:
    """Implements ``Feed`` over the flags' own chain."""

    def __init__(self, pool: Pool, reader: Reader) -> None:
        self._pool = pool
        self._reader = reader

    async def page(self, after: int, limit: int) -> FeedPage:
        """See ``Feed.page``."""
        return await self._pool.run(self._reader.window.flag_page, after, limit)


def _view(flag: Flag) -> dict[str, Any]:
    names = ("sequence", "rule", "zh", "en", "at", "subject", "facts", "acts")
    view = {name: flag.line[name] for name in names}
    return view | ({"seen_by": flag.seen_by, "seen_at": flag.seen_at} if flag.seen_by else {})
