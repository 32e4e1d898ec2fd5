"""Which letter leaves next: in order within a patient's lane, and nobody's registration behind others' charges. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterator

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

    A lane is ready, out (its first letter was taken) or resting; only ``done`` removes a letter, so that it is never
    overtaken by one behind it.
    """

    def __init__(self) -> None:
        self._lanes: dict[str, _Lane] = {}
        self._ready: tuple[OrderedDict[str, None], OrderedDict[str, None]] = (OrderedDict(), OrderedDict())
        self._sequences: dict[int, Waiting] = {}
        self._in_a_row = 0

    def __len__(self) -> int:
        return len(self._sequences)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(self._sequences.values())

    def add(self, waiting: Waiting) -> None:
        """One more, in its place in its lane; one that is here already is not added again.

        A letter that was opened again comes before those that were written after it, but never before one that is out.
        """
        if waiting.sequence in self._sequences:
            return
        self._sequences[waiting.sequence] = waiting
        lane = self._lanes.get(waiting.lane)
        if lane is None:
            lane = self._lanes[waiting.lane] = _Lane()
            lane.letters.append(waiting)
            self._make_ready(waiting.lane)
        elif waiting.sequence > lane.letters[-1].sequence:
            lane.letters.append(waiting)
        else:
            fixed = int(lane.held or lane.letters[0].letter.number > 0)  # what bears a number may have been heard
            place = sum(one.sequence < waiting.sequence for one in lane.letters)
            lane.letters.insert(max(place, fixed), waiting)

    def take(self) -> Waiting | None:
        """The letter that leaves next; its lane is out until ``done`` or ``rest``."""
        first, others = self._ready
        urgent = bool(first) and (self._in_a_row < FAIR - 1 or not others)
        line = first if urgent else others
        if not line:
            return None
        self._in_a_row = self._in_a_row + 1 if urgent else 0
        key, _ = line.popitem(last=False)
        self._lanes[key].held = True
        return self._lanes[key].letters[0]

    def done(self, waiting: Waiting) -> None:
        """It was answered: the next of its lane may leave."""
        if self._sequences.pop(waiting.sequence, None) is None:
            return  # forgotten meanwhile
        lane = self._lanes[waiting.lane]
        lane.letters.popleft()
        lane.attempts, lane.held = 0, False
        if lane.letters:
            self._make_ready(waiting.lane)
        else:
            del self._lanes[waiting.lane]

    def rest(self, waiting: Waiting) -> int:
        """It got no answer; its lane waits for ``wake``. How often in a row it did."""
        lane = self._lanes.get(waiting.lane)
        if lane is None:
            return 1
        lane.attempts += 1
        return lane.attempts

    def wake(self, key: str) -> None:
        """The lane has rested."""
        if key in self._lanes:
            self._make_ready(key)

    def clear(self) -> None:
        """Forget all of them; they are on the disk."""
        self._lanes.clear()
        self._sequences.clear()
        for line in self._ready:
            line.clear()

    def _make_ready(self, key: str) -> None:
        urgent = self._lanes[key].letters[0].letter.matter == HisMatter.REGISTERED
        self._ready[0 if urgent else 1][key] = None
