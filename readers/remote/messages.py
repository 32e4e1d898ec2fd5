"""What an agent and the daemon say to each other (version 1), as records: docs/remote-readers.md has the same in words.

On the wire each is a MessagePack array, its name first and its fields in this order; a later version adds fields at the
end or messages of a new name, and a receiver of version 1 is never sent them. Sizes are bounded by the records
themselves: what is longer is malformed.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

VERSIONS = (1,)
MAX_READERS = 16  # of one agent: pcsc-lite's own limit
MAX_STEPS = 64  # commands in one run
MIN_COMMAND = 4
MAX_COMMAND = 4 + 1 + 255 + 1
MAX_ANSWER = 256 + 2

Number = Annotated[int, Meta(ge=0, le=0xFFFFFFFF)]
Word = Annotated[int, Meta(ge=0, le=0xFFFF)]
Code = Annotated[str, Meta(max_length=64)]
Text = Annotated[str, Meta(max_length=200)]
Name = Annotated[str, Meta(min_length=1, max_length=128)]
MAX_SECONDS = 3600.0
Seconds = Annotated[float, Meta(gt=0, le=MAX_SECONDS)]


class Hello(Struct, frozen=True, array_like=True, tag="hello"):
    """Agent: the first word. ``versions`` that it speaks; ``program`` for people who look at a log."""

    versions: Annotated[tuple[Number, ...], Meta(min_length=1, max_length=16)]
    program: Text


class Welcome(Struct, frozen=True, array_like=True, tag="welcome"):
    """Daemon: the agent is known, under this name. Whoever hears nothing for three beats lets the link go."""

    version: Number
    agent: Name
    beat_s: Seconds


class Refused(Struct, frozen=True, array_like=True, tag="refused"):
    """Daemon: not this agent, or not any more; the link ends. ``code`` is one of our faults."""

    code: Code
    detail: Text


class ReaderSeen(Struct, frozen=True, array_like=True):
    """One reader. ``state`` is one of READER_STATES; ``events`` counts insertions and removals: none is missed."""

    name: Name
    state: Code
    fault: Code
    present: bool
    events: Number


class Readers(Struct, frozen=True, array_like=True, tag="readers"):
    """Agent: all its readers, whenever one changed. ``fault`` is why none can be seen, "" when all is well."""

    readers: Annotated[tuple[ReaderSeen, ...], Meta(max_length=MAX_READERS)]
    fault: Code
    detail: Text


class Step(Struct, frozen=True, array_like=True):
    """One command for the card. The next step follows only where the answer's status word is ``go_on``; 0 is never."""

    command: Annotated[bytes, Meta(min_length=MIN_COMMAND, max_length=MAX_COMMAND)]
    go_on: Word


Steps = Annotated[tuple[Step, ...], Meta(max_length=MAX_STEPS)]


class Open(Struct, frozen=True, array_like=True, tag="open"):
    """Daemon: power the card in that reader for me alone, at most ``limit_s``, and run these steps at once."""

    use: Number
    reader: Name
    limit_s: Seconds
    steps: Steps


class Opened(Struct, frozen=True, array_like=True, tag="opened"):
    """Agent: it is powered; its historical bytes."""

    use: Number
    historical: Annotated[bytes, Meta(max_length=15)]


class Run(Struct, frozen=True, array_like=True, tag="run"):
    """Daemon: run these steps with the card of that use."""

    use: Number
    steps: Steps


class Ran(Struct, frozen=True, array_like=True, tag="ran"):
    """Agent: the answers of the steps that were run, in order; fewer than asked where a status word was another."""

    use: Number
    answers: Annotated[
        tuple[Annotated[bytes, Meta(min_length=2, max_length=MAX_ANSWER)], ...], Meta(min_length=1, max_length=MAX_STEPS)
    ]


class Close(Struct, frozen=True, array_like=True, tag="close"):
    """Daemon: power the card down, the reader is free. Not answered."""

    use: Number


class Closed(Struct, frozen=True, array_like=True, tag="closed"):
    """Agent: that use is over, by this fault: card or reader lost, not had in time, or refused."""

    use: Number
    code: Code
    detail: Text


class Ping(Struct, frozen=True, array_like=True, tag="ping"):
    """Either, once a beat."""

    number: Number


class Pong(Struct, frozen=True, array_like=True, tag="pong"):
    """The answer, at once."""

    number: Number


FromAgent = Hello | Readers | Opened | Ran | Closed | Ping | Pong
FromDaemon = Welcome | Refused | Open | Run | Close | Ping | Pong
