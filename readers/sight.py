"""What is seen of readers at one moment, and which events lie between two looks. Pure; for local and remote ones alike."""

from __future__ import annotations

from attrs import frozen


@frozen(slots=True)
class Sight:
    """What is seen of one reader."""

    reader: str
    present: bool
    mute: bool
    events: int  # insertions and removals since the service started
    address: str = ""  # what the service calls it now, where that is another name


@frozen(slots=True)
class View:
    """What is seen of all. ``fault`` is why nothing can be seen, "" when all is well."""

    sights: tuple[Sight, ...] = ()
    fault: str = ""
    detail: str = ""


def changes(before: Sight | None, after: Sight | None) -> tuple[str, ...]:
    """What happened, in order: "removed", "inserted"; a card swapped between two looks is both.

    ``None`` is a reader that is not there.
    """
    was, present = before is not None and before.present, after is not None and after.present
    swapped = before is not None and after is not None and was and present and before.events != after.events
    gone = ("removed",) if was and (not present or swapped) else ()
    return (*gone, "inserted") if present and (not was or swapped) else gone
