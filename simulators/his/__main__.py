"""``python -m simulators.his``: a HIS to talk to, which prints what it takes (masked)."""

from __future__ import annotations

import argparse
from typing import Any

from simulators.his.knobs import ANY, Fault
from simulators.his.server import HisSimulator

_REPORT_S = 1.0


def main() -> None:
    """Parse the command line, listen, and run until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m simulators.his", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=20575)
    parser.add_argument(
        "--charset", choices=("utf-8", "gb18030"), default="utf-8", help="of answers, and where MSH-18 is empty"
    )
    parser.add_argument("--fault", choices=[fault.value for fault in Fault], help="what the next messages meet")
    parser.add_argument("--fault-type", default=ANY, help="for which messages: ADT^A04, DFT^P03 or *")
    parser.add_argument("--times", type=int, default=1)
    parser.add_argument("--delay", type=float, default=0.0, help="seconds, for late-ack and slow")
    parser.add_argument("--numbered", action="store_true", help="count sequence numbers (MSH-13)")
    parser.add_argument("--answers-to", type=int, default=0, help="a port of the daemon's HL7 door for application answers")
    arguments = parser.parse_args()

    from twisted.internet import reactor, task

    his = HisSimulator(
        reactor,
        arguments.port,
        arguments.charset,
        host=arguments.host,
        numbered=arguments.numbered,
        answers_to=arguments.answers_to,
    )
    if arguments.fault:
        his.knobs.turn(arguments.fault_type, Fault(arguments.fault), times=arguments.times, delay_s=arguments.delay)
    port = his.start()
    running: Any = reactor
    # Told once signals are handled, so that whoever waits for this line may stop us at once.
    running.callWhenRunning(print, f"HIS simulator: MLLP on {arguments.host}:{port}, {arguments.charset}", flush=True)
    task.LoopingCall(_Reporter(his).report).start(_REPORT_S)
    running.run()


class _Reporter:
    def __init__(self, his: HisSimulator) -> None:
        self._his = his
        self._told = 0

    def report(self) -> None:
        """Print each message once: type, control id, length; no value of a person."""
        for message in self._his.received[self._told :]:
            print(
                f"{message.at:%H:%M:%S} {message.message_type} {message.control_id} {len(message.payload)} bytes",
                flush=True,
            )
        self._told = len(self._his.received)


if __name__ == "__main__":
    main()
