"""``python -m simulators.ecode --port 21100``: a code service until Ctrl-C."""

from __future__ import annotations

import argparse
import sys

from twisted.internet import reactor

from simulators.ecode.server import CodeServer


def main() -> int:
    """Serve until a signal ends it."""
    parser = argparse.ArgumentParser(prog="simulators.ecode", description="Says whose a code CODE-<person>-<number> is.")
    parser.add_argument("--port", type=int, default=21100)
    parser.add_argument("--scanned", default="", help="what its own scanner holds, for readers of kind service")
    args = parser.parse_args()
    server = CodeServer(reactor, args.port)
    server.scanned = args.scanned
    print(server.start(), flush=True)
    reactor.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
