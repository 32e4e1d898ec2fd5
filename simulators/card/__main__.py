"""``python -m simulators.card --port 35963 --person employee``: a card in a virtual reader until Ctrl-C."""

from __future__ import annotations

import argparse
import sys

import attrs

from simulators.card import OTHERS, PEOPLE, CardFaults, VirtualCard, VpcdSlot, other_card
from simulators.card.health_keys import KeyedHealthCard
from simulators.card.plastic import Card
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import KeyFaults, SecureCard
from simulators.ending import hold_back, wait_for_end


def main() -> int:
    """Insert one person's card and keep it there; 0 when ended by a signal, 1 when no pcscd took it."""
    parser = argparse.ArgumentParser(prog="simulators.card", description="A virtual card for vpcd.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=35963, help="the reader slot's vpcd port")
    parser.add_argument("--person", choices=sorted(PEOPLE), default="employee")
    parser.add_argument(
        "--generation", choices=("1.00", "2.00", "2.01", "3.00"), help="give that person a card of this spec version"
    )
    parser.add_argument("--kind", choices=sorted(OTHERS), help="no person's card: one of this other kind")
    parser.add_argument("--silent-from", type=int, default=0, metavar="N", help="never answer from exchange N on")
    parser.add_argument("--withdraw-at", type=int, default=0, metavar="N", help="pull the card at exchange N")
    parser.add_argument("--slow", type=float, default=0.0, metavar="SECONDS", help="answer this late")
    parser.add_argument("--contactless", action="store_true", help="the person's card on a contactless reader")
    parser.add_argument(
        "--keys", action="store_true", help="the person's card (PIN 123456) or a health card with invented keys"
    )
    parser.add_argument("--psam", action="store_true", help="no person's card: a PSAM with the issuer's invented keys")
    parser.add_argument("--t0", action="store_true", help="answer the T=0 way: 61xx and 6Cxx")
    args = parser.parse_args()
    faults = CardFaults(silent_from=args.silent_from, withdraw_at=args.withdraw_at, slow_s=args.slow, get_response=args.t0)
    hold_back()
    slot = VpcdSlot(args.host, args.port)
    try:
        person = PEOPLE[args.person]
        if args.generation:
            person = attrs.evolve(person, spec_version=args.generation)
        card: Card
        if args.psam:
            card = PsamCard(PsamFaults(card=faults))
        elif args.kind == "health-card" and args.keys:
            card = KeyedHealthCard(KeyFaults(card=faults))
        elif args.kind:
            card = other_card(args.kind, faults)
        elif args.keys:
            card = SecureCard(person, KeyFaults(card=faults))
        else:
            card = VirtualCard(person, faults, contactless=args.contactless)
        slot.insert(card)
    except TimeoutError as exc:
        print(exc, file=sys.stderr)
        return 1
    what = "psam" if args.psam else args.kind or args.person
    print(f"{what} is in the reader at {args.host}:{args.port}", flush=True)
    wait_for_end()
    slot.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
