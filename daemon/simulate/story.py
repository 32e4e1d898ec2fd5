"""What happened in one simulated day: the trace, the counts, and the first rule that was broken."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable

MAX_LINES = 50_000


class BrokenRuleError(AssertionError):
    """An invariant does not hold. ``number`` is SETTLEMENT.md's, ``about`` an id to look for in the trace."""

    def __init__(self, number: str, what: str, about: str = "") -> None:
        super().__init__(f"invariant {number}: {what}")
        self.number = number
        self.what = what
        self.about = about

    def __reduce__(self) -> tuple[type[BrokenRuleError], tuple[str, str, str]]:
        """As it is told by the process that played the seed."""
        return type(self), (self.number, self.what, self.about)


class Story:
    """Everything that a replay must give again, byte for byte."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._digest = hashlib.sha256()
        self.lines: list[str] = []
        self.faults: Counter[str] = Counter()
        self.checked: Counter[str] = Counter()
        self.broken: BrokenRuleError | None = None  # the first one: the product may catch what is raised inside it

    def tell(self, what: str) -> None:
        """One line, with the virtual time."""
        line = f"{self._now():12.3f} {what}"
        self._digest.update(line.encode() + b"\n")
        if len(self.lines) < MAX_LINES:
            self.lines.append(line)

    def fault(self, kind: str, what: str = "") -> None:
        """Something was made to go wrong."""
        self.faults[kind] += 1
        self.tell(f"fault {kind} {what}".rstrip())

    def require(self, number: str, what: str, *, holds: bool, about: str = "") -> None:
        """Raise ``BrokenRuleError`` unless it holds; count that it was looked at."""
        self.checked[number] += 1
        if not holds:
            broken = BrokenRuleError(number, what, about)
            self.broken = self.broken or broken
            raise broken

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all lines."""
        return self._digest.hexdigest()

    def concerning(self, words: set[str], most: int = 60) -> list[str]:
        """The lines that name one of the words, and the node's own life; the last ``most`` of them."""
        chosen = [line for line in self.lines if " node " in line or " clock " in line or any(w in line for w in words)]
        return (chosen if words else self.lines)[-most:]
