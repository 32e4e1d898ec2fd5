"""A virtual social-security card that a real pcscd reads through vpcd: its own APDU logic, with fault knobs."""

from simulators.card.faults import CardFaults
from simulators.card.other import OTHERS, OtherCard
from simulators.card.virtual import VirtualCard
from simulators.card.vpcd import VpcdSlot
from simulators.people import PEOPLE, CardPerson

__all__ = ["OTHERS", "PEOPLE", "CardFaults", "CardPerson", "OtherCard", "VirtualCard", "VpcdSlot"]
