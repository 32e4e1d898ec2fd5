"""What needs no card service at all: the tables, the faults, a machine without pyscard."""

from __future__ import annotations

import datetime as dt

import pytest
import pytest_twisted
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor

from middleware.domain.fault import FAULTS, Fault
from middleware.domain.health import Condition
from readers.pcsc.api import load_scard
from readers.pcsc.faults import NOT_INSTALLED, from_exception, from_result
from readers.pcsc.link import PcscReaders
from readers.pcsc.options import PcscOptions
from readers.pcsc.tables import RESULTS, STATE_PRESENT
from readers.sight import Sight, View
from tests.readers.waiting import until


def readers(options: PcscOptions, **more: object) -> PcscReaders:
    return PcscReaders(
        options, reactor, lambda: dt.date(2026, 3, 2), lambda: dt.datetime(2026, 3, 2, tzinfo=dt.UTC), **more
    )


def missing() -> object:
    raise from_exception(ImportError("libpcsclite.so.1"), "import")


def test_every_result_has_one_row_and_a_fault_of_the_table() -> None:
    assert len(RESULTS) == len({row.code for row in RESULTS})
    assert {row.fault for row in RESULTS} <= set(FAULTS)


def test_result_codes_and_states_are_those_of_pyscard() -> None:
    scard = pytest.importorskip("smartcard.scard")

    assert {row.name: row.code for row in RESULTS} == {row.name: getattr(scard, row.name) & 0xFFFFFFFF for row in RESULTS}
    assert scard.SCARD_STATE_PRESENT == STATE_PRESENT


@given(st.integers(-(2**31), 2**32 - 1))
def test_any_result_signed_or_unsigned_is_a_fault(result: int) -> None:
    assert from_result(result, "x").code == from_result(result & 0xFFFFFFFF, "x").code


def test_both_families_of_pyscard_exceptions_become_faults() -> None:
    exceptions = pytest.importorskip("smartcard.Exceptions")
    lower = pytest.importorskip("smartcard.pcsc.PCSCExceptions")
    gone = exceptions.CardConnectionException("x", hresult=-2146434967)
    down = lower.EstablishContextException(-2146435043)

    assert from_exception(gone, "x").code == "card.withdrawn"
    assert from_exception(down, "x").code == "reader.service_down"
    assert from_exception(exceptions.NoReadersException(), "x").code == "reader.gone"
    assert from_exception(ValueError("secret"), "x").detail == "x: ValueError"


def test_pyscard_is_loaded_late_and_whole() -> None:
    pytest.importorskip("smartcard.scard")

    assert hasattr(load_scard(), "SCardTransmit")


@pytest_twisted.ensureDeferred
async def test_a_machine_without_pyscard_starts_and_says_what_is_missing() -> None:
    made = readers(PcscOptions(retry_s=0.05), load=missing)
    made.start()
    await until(lambda: made.health().condition is Condition.DOWN, lambda: str(made.health()))
    health = made.health()
    with pytest.raises(Fault) as caught:
        await made.read_card("any")
    await made.stop()

    assert (health.condition, health.fault, health.detail) == (Condition.DOWN, "reader.service_down", NOT_INSTALLED)
    assert caught.value.code == "reader.service_down"


@pytest_twisted.ensureDeferred
async def test_readers_switched_off_are_no_trouble() -> None:
    made = readers(PcscOptions(enabled=False))
    made.start()
    with pytest.raises(Fault) as caught:
        await made.read_card("any")
    await made.stop()

    assert (made.statuses(), made.health().condition, caught.value.code) == ((), Condition.GOOD, "reader.unknown")


def sight(*, present: bool, events: int, mute: bool = False) -> View:
    return View((Sight("r", present, mute, events),))


@pytest.mark.parametrize(
    ("views", "events", "state"),
    [
        ([sight(present=False, events=0)], [], "empty"),
        ([sight(present=True, events=1)], ["inserted"], "card-present"),
        ([sight(present=True, events=1, mute=True)], ["inserted"], "mute"),
        ([sight(present=True, events=1), sight(present=False, events=2)], ["inserted", "removed"], "empty"),
        # swapped between two looks: the count tells
        (
            [sight(present=True, events=1), sight(present=True, events=3)],
            ["inserted", "removed", "inserted"],
            "card-present",
        ),
        ([sight(present=True, events=1), View()], ["inserted", "removed"], "absent"),
        ([sight(present=True, events=1), View(fault="reader.service_down")], ["inserted", "removed"], "failed"),
        ([sight(present=True, events=1), sight(present=True, events=1)], ["inserted"], "card-present"),
    ],
)
def test_events_and_state_follow_what_is_seen(views: list[View], events: list[str], state: str) -> None:
    made = readers(PcscOptions())
    heard: list[str] = []
    made.watch(lambda event: heard.append(event.kind))
    for view in views:
        made._on_view(view)

    assert (heard, [status.state for status in made.statuses()]) == (events, [state])


def test_readers_that_came_and_went_are_forgotten_in_the_end() -> None:
    made = readers(PcscOptions())
    for number in range(200):
        made._on_view(View((Sight(f"r{number}", False, False, 0),)))

    assert len(made.statuses()) <= 64
    assert {"r198", "r199"} <= {status.name for status in made.statuses()}
