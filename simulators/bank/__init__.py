"""A bank's host to pay own shares by card with: a real socket, books of its own, and faults on demand."""

from simulators.bank.ledger import CARDS, TestCard
from simulators.bank.server import BankSimulator

__all__ = ["CARDS", "BankSimulator", "TestCard"]
