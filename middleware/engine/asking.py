"""What is asked of the centre beside the flow: journalled like every call, asked again when no answer came.

A question moves nothing, so that a lost answer is asked again under a new message id; ``once`` is for everything else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import TypeVar

from attrs import evolve, frozen
from twisted.internet.defer import Deferred

from middleware.domain.centre import CentreReply, CentreRequest, CompareTotals, SignedOut, SignOut, call_of
from middleware.domain.fault import Fault
from middleware.domain.outcome import Answered, NotSent, Outcome, Refused, Unknown
from middleware.domain.statement import StatementRules
from middleware.engine.runner import Engine, Means
from middleware.engine.tasks import fire
from middleware.engine.writing import label
from middleware.ports import PreparedCall
from middleware.store.units import Ending, Intent, Unit

Reply = TypeVar("Reply")
_SIGNED_OUT = SignedOut()
_NOTHING = Unit()


@frozen(slots=True)
class Patience:
    """How long a comparison waits for the centre; seconds."""

    tries: int = 5  # without an answer
    repeat_s: float = 5.0  # doubles with each try
    repeat_max_s: float = 120.0
    ready_within_s: float = 1800.0  # a result may take so long to be made
    rest_s: float = 120.0  # what a comparison set going, or met on its way, may take so long to come to rest


class Asker:
    """Asks. ``stopped()`` says that the daemon is about to end: then nothing more is asked."""

    def __init__(self, engine: Engine, rules: StatementRules, patience: Patience, stopped: Callable[[], bool]) -> None:
        self._engine = engine
        self._rules = rules
        self._patience = patience
        self._stopped = stopped
        self._pauses: list[Deferred[None]] = []

    def wake(self) -> None:
        """End the pauses; what is asked next is refused when ``stopped``."""
        pauses, self._pauses = self._pauses, []
        for pause in pauses:
            fire(pause)

    async def ask(
        self,
        request: CentreRequest,
        expected: type[Reply] | tuple[type[Reply], ...],
        known: Mapping[str, Reply] = MappingProxyType({}),
        beside: Unit = _NOTHING,
    ) -> Reply:
        """The centre's answer. Raises ``Fault``: ``centre.*`` when there is none or it is no, ``system.stopping``.

        Where ``SignedOut`` is expected, a refusal for the reason that the sign-in has ended is one. ``known``: refusal
        codes that are an answer, and which. ``beside`` is written with the intent of each try.
        """
        waited, tried = 0.0, 0
        while True:
            outcome = await self._once(request, beside)
            match outcome:
                case Answered(reply) if isinstance(reply, expected):
                    return reply
                case Refused(code) if code in self._rules.signed_out_codes and isinstance(_SIGNED_OUT, expected):
                    return _SIGNED_OUT
                case Refused(code) if code in known:
                    return known[code]
                case Refused(code) if code in self._rules.not_ready_codes:
                    if waited >= self._patience.ready_within_s:
                        raise Fault("centre.no_answer", f"{call_of(request)}: not ready after {waited:.0f} s")
                    waited += await self._pause(tried)
                case Refused(code, message) if code not in self._engine.means.policy.sign_in_again_codes:
                    raise Fault("centre.refused", f"{call_of(request)} {code}", foreign=message)
                case _:
                    if tried + 1 >= self._patience.tries:
                        raise _unanswered(request, outcome)
                    await self._pause(tried)
            tried += 1

    async def _once(self, request: CentreRequest, beside: Unit) -> Outcome[CentreReply]:
        means, epoch = self._engine.means, self._engine.means.journal.epoch
        if self._stopped():
            raise Fault("system.stopping")
        try:
            if not _names_its_sign_in(request):
                await self._engine.signed_in()
            call = await means.centre.prepare(means.next_message_id(), request, means.now())
        except Fault as fault:
            if fault.code.startswith(("centre.field", "centre.not_offered", "statement.")):
                raise
            return NotSent(fault.code, fault.detail)
        return await once(means, call, epoch, beside)

    async def _pause(self, tried: int) -> float:
        patience, means = self._patience, self._engine.means
        wait_s: float = min(patience.repeat_max_s, patience.repeat_s * 2 ** min(tried, 16)) * (1 + means.jitter() / 4)
        pause: Deferred[None] = Deferred()
        self._pauses.append(pause)
        call = means.clock.callLater(wait_s, fire, pause)
        await pause
        if call.active():
            call.cancel()
        else:
            self._pauses.remove(pause)
        return wait_s


async def _nothing_else(_outcome: Outcome[CentreReply]) -> Unit:
    return _NOTHING


async def once(
    means: Means,
    call: PreparedCall,
    epoch: int,
    beside: Unit = _NOTHING,
    ended: Callable[[Outcome[CentreReply]], Awaitable[Unit]] = _nothing_else,
    late: Callable[[Outcome[CentreReply]], None] = lambda _late: None,
) -> Outcome[CentreReply]:
    """Journal, then wire, then journal. ``beside`` is written with the intent, what ``ended`` gives with the end.

    ``epoch`` is the life that gave the message its number: after another one began, the number may be another node's.
    """
    await means.journal.commit(evolve(beside, intents=(_intent(call, means.now()),), epoch=epoch))
    began = means.clock.seconds()
    outcome = await means.centre.send(call, lambda: None, late)
    means.on_call(call.call, label(outcome), means.clock.seconds() - began)
    ending = Ending(call.message_id, label(outcome), means.now())
    await means.journal.commit(evolve(await ended(outcome), endings=(ending,)))
    return outcome


def _intent(call: PreparedCall, now: dt.datetime) -> Intent:
    return Intent(call.message_id, "", "", str(call.call), call.digest, 0, now, call.sign_number)


def _names_its_sign_in(request: CentreRequest) -> bool:
    """An old centre wants an earlier cycle compared and ended before it takes a new sign-in."""
    return isinstance(request, SignOut) or (isinstance(request, CompareTotals) and bool(request.cycle))


def _unanswered(request: CentreRequest, outcome: Outcome[CentreReply]) -> Fault:
    match outcome:
        case NotSent(fault, detail):
            return Fault(fault, f"{call_of(request)} {detail}".strip())
        case Unknown(cause):
            return Fault("centre.no_answer", f"{call_of(request)} {cause}")
    return Fault("centre.no_answer", f"{call_of(request)} unreadable")
