"""``python -m simulators.serial --device PATH --person employee``: an id-card reader with a card on it, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path

from simulators.people import PEOPLE
from simulators.serial import HandScanner, IdModule


def main() -> int:
    """One reader, until a signal ends it."""
    parser = argparse.ArgumentParser(prog="simulators.serial", description="A reader on a pseudo-terminal.")
    parser.add_argument("--device", type=Path, required=True, help="the name under which the daemon opens it")
    parser.add_argument("--person", choices=sorted(PEOPLE), default="employee", help="whose id card lies on it")
    parser.add_argument("--scan", help="be a scanner that sends this text each time Enter is pressed")
    args = parser.parse_args()
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    line = HandScanner(args.device) if args.scan else IdModule(args.device)
    line.plug()
    print(f"{args.device} is there", flush=True)
    if isinstance(line, HandScanner):
        while not ended.is_set() and sys.stdin.readline():
            line.scan(args.scan)
    else:
        line.lay(PEOPLE[args.person])
        ended.wait()
    line.unplug()
    return 0


if __name__ == "__main__":
    sys.exit(main())
