"""Everything that is sent to a HIS, by one name each. Pure."""

from __future__ import annotations

from adapters.his.hl7v2 import accounts, mapping, persons, query
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import Segment
from middleware.domain.his import ChangeAccount, FindPatient, HisMessage, PostCharges, RegisterPatient

Sendable = HisMessage | FindPatient


def structure_of(message: Sendable, dialect: Dialect) -> tuple[str, str, str]:
    """Message type, trigger event and structure. Raises ``Fault`` for what this HIS is not sent."""
    match message:
        case FindPatient():
            return query.structure_of(message, dialect)
        case ChangeAccount():
            return accounts.structure_of(message)
        case PostCharges() if dialect.in_place_of_charges(message.kind):
            return accounts.structure_of(message)
        case RegisterPatient() | PostCharges():
            return mapping.structure_of(message, dialect)
    return persons.structure_of(message, dialect)


def segments_of(message: Sendable, dialect: Dialect) -> tuple[Segment, ...]:
    """All segments of the message, in the order of its structure."""
    match message:
        case FindPatient():
            return query.segments_of(message, dialect)
        case ChangeAccount():
            return accounts.segments_of(message, dialect)
        case PostCharges() if dialect.in_place_of_charges(message.kind):
            return accounts.segments_of(message, dialect)
        case RegisterPatient() | PostCharges():
            return mapping.segments_of(message, dialect)
    return persons.segments_of(message, dialect)
