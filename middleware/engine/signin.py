"""Signing in at the centre (9001) before any other call; one call at a time, journalled like every other."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from twisted.internet.defer import DeferredLock

from middleware.domain.centre import Call, SignedIn
from middleware.domain.fault import Fault
from middleware.domain.outcome import Answered, NotSent, Refused, Unknown
from middleware.engine.journal import Journal
from middleware.ports import Centre
from middleware.store.units import Ending, Intent, Put, Record, Unit


class SignInDesk:
    """Makes sure that the centre knows us today."""

    def __init__(
        self,
        journal: Journal,
        centre: Centre,
        now: Callable[[], dt.datetime],
        next_message_id: Callable[[], str],
    ) -> None:
        self._journal = journal
        self._centre = centre
        self._now = now
        self._next_message_id = next_message_id
        self._lock = DeferredLock()

    async def ensure(self) -> None:
        """Return when signed in; raise a ``centre.*`` fault when that could not be had: then nothing else is sent."""
        if not self._centre.needs_sign_in(self._now()):
            return
        await self._lock.acquire()
        try:
            if self._centre.needs_sign_in(self._now()):  # somebody else may have done it while we waited
                await self._sign_in()
        finally:
            self._lock.release()

    async def _sign_in(self) -> None:
        now, epoch = self._now(), self._journal.epoch
        message_id = self._next_message_id()
        call = await self._centre.prepare(message_id, self._centre.sign_in_request(), now)
        intent = Intent(message_id, "", "", str(Call.SIGN_IN), call.digest, 0, now)
        await self._journal.commit(Unit(records=(_record("SignInIntended", now),), intents=(intent,), epoch=epoch))
        outcome = await self._centre.send(call, lambda: None, lambda _late: None)
        now = self._now()
        signed: tuple[Put, ...] = ()
        match outcome:
            case Answered(SignedIn(number)):
                event, fault, signed = "SignedIn", None, (cycle_put(message_id, number, "in", now),)
            case Refused(code):
                event, fault = "SignInRefused", Fault("centre.refused", f"{Call.SIGN_IN} {code}")
            case NotSent(code, detail):
                event, fault = "SignInNotSent", Fault(code, f"{Call.SIGN_IN} {detail}".strip())
            case _:
                cause = outcome.cause if isinstance(outcome, Unknown) else "unreadable"
                event, fault = "SignInUnanswered", Fault("centre.no_answer", f"{Call.SIGN_IN} {cause}")
        ending = Ending(message_id, event, now)
        await self._journal.commit(Unit(records=(_record(event, now),), endings=(ending,), puts=signed))
        if fault is not None:
            raise fault


def cycle_put(message_id: str, sign_number: str, way: str, at: dt.datetime) -> Put:
    """A sign-in or sign-out that was answered: to an old centre the bounds of a business cycle."""
    return Put("cycle", {"message_id": message_id, "sign_number": sign_number, "way": way, "at": at.isoformat()})


def _record(event: str, now: dt.datetime) -> Record:
    return Record(now, "", "", event, "", "", "{}")
