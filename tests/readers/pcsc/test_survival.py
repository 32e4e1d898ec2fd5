"""What must not stop the readers: a card service that dies or hangs, a silent card, another program, a lost reader."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.threads import deferToThread

from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from simulators.card import CardFaults
from simulators.pcscd import Pcscd
from tests.readers.pcsc.bench import bench

pytestmark = pytest.mark.pcsc


@contextlib.contextmanager
def another_program(reader: str, *, transaction: bool) -> Iterator[None]:
    """Somebody else's connection: exclusive, or shared with a transaction open."""
    from smartcard import scard

    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    share = scard.SCARD_SHARE_SHARED if transaction else scard.SCARD_SHARE_EXCLUSIVE
    result, card, _ = scard.SCardConnect(context, reader, share, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1)
    assert result == 0
    if transaction:
        assert scard.SCardBeginTransaction(card) == 0
    try:
        yield
    finally:
        if transaction:
            scard.SCardEndTransaction(card, scard.SCARD_LEAVE_CARD)
        scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
        scard.SCardReleaseContext(context)


@pytest_twisted.ensureDeferred
async def test_without_pcscd_at_start_health_says_so_and_reads_work_once_it_runs(pcscd: Pcscd) -> None:
    pcscd.terminate()
    async with bench(pcscd, ready=False) as b:
        reader = b.names[0]
        await b.until(lambda: b.readers.health().condition is Condition.DOWN, "down")

        assert b.readers.health().fault == "reader.service_down"
        assert await b.code(reader) == "reader.service_down"
        pcscd.start()
        await b.insert(reader)
        assert await b.code(reader) == "read"
        assert b.readers.health().condition is Condition.GOOD


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest_twisted.ensureDeferred
async def test_pcscd_killed_and_started_again_is_survived_without_help(pcscd: Pcscd, number: signal.Signals) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader)
        assert await b.code(reader) == "read"
        for _ in range(2):
            (pcscd.kill if number == signal.SIGKILL else pcscd.terminate)()
            await b.until_state(reader, "failed")

            assert b.readers.health().fault == "reader.service_down"
            assert await b.code(reader) == "reader.service_down"
            pcscd.start()
            await b.until_state(reader, "card-present")
            assert await b.code(reader) == "read"

        assert b.events == [("inserted", reader), ("removed", reader)] * 2 + [("inserted", reader)]


@pytest_twisted.ensureDeferred
async def test_pcscd_killed_in_the_middle_of_a_read_is_service_down_and_the_next_read_works(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        card = await b.insert(reader, "employee", CardFaults(slow_s=0.05))
        going = b.begin(reader)
        await b.until(lambda: card.exchanges >= 3, "in the middle")
        await deferToThread(pcscd.kill)
        outcome = await going

        assert isinstance(outcome, Fault)
        assert outcome.code == "reader.service_down"
        await b.until_state(reader, "failed")  # else "card-present" could still be what was known before
        pcscd.start()
        await b.until_state(reader, "card-present")
        assert await b.code(reader) == "read"


@pytest_twisted.ensureDeferred
async def test_a_hung_pcscd_blocks_neither_reads_nor_health_nor_stop(pcscd: Pcscd) -> None:
    async with bench(pcscd, exchange_timeout_s=0.3, stop_timeout_s=0.5, poll_interval_s=0.05) as b:
        reader = b.names[0]
        await b.insert(reader)
        assert await b.code(reader) == "read"
        os.kill(pcscd.pid, signal.SIGSTOP)
        try:
            assert await b.code(reader) == "reader.service_down"
            assert await b.code(reader) == "reader.service_down"
            await b.until(lambda: b.readers.health().condition is Condition.DOWN, "health notices")
            os.kill(pcscd.pid, signal.SIGCONT)
            await b.until_state(reader, "card-present")
            assert await b.code(reader) == "read"
            os.kill(pcscd.pid, signal.SIGSTOP)
            assert await b.code(reader) == "reader.service_down"
            await b.readers.stop()  # it does not wait for what never comes
        finally:
            os.kill(pcscd.pid, signal.SIGCONT)


@pytest_twisted.ensureDeferred
async def test_a_silent_card_is_mute_in_time_and_other_readers_do_not_notice(pcscd: Pcscd) -> None:
    timeout_s = 2.0
    async with bench(pcscd, exchange_timeout_s=timeout_s) as b:
        silent, other = b.names[0], b.names[2]
        await b.insert(silent, "employee", CardFaults(silent_from=6))
        await b.insert(other, "resident")
        started = reactor.seconds()
        going = b.begin(silent)
        assert await b.code(other) == "read"
        outcome = await going

        assert isinstance(outcome, Fault)
        assert outcome.code == "card.mute"
        assert reactor.seconds() - started > timeout_s * 0.9
        assert b.state(silent) == "mute"
        assert b.readers.health().condition is Condition.DEGRADED
        started = reactor.seconds()
        assert await b.code(silent) == "card.mute"
        assert reactor.seconds() - started < timeout_s * 0.9  # it is known: nobody waits for it once more
        assert await b.code(other) == "read"

        await b.insert(silent, "lost-reply")
        assert await b.code(silent) == "read"
        assert b.readers.health().condition is Condition.GOOD


@pytest_twisted.ensureDeferred
async def test_stop_does_not_wait_for_a_silent_card(pcscd: Pcscd) -> None:
    async with bench(pcscd, exchange_timeout_s=0.3, stop_timeout_s=0.5) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(silent_from=1))
        assert await b.code(reader) == "card.mute"
        await b.readers.stop()


