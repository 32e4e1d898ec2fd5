"""A question to the HIS, whom it has: QBP^Q22, QBP^Q23, QBP^ZP7 to segments. Pure; ``found.py`` reads the reply.

Sources: HL7 2.5, 3.3.56 (Q23) and 3.3.57 (Q22), 5.5.4 (QPD, RCP); IHE ITI-9 and ITI-21; ZP7 as met at sites.
"""

from __future__ import annotations

from attrs import evolve

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Asking, Dialect
from adapters.his.hl7v2.frame import Field, Repetition, Segment
from adapters.his.hl7v2.segments import msh
from adapters.his.hl7v2.values import one, segment, typed
from middleware.domain.fault import Fault
from middleware.domain.his import FindBy, FindPatient


def structure_of(message: FindPatient, dialect: Dialect) -> tuple[str, str, str]:
    """MSH-9: by a number Q23 unless the site has a query of its own, by a person Q22. Raises ``Fault("his.find_off")``."""
    del message
    if not dialect.asking.event:
        raise Fault("his.find_off")
    return ("QBP", dialect.asking.event, "QBP_Q21")


def segments_of(message: FindPatient, dialect: Dialect) -> tuple[Segment, ...]:
    """All segments of the query. Raises ``Fault("his.message")`` when nothing would be asked by."""
    what, asking = structure_of(message, dialect), dialect.asking
    by = _number(message, dialect) if asking.event == tables.BY_NUMBER else _parameters(message, asking, dialect)
    if not by:
        raise Fault("his.message", "QPD-3: this query has nothing to ask by here")
    if dialect.application_ack not in tables.ANSWERS_TWICE:
        # NE would ask for no reply at all: without a word the reply itself is the acknowledgement (original mode).
        dialect = evolve(dialect, accept_ack="", application_ack="")
    name = tuple(asking.query_name.split("^")) if asking.query_name else tables.QUERY_NAMES[asking.event]
    return (
        msh(what, message, dialect),
        segment("QPD", {1: (name,), 2: one(message.control_id), 3: by}),
        segment("RCP", {1: one(tables.IMMEDIATELY), 2: ((str(message.most), tables.RECORDS),), 3: one(tables.REAL_TIME)}),
    )


def _number(message: FindPatient, dialect: Dialect) -> Field:
    if message.own_number:
        return (typed(message.own_number.reveal(), dialect.patient_type),) if dialect.patient_type else ()
    number = message.id_number.reveal()
    return (typed(number, dialect.id_number_type),) if number and dialect.id_number_type else ()


def _parameters(message: FindPatient, asking: Asking, dialect: Dialect) -> Field:
    if message.by is FindBy.NUMBER:
        own = message.own_number.reveal()
        number, kind = (own, dialect.patient_type) if own else (message.id_number.reveal(), dialect.id_number_type)
        pairs = [(tables.BY_ID, number), (tables.BY_ID_TYPE, kind)] if number and kind else []
    else:
        sex = tables.SEX.get(message.sex, "") if message.sex in {"1", "2"} else ""
        pairs = [
            (asking.id_number, message.id_number.reveal()),
            (asking.name, message.name.reveal()),
            (asking.birth_date, message.birth_date),
            (asking.sex, sex),
        ]
    found: list[Repetition] = [(place, value) for place, value in pairs if place and value]
    return tuple(found)
