"""Who is told what: the systems of one hospital that hear of visits and settlements. Pure.

One of them decides each matter: its yes or no is what a visit or a settlement goes on by, and who decides registrations
gives the patient's number. The others hear the same as copies: their answers close a letter and move nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from attrs import frozen

from middleware.domain.command import HisMatter

HIS = "his"  # the section [his] itself: there is always one of that name
EVERYTHING = frozenset(HisMatter)


@frozen(slots=True)
class Destination:
    """One of them. ``mark`` ends the control id (MSH-10) of each copy that it is told, so that no two letters share one.

    ``numbered``: its messages bear sequence numbers (MSH-13) and leave one by one, in the order in which they were written.
    """

    name: str = HIS
    mark: str = ""
    wants: frozenset[HisMatter] = EVERYTHING
    decides: frozenset[HisMatter] = EVERYTHING
    numbered: bool = False


ALONE = (Destination(),)


@frozen(slots=True)
class Addressed:
    """One letter of a fact: to whom, under which control id, and whether it is only a copy."""

    destination: str
    control_id: str
    copy: bool


def addressed(destinations: Sequence[Destination], matter: HisMatter, control_id: str) -> Iterator[Addressed]:
    """The letters of a fact at the moment when it becomes one.

    A registration goes to who decides it, and to the others when that one has said yes (``copies``): only then there is a
    patient's number, and before that there may be nothing to hear of.
    """
    for one in destinations:
        if matter in one.decides:
            yield Addressed(one.name, control_id, copy=False)
    if matter is not HisMatter.REGISTERED:
        yield from copies(destinations, matter, control_id)


def copies(destinations: Sequence[Destination], matter: HisMatter, control_id: str) -> Iterator[Addressed]:
    """The letters to those who want to hear of it and decide nothing about it."""
    for one in destinations:
        if matter in one.wants - one.decides:
            yield Addressed(one.name, control_id + one.mark, copy=True)
