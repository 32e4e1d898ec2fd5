"""A service that says whose a code is: e-vouchers of the synthetic people over HTTP, with faults on demand."""

from simulators.ecode.server import CodeServer

__all__ = ["CodeServer"]
