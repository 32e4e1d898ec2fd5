"""The life of one connection, as a machine that owns no socket: it lives in memory and forgets everything at the end.

States are named by what is known of the link. ``Supervisor`` is what the machine may do; ``LinkInputs`` is what it may be
told. An input that finds no transition is our own mistake and raises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from automat import TypeMachineBuilder


class Supervisor(Protocol):
    """What the machine makes happen."""

    def open_attempt(self) -> None:
        """Begin one attempt to connect; ends in ``attempt_succeeded`` or ``attempt_failed``."""

    def cancel_attempt(self) -> None:
        """End the attempt under way."""

    def schedule_retry(self) -> None:
        """Tell ``retry_due`` after the back-off."""

    def cancel_retry(self) -> None:
        """It shall not be told."""

    def close_link(self) -> None:
        """Close the connection; ends in ``link_lost``."""


class LinkInputs(Protocol):
    """What the machine is told."""

    def start(self) -> None:
        """Somebody wants the link."""

    def stop(self) -> None:
        """Nobody wants it any more."""

    def attempt_succeeded(self) -> None:
        """A connection is there."""

    def attempt_failed(self) -> None:
        """There is none."""

    def link_lost(self) -> None:
        """The connection ended, by whomever."""

    def retry_due(self) -> None:
        """The back-off is over."""

    def condition(self) -> str:
        """The state's name."""


_builder = TypeMachineBuilder(LinkInputs, Supervisor)  # type: ignore[type-abstract]  # automat takes protocols

_idle = _builder.state("idle")  # nobody asked for a link yet
_connecting = _builder.state("connecting")  # an attempt is under way; nothing is known of the HIS
_linked = _builder.state("linked")  # a connection is up
_waiting = _builder.state("waiting")  # there is none, and the next attempt has its time
_ended = _builder.state("ended")  # nobody wants one; whatever still arrives is late


def _condition(name: str) -> Callable[[LinkInputs, Supervisor], str]:
    def answer(_inputs: LinkInputs, _supervisor: Supervisor) -> str:
        return name

    return answer


def _do(action: Callable[[Supervisor], None]) -> Callable[[LinkInputs, Supervisor], None]:
    def act(_inputs: LinkInputs, supervisor: Supervisor) -> None:
        action(supervisor)

    return act


def _open(supervisor: Supervisor) -> None:
    supervisor.open_attempt()


def _cancel_attempt(supervisor: Supervisor) -> None:
    supervisor.cancel_attempt()


def _schedule(supervisor: Supervisor) -> None:
    supervisor.schedule_retry()


def _cancel_retry(supervisor: Supervisor) -> None:
    supervisor.cancel_retry()


def _close(supervisor: Supervisor) -> None:
    supervisor.close_link()


_idle.upon(LinkInputs.start).to(_connecting)(_do(_open))
_idle.upon(LinkInputs.stop).to(_ended).returns(None)

_connecting.upon(LinkInputs.attempt_succeeded).to(_linked).returns(None)
_connecting.upon(LinkInputs.attempt_failed).to(_waiting)(_do(_schedule))
_connecting.upon(LinkInputs.stop).to(_ended)(_do(_cancel_attempt))

_linked.upon(LinkInputs.link_lost).to(_waiting)(_do(_schedule))
_linked.upon(LinkInputs.stop).to(_ended)(_do(_close))

_waiting.upon(LinkInputs.retry_due).to(_connecting)(_do(_open))
_waiting.upon(LinkInputs.stop).to(_ended)(_do(_cancel_retry))

_ended.upon(LinkInputs.stop).loop().returns(None)
_ended.upon(LinkInputs.attempt_succeeded).loop()(_do(_close))  # won the race against its own cancellation
_ended.upon(LinkInputs.attempt_failed).loop().returns(None)
_ended.upon(LinkInputs.link_lost).loop().returns(None)
_ended.upon(LinkInputs.retry_due).loop().returns(None)

for _state, _name in (
    (_idle, "idle"), (_connecting, "connecting"), (_linked, "linked"), (_waiting, "waiting"), (_ended, "ended"),
):  # fmt: skip
    _state.upon(LinkInputs.condition).loop()(_condition(_name))

LinkMachine: Callable[[Supervisor], LinkInputs] = _builder.build()
