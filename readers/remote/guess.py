"""What a read will ask next, guessed from reads that went well: one round trip instead of one for each command. Pure.

A read of a card is a sequence of SELECT and READ. Whoever knows the last card's sequence may send a whole stretch of it
at once, each command with the status word after which the next one is the right one. The procedure that judges the
answers is not told: it asks its commands one by one, and gets answers that are already there. Where it asks another
command than guessed, the guess was wrong, and the card is powered anew and read command by command.

Only reads are guessed. A sequence with any command that could change something on a card is never learned.
"""

from __future__ import annotations

from functools import reduce

from attrs import frozen

from readers.apdu import SW_OK
from readers.remote.messages import MAX_STEPS, Step

MAX_KNOWN = 4  # cards of one hospital: a generation or two, each with or without the long names
READS = frozenset({0xA4, 0xB2, 0xB0, 0xC0})
_STATUS = 2


@frozen(slots=True)
class Asked:
    """One command and its answer's status word: nothing that a card says of its holder."""

    command: bytes
    sw: int


def status_of(answer: bytes) -> int:
    """The status word of a card's answer."""
    return int.from_bytes(answer[-_STATUS:], "big")


class Guesses:
    """The sequences of the last reads that went well, the newest first."""

    def __init__(self) -> None:
        self._known: list[tuple[Asked, ...]] = []

    def learn(self, sequence: tuple[Asked, ...]) -> None:
        """A read went well, and this is what it asked."""
        if not sequence or not all(_harmless(asked.command) for asked in sequence):
            return
        if sequence in self._known:
            self._known.remove(sequence)
        self._known.insert(0, sequence)
        del self._known[MAX_KNOWN:]

    def steps(self, so_far: tuple[Asked, ...], command: bytes | None = None) -> tuple[Step, ...]:
        """``command`` and what will probably follow it after ``so_far``; without one, how a read will probably begin.

        Only as far as all known sequences that fit agree, so that a known kind of card is never guessed wrong. Each step
        goes on only at the status word that was met; the last one never.
        """
        count, asked = len(so_far), _commands(so_far, len(so_far))
        fitting = [
            known[count:]
            for known in self._known
            if len(known) > count and command in {None, known[count].command} and _commands(known, count) == asked
        ]
        if not fitting:
            return () if command is None else (Step(command, 0),)
        return _steps(reduce(_agreed, fitting)[:MAX_STEPS])


def _steps(asked: tuple[Asked, ...]) -> tuple[Step, ...]:
    last = len(asked) - 1
    return tuple(Step(one.command, 0 if place == last else one.sw or SW_OK) for place, one in enumerate(asked))


def _commands(sequence: tuple[Asked, ...], count: int) -> list[bytes]:
    return [asked.command for asked in sequence[:count]]


def _agreed(one: tuple[Asked, ...], other: tuple[Asked, ...]) -> tuple[Asked, ...]:
    """The stretch that both ask alike: to where they part, or to the first status word that is not the same."""
    for place, (mine, its) in enumerate(zip(one, other, strict=False)):
        if mine.command != its.command:
            return one[:place]
        if mine.sw != its.sw:
            return one[: place + 1]
    return one[: len(other)]


def _harmless(command: bytes) -> bool:
    return command[0] & 0xFC == 0 and command[1] in READS
