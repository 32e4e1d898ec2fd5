"""Ids of rows that no message names: unique over every life of every node, which a message's number alone is not."""

from __future__ import annotations

from middleware.engine.runner import Means

_LIVES = 100_000


def new_id(means: Means, letter: str) -> str:
    """24 characters: a letter, the second and its serial, and the life that gave it.

    Serials go on after the newest message on the disk; what no message names may be numbered again by the next life
    within the same second, and would then take the place of an older row.
    """
    return f"{letter}{means.next_message_id()[12:30]}{means.journal.epoch % _LIVES:05d}"
