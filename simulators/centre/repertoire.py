"""What the simulated centre can be asked for, beside its channel of mobile payment and the service of e-vouchers."""

from __future__ import annotations

from simulators.centre.business import Business
from simulators.centre.ledger import Ledger
from simulators.centre.mobile import MobileOrders
from simulators.centre.server import china_now

BESIDE = frozenset({"6101", "6302"})  # the service of e-vouchers (simulators.ecode), and what the channel sends by itself


def simulated() -> frozenset[str]:
    """The transactions, by number."""
    business = Business((), Ledger(), china_now)
    return business.calls | MobileOrders(business).calls | BESIDE
