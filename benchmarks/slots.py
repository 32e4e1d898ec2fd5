"""``python -m benchmarks.slots SLOW_MS PORT...``: holds the cards for ``benchmarks.readers``, told by lines on its input.

``in`` puts a card into every reader and says, as JSON, when each went in (monotonic seconds: one clock for all processes of
a machine); ``out`` takes them all away and says ``out``; the end of the input ends it.
"""

from __future__ import annotations

import json
import sys
import time

from benchmarks.cards import HOLDERS
from simulators.card import PEOPLE, CardFaults, VirtualCard, VpcdSlot


def main() -> int:
    """Do what the lines say."""
    faults = CardFaults(slow_s=float(sys.argv[1]) / 1000)
    slots = [VpcdSlot("127.0.0.1", int(port)) for port in sys.argv[2:]]
    for line in sys.stdin:
        if line.strip() == "in":
            print(json.dumps(_insert(slots, faults)), flush=True)
        else:
            for slot in slots:
                slot.withdraw()
            print(json.dumps("out"), flush=True)
    for slot in slots:
        slot.close()
    return 0


def _insert(slots: list[VpcdSlot], faults: CardFaults) -> list[float]:
    went_in = []
    for number, slot in enumerate(slots):
        slot.begin_insert(VirtualCard(PEOPLE[HOLDERS[number % len(HOLDERS)]], faults, seed=number + 1))
        went_in.append(time.monotonic())
    return went_in


if __name__ == "__main__":
    sys.exit(main())
