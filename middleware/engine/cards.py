"""Reading cards at the counter: the answer to the caller, the audit record without data, and the read kept for a while."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from attrs import frozen

from middleware.domain.audit import Act, CardAct
from middleware.domain.card import HEALTH_CARD, SOCIAL_SECURITY_CARD, CardRead, Emergency, UnlinkedError, linked_read
from middleware.domain.card_key import OpenedCard
from middleware.domain.centre import Holder
from middleware.domain.fault import Fault
from middleware.domain.identity import IdNumber, PersonName
from middleware.domain.order import Caller, Role
from middleware.engine.audit import Audit
from middleware.engine.gate import Gate
from middleware.engine.linking import LinkDesk
from middleware.engine.runner import Means
from middleware.ports import Readers

MAX_CARD_READS = 1000
_WHY = "card.read"
_FILES = {
    SOCIAL_SECURITY_CARD: ("SSSE/EF05", "SSSE/EF06"),
    HEALTH_CARD: ("DDF1/EF05", "DDF1/EF06", "DDF1/EF08"),
}


@frozen(slots=True)
class _Kept:
    """A read that may still be used, by the account that made it."""

    read: CardRead
    account: str
    until: dt.datetime


class CardDesk:
    """Reads stay in memory only: after a restart, or ``valid_s`` seconds, the card is read again."""

    def __init__(self, means: Means, readers: Readers, valid_s: float, audit: Audit, gate: Gate) -> None:
        self._means = means
        self._readers = readers
        self._audit = audit
        self._gate = gate
        self._links = LinkDesk(means)
        self._valid = dt.timedelta(seconds=valid_s)
        self._kept: dict[str, _Kept] = {}
        self.seen_again: Callable[[Holder], Awaitable[None]] = _nobody_hears

    async def read(self, caller: Caller, reader: str) -> dict[str, Any]:
        """See ``Counter.read_card``. Every read and every failed read is in the journal, without what was read."""
        return await self.read_by(caller, reader, self._readers.read_card(reader), _WHY)

    async def read_by(self, caller: Caller, reader: str, reading: Awaitable[CardRead], why: str) -> dict[str, Any]:
        """The same of a read that is made in another way."""
        try:
            read = await self._identified(reading)
        except Fault as fault:
            await self._audit.note(caller, CardAct(Act.READ, reader, fault.code, psam=fault.psam, why=why))
            raise
        return await self.taken(caller, read, why)

    async def taken(self, caller: Caller, read: CardRead, why: str) -> dict[str, Any]:
        """A read that was made, whoever made it: checked, journalled, kept; the answer of card.read."""
        reader = read.reader
        clinical = read.emergency.items if read.emergency is not None else ()
        files = (*_FILES.get(read.kind, ()), *dict.fromkeys(item.file for item in clinical))
        try:
            await self.allow_psam(read.psam)
            odd = await self._gate.at_read(read)
        except Fault as fault:
            await self._audit.note(
                caller, CardAct(Act.READ, reader, fault.code, read, psam=read.psam, files=files, why=why)
            )
            raise
        await self._audit.note(caller, CardAct(Act.READ, reader, card=read, psam=read.psam, files=files, why=why))
        card_read_id = "D" + self._means.next_message_id()[12:]
        until = self._means.now() + self._valid
        self._keep(card_read_id, _Kept(read, caller.account, until))
        await self.seen_again(_holder(read))
        return _answer(card_read_id, read, until, clear=caller.role is Role.HIS) | ({"warnings": list(odd)} if odd else {})

    async def _identified(self, reading: Awaitable[CardRead]) -> CardRead:
        """Who was read; of an old medium that says a number only, whose the register of links knows it is."""
        try:
            return await reading
        except UnlinkedError as unlinked:
            try:
                found = await self._links.whose(unlinked.medium.kind, unlinked.medium.number)
            except Fault as fault:
                if fault.code == unlinked.code:
                    raise unlinked from None  # it says the number to whoever can find the person
                raise
            return linked_read(unlinked.medium, IdNumber(found.id_number), PersonName(found.name))

    async def allow(self, card: OpenedCard) -> None:
        """Whether a card that is held may be used. Raises ``card.lost`` or ``card.blacklisted``."""
        await self._gate.opened(card)

    async def allow_psam(self, serial: str) -> None:
        """The same for the PSAM that was used, "" for none. Raises ``psam.lost``, ``.not_in_use`` or ``.unknown``."""
        if not serial:
            return
        try:
            await self._gate.psam(serial)
        except Fault as fault:
            fault.psam = serial
            raise

    def holder(self, caller: Caller, card_read_id: str) -> Holder:
        """Who was read; the read stays good for a registration. Raises ``card.read_expired`` as ``used`` does."""
        return _holder(self._of(caller, card_read_id).read)

    @contextmanager
    def used(self, caller: Caller, card_read_id: str) -> Iterator[Holder]:
        """Who was read, for one registration: from here on the read is gone, and it comes back when that is refused.

        Raises ``card.read_expired``, also for somebody else's read, and for the second of two taps.
        """
        kept = self._of(caller, card_read_id)
        del self._kept[card_read_id]
        try:
            yield _holder(kept.read)
        except Exception:
            self._keep(card_read_id, kept)
            raise

    def _of(self, caller: Caller, card_read_id: str) -> _Kept:
        kept = self._kept.get(card_read_id)
        if kept is None or kept.until <= self._means.now() or kept.account != caller.account:
            raise Fault("card.read_expired")
        return kept

    def _keep(self, card_read_id: str, kept: _Kept) -> None:
        now = self._means.now()
        for old in [key for key, other in self._kept.items() if other.until <= now]:
            del self._kept[old]
        while len(self._kept) >= MAX_CARD_READS:
            del self._kept[next(iter(self._kept))]
        self._kept[card_read_id] = kept


async def _nobody_hears(_holder: Holder) -> None:
    """Of changes nobody is told."""


def _holder(read: CardRead) -> Holder:
    return Holder(
        id_number=read.id_number,
        name=read.name,
        card_number=read.card_number,
        card_id_code=read.card_id_code,
        sex=read.sex,
        nation=read.nation,
        birth_date=read.birth_date,
        credential=read.credential,
    )


def _emergency(found: Emergency, *, clear: bool) -> dict[str, Any]:
    """For role his, who treats the holder; everybody else hears at most why it could not be read."""
    return {
        "fault": found.fault,
        "items": [
            {
                "file": item.file,
                "record": item.record,
                "tag": item.tag,
                "zh": item.zh,
                "en": item.en,
                "state": item.state,
                "text": item.text,
            }
            for item in found.items
        ]
        if clear
        else [],
    }


def _answer(card_read_id: str, read: CardRead, until: dt.datetime, *, clear: bool) -> dict[str, Any]:
    more = {"emergency": _emergency(read.emergency, clear=clear)} if read.emergency is not None else {}
    return more | {
        "card_read_id": card_read_id,
        "expires_at": until.isoformat(),
        "reader": read.reader,
        "card": {
            "kind": read.kind,
            "region_code": read.region_code,
            "card_number": read.card_number.reveal() if clear else read.card_number.masked,
            "spec_version": read.spec_version,
            "issued_on": read.issued_on.isoformat() if read.issued_on else "",
            "expires_on": read.expires_on.isoformat() if read.expires_on else "",
        },
        "holder": {
            "name": read.name.reveal() if clear else read.name.masked,
            "id_number": read.id_number.reveal() if clear else read.id_number.masked,
            "sex": read.sex,
            "nation": read.nation,
            "birth_date": read.birth_date.isoformat() if clear else "",
            "photo": base64.b64encode(read.photo).decode("ascii") if clear else "",
        },
    }
