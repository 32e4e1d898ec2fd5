"""Chaos: the real daemon under load on real wires, while processes are killed, power is cut, disks fill and clocks jump."""
