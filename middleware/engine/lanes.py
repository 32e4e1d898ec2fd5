"""Which letter leaves next: in order within a patient's lane, and nobody's registration behind others' charges. Pure.

A letter about two numbers, as a merge's, stands in the lanes of both: it waits for what was written before it in either,
and whatever was written after it in either waits for it.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator
from itertools import islice

from attrs import define, field

from middleware.domain.command import HisMatter
from middleware.store.reader import Waiting

FAIR = 4  # of so many letters at least one is no registration, while both wait


@define
class _Lane:
    letters: deque[Waiting] = field(factory=deque)
    attempts: int = 0
    held: bool = False  # its first letter is out, or rests: it may have been heard


class Lanes:
    """Letters that were read, by patient.

    A letter is ready when it is the first of its lanes; then it is out, or rests. Only ``done`` removes a letter, so that
    it is never overtaken by one behind it. One that is out is the first of all its lanes, and the others stand by their
    numbers: so no two ever wait for each other.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._ready: tuple[OrderedDict[int, Waiting], OrderedDict[int, Waiting]] = (OrderedDict(), OrderedDict())
        self._sequences: dict[int, Waiting] = {}
        self._in_a_row = 0

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._sequences.values())

    def add(self, waiting: Waiting) -> None:
        """One more, in its place in its lanes; one that is here already is not added again.

        A letter that was opened again comes before those that were written after it, but never before one that is out.
        """
        if waiting.sequence in self._sequences:
            return
        self._sequences[waiting.sequence] = waiting
        for key in waiting.lanes:
            self._insert(self._lanes.setdefault(key, _Lane()), waiting)
        self._make_ready(waiting)

    def _insert(self, lane: _Lane, waiting: Waiting) -> None:
        letters = lane.letters
        if not letters or waiting.sequence > letters[-1].sequence:
            letters.append(waiting)
            return
        fixed = int(lane.held or letters[0].letter.number > 0)  # what bears a number may have been heard
        place = fixed + sum(one.sequence < waiting.sequence for one in islice(letters, fixed, None))
        letters.insert(place, waiting)
        if place == 0:
            for line in self._ready:
                line.pop(letters[1].sequence, None)

    def take(self) -> Waiting | None:
        """The letter that leaves next; its lanes are out until ``done`` or ``rest``."""
        first, others = self._ready
        urgent = bool(first) and (self._in_a_row < FAIR - 1 or not others)
        line = first if urgent else others
        if not line:
            return None
        self._in_a_row = self._in_a_row + 1 if urgent else 0
        _, waiting = line.popitem(last=False)
        for key in waiting.lanes:
            self._lanes[key].held = True
        return waiting

    def done(self, waiting: Waiting) -> None:
        """It was answered: the next of its lanes may leave."""
        mine = self._sequences.pop(waiting.sequence, None)
        if mine is None:
            return  # forgotten meanwhile
        for key in mine.lanes:
            lane = self._lanes[key]
            lane.letters.popleft()
            lane.attempts, lane.held = 0, False
            if not lane.letters:
                del self._lanes[key]
        for key in mine.lanes:
            self.wake(key)

    def rest(self, waiting: Waiting) -> int:
        """It got no answer; it waits for ``wake`` of its lane. How often in a row it did."""
        lane = self._lanes.get(waiting.lane)
        if lane is None:
            return 1
        lane.attempts += 1
        return lane.attempts

    def wake(self, key: str) -> None:
        """The lane has rested."""
        if key in self._lanes:
            self._make_ready(self._lanes[key].letters[0])

    def clear(self) -> None:
        """Forget all of them; they are on the disk."""
        self._lanes.clear()
        self._sequences.clear()
        for line in self._ready:
            line.clear()

    def _make_ready(self, waiting: Waiting) -> None:
        """Unless another is before it in one of its lanes."""
        if all(self._lanes[key].letters[0] is waiting for key in waiting.lanes):
            self._ready[0 if waiting.letter.matter == HisMatter.REGISTERED else 1][waiting.sequence] = waiting
