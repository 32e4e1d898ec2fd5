"""Virtual cards that a real pcscd reads through vpcd: its own APDU logic, with fault knobs."""

from simulators.card.bank import BankCard
from simulators.card.faults import CardFaults
from simulators.card.health import HealthCard
from simulators.card.other import OTHERS, other_card
from simulators.card.virtual import VirtualCard
from simulators.card.vpcd import VpcdSlot
from simulators.people import PEOPLE, CardPerson

__all__ = [
    "OTHERS",
    "PEOPLE",
    "BankCard",
    "CardFaults",
    "CardPerson",
    "HealthCard",
    "VirtualCard",
    "VpcdSlot",
    "other_card",
]
