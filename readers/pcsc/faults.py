"""PC/SC results and pyscard's two families of exceptions -> our ``Fault``.

pyscard raises ``smartcard.Exceptions.SmartcardException`` from its upper layer and
``smartcard.pcsc.PCSCExceptions.BaseSCardException`` from its lower one; both carry ``hresult``, signed or unsigned.
``smartcard.scard.error`` and ``ValueError`` come out of the raw calls.
"""

from __future__ import annotations

from middleware.domain.fault import Fault
from readers.pcsc.tables import BY_CODE, BY_EXCEPTION, MASK

NOT_INSTALLED = "pyscard or the PC/SC library is not installed"


def from_result(result: int, where: str) -> Fault:
    """The fault of a result code; one that the table lacks is ``reader.service_down`` with the code in detail."""
    code = result & MASK
    row = BY_CODE.get(code)
    if row is None:
        return Fault("reader.service_down", f"{where}: PC/SC result {code:08X}")
    return Fault(row.fault, f"{where}: {row.name}")


def from_exception(exc: Exception, where: str) -> Fault:
    """The fault of anything that pyscard raises; a missing library is ``reader.service_down``."""
    if isinstance(exc, ImportError):
        return Fault("reader.service_down", NOT_INSTALLED)
    result = getattr(exc, "hresult", 0)
    if isinstance(result, int) and result & MASK in BY_CODE:
        return from_result(result, where)
    code = next((BY_EXCEPTION[kind.__name__] for kind in type(exc).__mro__ if kind.__name__ in BY_EXCEPTION), "")
    return Fault(code or "reader.service_down", f"{where}: {type(exc).__name__}")
