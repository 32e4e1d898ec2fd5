"""``python -m benchmarks.cards PORT...``: one card in each virtual reader, all in one process, until SIGTERM."""

from __future__ import annotations

import sys

from simulators.card import PEOPLE, VirtualCard, VpcdSlot
from simulators.ending import hold_back, wait_for_end

# Of the built-in people those whose card reads well and whom the centre settles without a knob.
HOLDERS = ("employee", "resident", "four-byte", "long-name", "first-generation")


def main() -> int:
    """Insert them all, say so, wait for the end."""
    hold_back()
    slots = [VpcdSlot("127.0.0.1", int(port)) for port in sys.argv[1:]]
    for number, slot in enumerate(slots):
        slot.insert(VirtualCard(PEOPLE[HOLDERS[number % len(HOLDERS)]], seed=number + 1))
    print("inserted", flush=True)
    wait_for_end()
    for slot in slots:
        slot.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
