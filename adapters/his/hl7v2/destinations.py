"""The section ``[his]`` with all that hear of visits and settlements: itself, and each ``[his.destinations.NAME]``."""

from __future__ import annotations

import re
from typing import Any

import attrs
from attrs import evolve, frozen

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.options import Hl7Options
from config.section import between, matching, one_of, setting
from middleware.domain.command import NOTICES, HisMatter
from middleware.domain.destination import HIS, Destination

MAX_DESTINATIONS = 8  # beside [his]; each has connections, an outbox and a process that checks what it is sent
MATTERS = tuple(str(matter) for matter in HisMatter)
MARK_OF_HIS = "0"  # no letter: it never is another's
NOT_NUMBERED, CONTINUE, ASK = "no", "continue", "ask"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,23}")
_TOGETHER = {str(HisMatter.SETTLED), str(HisMatter.CANCELLED)}


def _matters(_instance: object, attribute: Any, value: tuple[str, ...]) -> None:
    if unknown := [one for one in value if one not in MATTERS]:
        raise ValueError(f"{attribute.name}: {', '.join(unknown)} is none of {', '.join(MATTERS)}")


def _are_named(_instance: object, attribute: Any, value: dict[str, Any]) -> None:
    if len(value) > MAX_DESTINATIONS:
        raise ValueError(f"{attribute.name}: at most {MAX_DESTINATIONS}")
    for name in value:
        if not _NAME.fullmatch(name) or name == HIS:
            raise ValueError(f"{attribute.name}.{name}: at most 24 small letters, digits, _ and -, and not {HIS}")


@frozen(slots=True)
class LinkOptions(Hl7Options):
    """What every destination has: the link itself, and what is told over it in which way."""

    events: tuple[str, ...] = setting(MATTERS, help="what it wants to be told", validator=_matters)
    sequence_numbers: str = setting(
        NOT_NUMBERED,
        help="MSH-13 (HL7 2.5, 2.10.1): no; continue: from the number kept here; ask: each start asks with 0 first which"
        " number is expected",
        validator=one_of(NOT_NUMBERED, CONTINUE, ASK),
    )
    answers_on: str = setting(
        "",
        help="with application_ack AL, SU or ER: NAME of the [mllp.NAME] over which its application answers come;"
        " empty: the connection that the message left by",
    )
    answer_timeout_s: float = setting(
        60.0,
        help="time from CA to the application answer over answers_on; then the message goes again",
        unit="s",
        validator=between(0.05, 86400),
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        if self.numbered and (self.connections, self.max_in_flight) != (1, 1):
            raise ValueError("sequence_numbers need connections = 1 and max_in_flight = 1: one message at a time, in order")
        if self.find.event and (self.numbered or self.answers_on):
            raise ValueError("find.event: not with sequence_numbers or answers_on, for a reply comes where it was asked")
        if self.answers_on and self.application_ack not in tables.ANSWERS_LATER:
            raise ValueError("answers_on needs application_ack AL, SU or ER")
        if self.answers_on and self.accept_ack not in tables.ANSWERS_TWICE:
            raise ValueError("answers_on needs accept_ack AL or SU: else nothing says that the message arrived")

    @property
    def numbered(self) -> bool:
        """Whether its messages bear sequence numbers."""
        return self.sequence_numbers != NOT_NUMBERED


@frozen(slots=True)
class DestinationOptions(LinkOptions):
    """[his.destinations.NAME]: one more system that is told, by a link, an outbox and a charset of its own."""

    mark: str = setting(
        "",
        help="one small letter that ends the MSH-10 of each copy it is told; empty: the first of its name. Never change it",
        validator=matching(r"[a-z]?", "one small letter, or empty"),
    )
    decides: tuple[str, ...] = setting(
        (),
        help="matters of which its yes or no counts in place of [his]'s; registered: it gives the patient's number",
        validator=_matters,
    )


@frozen(slots=True)
class HisOptions(LinkOptions):
    """[his], and whoever else is told."""

    destinations: dict[str, DestinationOptions] = setting(  # noqa: RUF009 - an attrs field
        attrs.Factory(dict), help="others that are told: [his.destinations.NAME]", validator=_are_named
    )

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        destinations_of(self)

    @property
    def all(self) -> dict[str, LinkOptions]:
        """Every one by its name, [his] first."""
        return {HIS: self, **self.destinations}


def destinations_of(options: HisOptions) -> tuple[Destination, ...]:
    """Who is told what, and whose word counts. Raises ``ValueError`` that names what is wrong."""
    taken = [one for other in options.destinations.values() for one in other.decides]
    if twice := {one for one in taken if taken.count(one) > 1}:
        raise ValueError(f"destinations: more than one decides {', '.join(sorted(twice))}")
    marks = [_mark(name, other) for name, other in options.destinations.items()]
    if not all(mark.isascii() and mark.isalpha() for mark in marks) or len(set(marks)) < len(marks):
        raise ValueError("destinations: give each one a mark of its own, one small letter")
    mine = [one for one in MATTERS if one not in taken]
    found = [Destination(HIS, MARK_OF_HIS, _set(options.events), _set(mine), options.numbered)]
    for (name, other), mark in zip(options.destinations.items(), marks, strict=True):
        found.append(Destination(name, mark, _set(other.events), _set(other.decides), other.numbered))
    profiles = (options, *options.destinations.values())
    found = [_by_profile(one, profile) for one, profile in zip(found, profiles, strict=True)]
    for one in found:
        if one.decides - one.wants:
            raise ValueError(
                f"{one.name}: decides {', '.join(sorted(one.decides - one.wants))} and is not told of it (events)"
            )
        if len(_TOGETHER & one.decides) == 1:
            raise ValueError(f"{one.name}: who decides settled decides cancelled too")
    return tuple(found)


def _by_profile(one: Destination, options: LinkOptions) -> Destination:
    """Without the notices that it has no event for; of those nobody's answer decides anything."""
    events = {HisMatter.UPDATED: options.update_event, HisMatter.MERGED: options.merge_event}
    events[HisMatter.UNMERGED] = options.unmerge_event
    events |= dict.fromkeys((HisMatter.ACCOUNT_OPENED, HisMatter.ACCOUNT_ENDED), "".join(options.accounts.modes.values()))
    wants = one.wants - {matter for matter, event in events.items() if not event}
    return evolve(one, wants=wants, decides=one.decides - (NOTICES - wants))


def _mark(name: str, options: DestinationOptions) -> str:
    return options.mark or name[:1]


def _set(matters: Any) -> frozenset[HisMatter]:
    return frozenset(map(HisMatter, matters))
