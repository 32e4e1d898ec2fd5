"""One conversation with a centre: every call is noted before it leaves, becomes a line of the table, and is remembered.

At a real centre the notes are a file, written through to the disk before a byte leaves: whoever must clean up after a run
that died finds every message id in it. No name, number or text of a person goes into it.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from attrs import define, evolve, field

from adapters.insurance.mobile.tables import MOBILE
from adapters.insurance.transactions import DECLARED
from daemon.conformance.advice import advice_of
from daemon.conformance.table import End, Line, Note, Verdict, end_of, is_as_expected
from middleware.domain.centre import Call, CentreReply, CentreRequest, call_of
from middleware.domain.fault import Fault
from middleware.domain.message_id import MessageIds
from middleware.domain.outcome import Answered, NotSent, Outcome
from middleware.ports import Centre


class Stopped(Exception):  # noqa: N818 - it says what is so: the rest of this part makes no sense any more
    """A call that the rest of its part stands on was not answered."""


class Notebook:
    """What was about to leave, and how it ended; one line of JSON each. Without a path it keeps nothing."""

    def __init__(self, path: Path | None = None) -> None:
        self._file = path.open("x", encoding="utf-8") if path is not None else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _exc: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, **what: str) -> None:
        """On the disk when this returns."""
        if self._file is not None:
            self._file.write(json.dumps(what, ensure_ascii=False) + "\n")
            self._file.flush()
            os.fsync(self._file.fileno())


def _ignore(*_args: object) -> None:
    """Whether a first byte left, and what came late, are in the outcome and in the table."""


@define(slots=True)
class Talk:
    """Calls one after the other. ``part`` is the heading of the lines that are being made."""

    centre: Centre
    ids: MessageIds
    now: Callable[[], dt.datetime]
    notes: Notebook
    real: bool  # a centre of somebody else's
    lines: list[Line] = field(factory=list)
    left: dict[str, str] = field(factory=dict)  # message id -> what of it stands at the centre
    part: Note = field(factory=Note)
    silent: bool = False  # what only leads up to something makes no lines

    async def say(
        self,
        request: CentreRequest,
        expected: End = End.ANSWERED,
        what: Note | None = None,
        judge: Callable[[Any], Note] | None = None,
        message_id: str = "",
    ) -> tuple[str, Outcome[CentreReply]]:
        """Send it once: its message id and its outcome. ``judge`` looks at a reply, and names what is wrong with it.

        ``message_id`` is given where the request itself bears it: a new one of ``new_id``.
        """
        at, call = self.now(), call_of(request)
        message_id = message_id or self.new_id()
        try:
            prepared = await self.centre.prepare(message_id, request, at)
            self.notes.write(message_id=message_id, call=call.value, digest=prepared.digest, state="about to leave")
            outcome = await self.centre.send(prepared, _ignore, _ignore)
        except Fault as fault:
            outcome = NotSent(fault.code, fault.detail)
        got, detail = end_of(outcome)
        self.notes.write(message_id=message_id, call=call.value, state=str(got), detail=detail)
        wrong = judge(outcome.reply) if judge is not None and isinstance(outcome, Answered) else Note()
        if not is_as_expected(expected, got):
            wrong = advice_of(outcome)
        self.see(call.value, what or name_of(call.value), expected, got, detail, wrong)
        return message_id, outcome

    async def must(
        self,
        request: CentreRequest,
        what: Note | None = None,
        judge: Callable[[Any], Note] | None = None,
        message_id: str = "",
    ) -> tuple[str, Any]:
        """The same for a call that the rest of the part stands on: its message id and its reply, or ``Stopped``."""
        message_id, outcome = await self.say(request, End.ANSWERED, what, judge, message_id)
        if not isinstance(outcome, Answered):
            raise Stopped(call_of(request).value)
        return message_id, outcome.reply

    def new_id(self) -> str:
        """A message id that was never used."""
        return self.ids.next(self.now())

    def see(self, call: str, what: Note, expected: End, got: End, detail: str, wrong: Note) -> None:
        """A line of something that was done; ``wrong`` names what makes it bad however it ended."""
        verdict = Verdict.GOOD if is_as_expected(expected, got) and not wrong.zh else Verdict.BAD
        if not self.silent:
            self.lines.append(Line(self.part, call, what, str(expected), str(got), detail, verdict, wrong))

    def leave_out(self, call: Call, why: Note, what: Note | None = None) -> None:
        """A line of something that is not done."""
        named = what or name_of(call.value)
        self.lines.append(Line(self.part, call.value, named, "", "", "", Verdict.LEFT_OUT, why))

    def remark(self, note: Note) -> None:
        """Say something about the newest line."""
        self.lines[-1] = evolve(self.lines[-1], note=note)

    def spoil(self, note: Note) -> None:
        """The newest line is not as it must be, for a reason that another call showed."""
        self.lines[-1] = evolve(self.lines[-1], verdict=Verdict.BAD, note=note)


def name_of(call: str) -> Note:
    """What the tables call it."""
    transaction = MOBILE[call] if call in MOBILE else DECLARED[call]
    return Note(transaction.zh, transaction.en)
