"""A hospital information system that really listens: MLLP, HL7 v2, a patient register and a ledger of what was posted.

It reads the wire by python-hl7 and writes its answers by hand; it shares no code with our own HL7 edge, so it cannot agree
with that edge's mistakes. Run it alone with ``python -m simulators.his --port 20575``.
"""

from __future__ import annotations

from simulators.his.book import AccountEvent, Book, Patient, Posting
from simulators.his.knobs import Fault, Knob, Knobs
from simulators.his.reading import Received
from simulators.his.server import HisSimulator

__all__ = ["AccountEvent", "Book", "Fault", "HisSimulator", "Knob", "Knobs", "Patient", "Posting", "Received"]