@pytest_twisted.ensureDeferred
async def test_threads_lost_to_silent_cards_are_bounded(pcscd: Pcscd) -> None:
    async with bench(pcscd, exchange_timeout_s=0.3, max_lost_threads=1) as b:
        reader = b.names[0]
        await b.insert(reader, "employee", CardFaults(silent_from=1))
        assert await b.code(reader) == "card.mute"
        os.kill(pcscd.pid, signal.SIGSTOP)  # the lost thread cannot return, whatever the card does
        try:
            await deferToThread(b.slots[reader].withdraw)
            codes = {await b.code(reader) for _ in range(20)}
        finally:
            os.kill(pcscd.pid, signal.SIGCONT)

        assert codes == {"card.mute"}
        await b.insert(reader)
        assert await b.code(reader) == "read"


@pytest_twisted.ensureDeferred
async def test_a_card_held_exclusively_by_another_program_is_shared(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        reader = b.names[0]
        await b.insert(reader)
        with another_program(reader, transaction=False):
            assert await b.code(reader) == "reader.shared"
        assert await b.code(reader) == "read"


@pytest_twisted.ensureDeferred
async def test_a_transaction_of_another_program_cannot_hold_us_without_bound(pcscd: Pcscd) -> None:
    async with bench(pcscd, exchange_timeout_s=0.5) as b:
        reader = b.names[0]
        await b.insert(reader)
        with another_program(reader, transaction=True):
            assert await b.code(reader) == "reader.shared"  # the other program holds it for as long as the test asks
            assert b.readers.health().fault in {"", "reader.shared"}
        await b.until_state(reader, "card-present")
        assert await b.code(reader) == "read"


@pytest_twisted.ensureDeferred
async def test_a_reader_that_goes_is_gone_and_works_again_when_it_is_back(pcscd: Pcscd) -> None:
    async with bench(pcscd) as b:
        kept, lost = b.names[0], b.names[2]
        await b.insert(kept)
        await deferToThread(pcscd.restart, readers=1)
        try:
            await b.until_state(lost, "absent")
            await b.until_state(kept, "card-present")

            assert await b.code(lost) == "reader.gone"
            assert await b.code(kept) == "read"
        finally:
            await deferToThread(pcscd.restart, readers=2)
        await b.insert(lost, "resident")
        assert await b.code(lost) == "read"


@pytest_twisted.ensureDeferred
async def test_a_machine_without_any_reader_says_so(pcscd: Pcscd) -> None:
    await deferToThread(pcscd.restart, readers=0)
    try:
        async with bench(pcscd, ready=False) as b:
            await b.until(lambda: b.readers.health().fault == "reader.gone", "no reader")

            assert b.readers.health().condition is Condition.DEGRADED
            assert await b.code(b.names[0]) == "reader.unknown"
            await deferToThread(pcscd.restart, readers=2)
            await b.until(lambda: len(b.readers.statuses()) == 4, "readers appear")
    finally:
        await deferToThread(pcscd.restart, readers=2)
