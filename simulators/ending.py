"""A program's end by SIGINT or SIGTERM, without a handler.

A handler that sets a ``threading.Event`` can meet the main thread inside that event's own lock, and both wait for ever; one
that comes right before a system call is not seen by it. Held back signals are taken when somebody is ready for them.
"""

from __future__ import annotations

import signal

_ENDING = (signal.SIGINT, signal.SIGTERM)


def hold_back() -> None:
    """From now on both wait for ``wait_for_end``, in this thread and in those that it starts. Before any other thread."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING)


def wait_for_end() -> None:
    """Until one of them came, be it before this was called."""
    signal.sigwait(_ENDING)
