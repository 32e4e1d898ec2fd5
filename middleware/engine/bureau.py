"""The bureau's feed over the store."""

from __future__ import annotations

from middleware.engine.pools import Pool
from middleware.store.feed import FeedPage
from middleware.store.reader import Reader


class StoredFeed:
    """Implements ``Feed``."""

    def __init__(self, pool: Pool, reader: Reader) -> None:
        self._pool = pool
        self._reader = reader

    async def page(self, after: int, limit: int) -> FeedPage:
        """See ``Feed.page``."""
        return await self._pool.run(self._reader.feed_page, after, limit)
