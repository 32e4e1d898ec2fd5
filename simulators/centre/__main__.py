"""``python -m simulators.centre --port 20880``: the centre as a process of its own."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from twisted.internet import reactor

from simulators.centre.server import CentreSimulator
from simulators.centre.speech import Speech, TypedSpeech, process_speech, string_speech
from simulators.centre.texts import ProcessText, StringText

SPEECHES: dict[str, Callable[[], Speech]] = {
    "soap": TypedSpeech,
    "soap-process": lambda: process_speech(ProcessText()),
    "soap-string": lambda: string_speech(StringText()),
}


def main() -> None:
    """Listen until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m simulators.centre", description="a simulated insurance centre")
    parser.add_argument("--port", type=int, default=20880, help="where to listen on 127.0.0.1 (default 20880)")
    parser.add_argument("--no-sign-in", action="store_true", help="do not ask for 9001 first")
    parser.add_argument("--refuse-duplicates", action="store_true", help="refuse a msgid that was carried out before")
    parser.add_argument("--by-cycle", action="store_true", help="an old centre: totals of each sign-in, then 9002; no rows")
    parser.add_argument("--style", choices=sorted(SPEECHES), default="soap", help="how it speaks (default soap)")
    parser.add_argument(
        "--finish", choices=("9901", "9902"), default="", help="the call that must follow a settlement's yes"
    )
    given = parser.parse_args()
    centre = CentreSimulator(
        reactor,
        given.port,
        require_sign_in=not given.no_sign_in,
        refuse_duplicates=given.refuse_duplicates,
        by_cycle=given.by_cycle,
        speech=SPEECHES[given.style](),
        finish=given.finish,
    )
    centre.start()
    print(f"centre  {centre.url}  (contract at ?wsdl)", flush=True)
    print(f"ledger  http://127.0.0.1:{centre.port}/admin/ledger", flush=True)
    print(f"faults  http://127.0.0.1:{centre.port}/admin/faults", flush=True)
    reactor.run()


if __name__ == "__main__":
    main()
