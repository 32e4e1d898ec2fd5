"""``python -m benchmarks.card [SECONDS]``: exchanges a second through a real pcscd, and what a whole read adds to them.

The card runs in a process of its own, so that the reader does not share its interpreter lock.
"""

from __future__ import annotations

import datetime as dt
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from readers.apdu import Command, transmit
from readers.cards.kinds import DEFAULT_ORDER
from readers.cards.social_security_read import CardContext, in_order
from readers.pcsc.api import PcscCard, PcscContext, load_scard
from simulators.pcscd import Pcscd, Slot

GET_CHALLENGE = Command(0x00, 0x84, 0x00, 0x00, le=8)


def run(seconds: float) -> dict[str, float]:
    """Figures: ``apdu_per_s``, ``apdu_p50_us``, ``apdu_p99_us``, ``read_ms`` (median whole read, connect and reset
    included), ``exchanges_ms`` (median sum of the bare exchanges of a read), ``read_over_exchanges`` (median of each
    read's ratio), ``exchanges_per_read``.
    """  # noqa: D205 - one sentence, many names
    pcscd = Pcscd.start_own(readers=1)
    os.environ.update(pcscd.environment)
    try:
        with _card(pcscd.slots[0]):
            return _exchanges(pcscd.slots[0].reader, seconds / 2) | _reads(pcscd.slots[0].reader, seconds / 2)
    finally:
        pcscd.stop()


@contextmanager
def _card(slot: Slot) -> Iterator[None]:
    command = [sys.executable, "-m", "simulators.card", "--port", str(slot.port), "--person", "employee"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            _wait_present(slot.reader)
            yield
        finally:
            process.terminate()


def _wait_present(reader: str) -> None:
    context = PcscContext(load_scard)
    raw, deadline = 0, time.monotonic() + 10
    while time.monotonic() < deadline:
        state = context.wait({reader: raw}, 1000, hotplug=False)[reader]
        if state.present:
            context.release()
            return
        raw = state.raw
    raise TimeoutError("pcscd sees no card")


@contextmanager
def _connected(reader: str) -> Iterator[PcscCard]:
    context = PcscContext(load_scard)
    try:
        card = context.connect(reader)
        try:
            yield card
        finally:
            card.disconnect()
    finally:
        context.release()


def _exchanges(reader: str, seconds: float) -> dict[str, float]:
    took: list[float] = []
    challenges: set[bytes] = set()
    with _connected(reader) as card:
        end = time.perf_counter() + seconds
        while (started := time.perf_counter()) < end:
            response = transmit(card.exchange, GET_CHALLENGE)
            took.append(time.perf_counter() - started)
            assert response.ok
            challenges.add(response.data)
    # Each answer is a fresh random number: proof that every exchange went to the card and none came from a cache.
    assert len(challenges) == len(took)
    ordered = sorted(took)
    return {
        "apdu_per_s": len(took) / sum(took),
        "apdu_p50_us": ordered[len(ordered) // 2] * 1e6,
        "apdu_p99_us": ordered[len(ordered) * 99 // 100] * 1e6,
    }


def _reads(reader: str, seconds: float) -> dict[str, float]:
    context = CardContext(reader, "", dt.date(2026, 3, 2))
    procedure = in_order(DEFAULT_ORDER)  # as the daemon reads: which card it is, then its data
    whole: list[float] = []
    bare: list[float] = []
    counts: set[int] = set()
    end = time.perf_counter() + seconds
    service = PcscContext(load_scard)  # kept from read to read, as a reader's thread keeps it
    while (started := time.perf_counter()) < end:
        spent: list[float] = []
        service.readers()
        card = service.connect(reader)

        def exchange(command: bytes, card: PcscCard = card, spent: list[float] = spent) -> bytes:
            begun = time.perf_counter()
            answer = card.exchange(command)
            spent.append(time.perf_counter() - begun)
            return answer

        card.atr()
        procedure(exchange, context)
        card.disconnect()
        whole.append(time.perf_counter() - started)
        bare.append(sum(spent))
        counts.add(len(spent))
    service.release()
    read_ms, exchanges_ms = statistics.median(whole) * 1e3, statistics.median(bare) * 1e3
    return {
        "read_ms": read_ms,
        "exchanges_ms": exchanges_ms,
        "read_over_exchanges": statistics.median(one / sum_ for one, sum_ in zip(whole, bare, strict=True)),
        "exchanges_per_read": float(max(counts)),
    }


if __name__ == "__main__":
    for name, value in run(float(sys.argv[1]) if len(sys.argv) > 1 else 4.0).items():
        print(f"{name:22}{value:12.2f}")
