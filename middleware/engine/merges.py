"""Two patients of the HIS that two persons made one: what stands, and what the HIS is told of it, in one transaction.

A merge that the HIS told us of itself is never told back. One that began here goes out as A40 where the profile says so,
and is undone by A37 or, where the HIS takes none, refused: what it was told must not be otherwise here.
"""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa

from middleware.domain.command import HisMatter
from middleware.domain.fault import Fault
from middleware.domain.patients import MergeState
from middleware.domain.registry import ConflictKind
from middleware.domain.told import NumberKind
from middleware.engine.his_news import HisNews
from middleware.engine.identifiers import new_id
from middleware.engine.runner import Means
from middleware.store import his_people
from middleware.store.his_notices import Letters, merge_content
from middleware.store.links import Work
from middleware.store.units import WorkRefusedError


class Merges:
    """What becomes of a decision. Works are done inside the transaction that approves it."""

    def __init__(self, means: Means, news: HisNews) -> None:
        self._means = means
        self._news = news

    async def may_undo(self, merge_id: str) -> None:
        """Raise ``his.no_unmerge`` when the HIS has heard of it and takes no undoing."""
        reader = self._means.reader.his_people
        if not self._news.wants(HisMatter.UNMERGED) and await self._means.pool.run(reader.heard, merge_id):
            raise Fault("his.no_unmerge")

    def told(self) -> None:
        """A decision is durable: there may be a letter."""
        self._news.kick()

    def decided(self, merge_id: str, state: MergeState, now: dt.datetime) -> Work:
        """The decision, and the letters that say it."""
        decide = his_people.decide_merge(merge_id, state, now)
        merged = self._news.letters(HisMatter.MERGED, self._news.new_id("M"))
        undone = self._news.letters(HisMatter.UNMERGED, self._news.new_id("N"))

        def work(connection: sa.Connection) -> None:
            decide(connection)
            if state is MergeState.FOLLOWED:
                self._follow(connection, merge_id, merged, now)
            else:
                self._undo(connection, merge_id, undone, now)

        return work

    async def both(self, conflict_id: str, now: dt.datetime) -> Work | None:
        """Two numbers of the HIS that are one person's: the second goes on under the first, which was known before."""
        run, reader = self._means.pool.run, self._means.reader
        conflict = await run(reader.links.conflict, conflict_id)
        if conflict is None or conflict.kind is not ConflictKind.TWO_MEDIA:
            return None
        if conflict.first.kind != NumberKind.PATIENT or not self._news.wants(HisMatter.MERGED):
            return None
        kept, prior = [await run(reader.his_people.of_number, one.number) for one in (conflict.first, conflict.second)]
        if kept is None or prior is None or kept.person_id == prior.person_id:
            return None
        if await run(reader.his_people.asked_for, prior.person_id, kept.person_id):
            return None  # a matter of its own: identity.list has it
        merge_id = new_id(self._means, "G")
        ask = his_people.asked(merge_id, prior.person_id, kept.person_id, now)
        decide = self.decided(merge_id, MergeState.FOLLOWED, now)

        def work(connection: sa.Connection) -> None:
            ask(connection)
            decide(connection)

        return work

    def _follow(self, connection: sa.Connection, merge_id: str, told: Letters, now: dt.datetime) -> None:
        merge = self._means.reader.his_people.pair(connection, merge_id)
        if merge.origin == his_people.DESK and told.to:
            self._write(connection, merge, told, HisMatter.MERGED, now)

    def _undo(self, connection: sa.Connection, merge_id: str, told: Letters, now: dt.datetime) -> None:
        if not his_people.merge_heard(connection, merge_id):
            his_people.tell_merge(connection, merge_id, "")  # a letter that was refused is not sent again
            return
        if not told.to:
            raise WorkRefusedError(Fault("his.no_unmerge"))
        self._write(connection, self._means.reader.his_people.pair(connection, merge_id), told, HisMatter.UNMERGED, now)

    def _write(
        self, connection: sa.Connection, merge: his_people.Merge, told: Letters, matter: HisMatter, now: dt.datetime
    ) -> None:
        content = merge_content(merge.kept.facts, merge.prior.facts, undone=matter is HisMatter.UNMERGED)
        self._means.reader.his_notices.write(connection, content, told, matter, merge.merge_id, now)
        his_people.tell_merge(connection, merge.merge_id, told.base_id)
