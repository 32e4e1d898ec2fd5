"""The connection's machine: every state against every input."""

from __future__ import annotations

import pytest

from adapters.his.hl7v2.machine import LinkMachine

# What leads to each state, and then: input -> (the next state, what happens), or None where it is our own mistake.
WAY = {
    "idle": [],
    "connecting": ["start"],
    "linked": ["start", "attempt_succeeded"],
    "waiting": ["start", "attempt_failed"],
    "ended": ["stop"],
}
INPUTS = ("start", "stop", "attempt_succeeded", "attempt_failed", "link_lost", "retry_due")
MATRIX = {
    "idle": {"start": ("connecting", ["open_attempt"]), "stop": ("ended", [])},
    "connecting": {
        "stop": ("ended", ["cancel_attempt"]),
        "attempt_succeeded": ("linked", []),
        "attempt_failed": ("waiting", ["schedule_retry"]),
    },
    "linked": {"stop": ("ended", ["close_link"]), "link_lost": ("waiting", ["schedule_retry"])},
    "waiting": {"stop": ("ended", ["cancel_retry"]), "retry_due": ("connecting", ["open_attempt"])},
    "ended": {
        "stop": ("ended", []),
        "attempt_succeeded": ("ended", ["close_link"]),
        "attempt_failed": ("ended", []),
        "link_lost": ("ended", []),
        "retry_due": ("ended", []),
    },
}


class Recorder:
    def __init__(self) -> None:
        self.done: list[str] = []

    def __getattr__(self, name: str):
        return lambda: self.done.append(name)


@pytest.mark.parametrize("state", WAY)
@pytest.mark.parametrize("name", INPUTS)
def test_each_state_answers_each_input(state, name):
    recorder = Recorder()
    machine = LinkMachine(recorder)
    for step in WAY[state]:
        getattr(machine, step)()
    recorder.done.clear()
    assert machine.condition() == state

    expected = MATRIX[state].get(name)
    if expected is None:
        with pytest.raises(Exception, match=name):
            getattr(machine, name)()
    else:
        getattr(machine, name)()
        assert (machine.condition(), recorder.done) == expected
