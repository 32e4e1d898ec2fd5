"""Readers on pseudo-terminals: an id-card module and a scanner, with faults on demand, which can be unplugged."""

from simulators.serial.id_module import IdFaults, IdModule, LaidCard
from simulators.serial.line import SerialLine
from simulators.serial.scanner import HandScanner

__all__ = ["HandScanner", "IdFaults", "IdModule", "LaidCard", "SerialLine"]
