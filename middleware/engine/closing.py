"""What a destination's answer means for the letter and for the visit, and what is written then. Pure."""

from __future__ import annotations

import datetime as dt

import sqlalchemy as sa
from attrs import frozen

from middleware.domain.command import HisMatter
from middleware.domain.destination import HIS
from middleware.domain.event import (
    Event,
    HisAcceptedCharges,
    HisAcceptedPatient,
    HisRefusedCharges,
    HisRefusedPatient,
)
from middleware.domain.his import HisAccepted
from middleware.domain.outcome import Answered, NotSent, Refused
from middleware.store.codec import encode
from middleware.store.letter_notes import refusal_note
from middleware.store.letters import Work
from middleware.store.units import Letter, Record, Unit


@frozen(slots=True)
class Later:
    """Where CA says only that a letter arrived: how long its answer may take, and whether only a no is told."""

    timeout_s: float
    silence_is_yes: bool = False


def part_of(part: str, destination: str) -> str:
    """The name under which a destination's part tells its health."""
    return part if destination == HIS else f"{part}.{destination}"


def copy_closed(letter: Letter, outcome: Answered[HisAccepted] | Refused, now: dt.datetime, epoch: int) -> Unit:
    """What is written when a copy was answered: the record, and for a person why it was refused."""
    refused = isinstance(outcome, Refused)
    how = f"refused {outcome.code}" if isinstance(outcome, Refused) else "accepted"
    body = {"destination": letter.destination, "control_id": letter.control_id, "outcome": how}
    body |= {"visit_id": letter.visit_id, "settlement": letter.settlement_id}
    record = Record(now, "", "", "LetterRefused" if refused else "LetterAccepted", "", "", encode(body))
    puts = (refusal_note(letter.control_id, outcome, now),) if isinstance(outcome, Refused) else ()
    return Unit(records=(record,), now=now, closed_letters=((letter.control_id, how),), puts=puts, epoch=epoch)


def together(*works: Work | None) -> Work:
    """All of them, in that order."""

    def work(connection: sa.Connection) -> None:
        for one in works:
            if one is not None:
                one(connection)

    return work


def concerns_all(outcome: NotSent) -> bool:
    """Whether no letter would leave now, whoever it is about."""
    return outcome.fault == "his.unreachable" or outcome.fault.startswith("system.")


def event_of(letter: Letter, outcome: Answered[HisAccepted] | Refused) -> tuple[Event, str]:
    """What a deciding destination's answer is to the visit, and to the letter."""
    cancelled = letter.matter == HisMatter.CANCELLED
    match outcome:
        case Answered(accepted):
            if letter.matter == HisMatter.REGISTERED:
                return HisAcceptedPatient(accepted.patient_number), "accepted"
            return HisAcceptedCharges(letter.settlement_id, cancelled), "accepted"
        case Refused(code, message):
            if letter.matter == HisMatter.REGISTERED:
                return HisRefusedPatient(code, message), f"refused {code}"
            return HisRefusedCharges(letter.settlement_id, cancelled, code, message), f"refused {code}"
