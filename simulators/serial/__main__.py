"""``python -m simulators.serial --device PATH --person employee``: an id-card reader with a card on it, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from pathlib import Path

from simulators.ending import hold_back, wait_for_end
from simulators.people import PEOPLE
from simulators.serial import HandScanner, IdModule


def main() -> int:
    """One reader, until a signal ends it."""
    parser = argparse.ArgumentParser(prog="simulators.serial", description="A reader on a pseudo-terminal.")
    parser.add_argument("--device", type=Path, required=True, help="the name under which the daemon opens it")
    parser.add_argument("--person", choices=sorted(PEOPLE), default="employee", help="whose id card lies on it")
    parser.add_argument("--scan", help="be a scanner that sends this text each time Enter is pressed")
    args = parser.parse_args()
    hold_back()
    line = HandScanner(args.device) if args.scan else IdModule(args.device)
    line.plug()
    print(f"{args.device} is there", flush=True)
    if isinstance(line, HandScanner):
        threading.Thread(target=_scanning, args=(line, args.scan), daemon=True).start()
    else:
        line.lay(PEOPLE[args.person])
    wait_for_end()
    line.unplug()
    return 0


def _scanning(line: HandScanner, text: str) -> None:
    """Each Enter is a scan; the end of the input ends the program."""
    while sys.stdin.readline():
        line.scan(text)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
