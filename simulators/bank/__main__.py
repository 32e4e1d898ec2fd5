"""``python -m simulators.bank``: a bank's host to talk to."""

from __future__ import annotations

import argparse
from typing import Any

from simulators.bank.ledger import CARDS
from simulators.bank.server import ACTIONS, ANY, BankSimulator


def main() -> None:
    """Parse the command line, listen, and run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m simulators.bank", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7583)
    parser.add_argument("--mac", choices=("none", "x9.19", "sm4-cbc", "sm4-cmac"), default="sm4-cbc")
    parser.add_argument("--fault", choices=sorted(ACTIONS), help="what the next messages meet")
    parser.add_argument("--fault-kind", default=ANY, help="hold, capture, release, reverse, refund or *")
    parser.add_argument("--times", type=int, default=1)
    arguments = parser.parse_args()

    from twisted.internet import reactor

    bank = BankSimulator(reactor, arguments.port, host=arguments.host, mac=arguments.mac)
    if arguments.fault:
        bank.knob(arguments.fault_kind, arguments.fault, times=arguments.times)
    port = bank.start()
    running: Any = reactor
    numbers = ", ".join(f"{name} {card.number}" for name, card in CARDS.items())
    running.callWhenRunning(print, f"bank simulator: ISO 8583 on {arguments.host}:{port}; cards: {numbers}", flush=True)
    running.run()


if __name__ == "__main__":
    main()
