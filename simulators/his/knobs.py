"""What can be made to go wrong at the HIS, per message type, a number of times."""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from attrs import define, field, frozen

ANY = "*"


class Fault(StrEnum):
    """One way to misbehave. Unless it says so, the message was taken into the books before."""

    NO_ANSWER = "no-answer"
    ANSWER_AE = "answer-ae"  # refused: not in the books
    ANSWER_AR = "answer-ar"  # refused: not in the books
    WRONG_CONTROL_ID = "wrong-control-id"
    LATE_ACK = "late-ack"  # the right ACK after ``delay_s``; other messages go on meanwhile
    GARBAGE = "garbage"  # bytes outside any block, then the right ACK
    ONLY_GARBAGE = "only-garbage"  # bytes outside any block, and no ACK
    NOT_HL7 = "not-hl7"  # a block that is no HL7
    MISSING_END = "missing-end"  # an ACK without its end block
    CLOSE_AFTER_RECEIVE = "close-after-receive"
    CLOSE_MID_ACK = "close-mid-ack"
    SLOW = "slow"  # the right ACK, a byte at a time, each after ``delay_s``
    COMMIT_ONLY = "commit-only"  # CA, and nothing of what became of it
    COMMIT_THEN_AE = "commit-then-ae"  # CA, then AE: not in the books
    COMMIT_REFUSED = "commit-refused"  # CR: not in the books
    TOO_LONG = "too-long"  # a block of a megabyte
    NUMBER_BACK = "number-back"  # it has forgotten the last sequence number: not in the books
    NUMBER_AHEAD = "number-ahead"  # it has counted messages that we never sent: not in the books
    ANSWER_FIRST = "answer-first"  # the application answer over its own connection, and CA behind it
    ANSWER_TWICE = "answer-twice"  # the same application answer in two messages
    ANSWER_OTHER = "answer-other"  # first an application answer for a message that nobody sent
    SEVERAL = "several"  # a query finds one more, who is known by name and birth date only
    UNKNOWN = "unknown"  # a query finds nobody
    WRONG_CHARSET = "wrong-charset"  # a query's reply is not in the charset that it declares
    OTHER_QUERY = "other-query"  # a query's reply names another query in QAK-1
    QUERY_ERROR = "query-error"  # QAK-2 says AE, though MSA says AA


@frozen(slots=True)
class Knob:
    """One fault, for the next ``times`` messages of a type."""

    fault: Fault
    times: int = 1
    delay_s: float = 0.0


@define(slots=True)
class Knobs:
    """The faults that wait, by message type ("ADT^A04", "DFT^P03" or "*")."""

    _waiting: dict[str, deque[Knob]] = field(factory=dict)

    def turn(self, message_type: str, fault: Fault, *, times: int = 1, delay_s: float = 0.0) -> None:
        """The next ``times`` messages of that type meet this fault, after those turned before."""
        queue = self._waiting.setdefault(message_type, deque())
        queue.extend(Knob(fault, 1, delay_s) for _ in range(times))

    def take(self, message_type: str) -> Knob | None:
        """The fault that this message meets, if any."""
        for key in (message_type, ANY):
            queue = self._waiting.get(key)
            if queue:
                return queue.popleft()
        return None

    def clear(self) -> None:
        """All well again."""
        self._waiting.clear()
