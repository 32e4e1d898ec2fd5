"""Master data as a HIS names them: departments, staff, charge items. Pure.

They fill in names and codes that somebody left out; they never change what was said, and nobody is found by them.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Any

from attrs import evolve, fields, frozen

from middleware.domain.charge import ChargeLine

MAX_RECORDS = 500  # of one message: it is read in the reactor, for its answer names each record
MAX_SAID, MAX_TEXT = 64, 256  # fields of one record, and of each: what is longer stands whole in the message itself
EMPTIED = '""'  # HL7: what was said of it is taken back


class MasterKind(StrEnum):
    """Which file."""

    DEPARTMENT = "department"
    STAFF = "staff"
    ITEM = "item"


class MasterState(StrEnum):
    """What the HIS says of a record."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    DELETED = "deleted"


@frozen(slots=True, repr=False)
class MasterFacts:
    """What a record says; "" = not said. A staff member has a name, so nothing of it shows itself."""

    name: str = ""
    specialty: str = ""  # of a department: the centre's code (caty)
    department: str = ""  # of a staff member: its department's code
    national: str = ""  # of a staff member: the centre's code of the doctor
    catalogue: str = ""  # of a charge item: its code in the insurance catalogue
    price: str = ""  # of a charge item: yuan
    said: tuple[tuple[str, str], ...] = ()  # all of it: place in the message, text as it came; nothing here reads it


@frozen(slots=True, repr=False)
class MasterTold:
    """One record of a message. ``effective_at`` None: from when it is acted on; ``facts`` None: nothing but the state."""

    kind: MasterKind
    code: str
    state: MasterState
    facts: MasterFacts | None
    effective_at: dt.datetime | None


@frozen(slots=True)
class RecordTrouble:
    """A record that cannot be read: its place in the message from 1, and the rule that it breaks."""

    place: int
    rule: str


@frozen(slots=True)
class MastersTold:
    """A message's records: those that can be acted on, and those that cannot be read."""

    records: tuple[MasterTold, ...]
    troubles: tuple[RecordTrouble, ...]


def after_record(known: MasterFacts, told: MasterFacts | None) -> MasterFacts:
    """What is known of a record after one more word about it: what that leaves out takes nothing away."""
    if told is None:
        return known
    values: dict[str, Any] = {
        one.name: "" if value == EMPTIED else value for one in fields(MasterFacts) if (value := getattr(told, one.name))
    }
    whole = dict(known.said) | dict(told.said)
    kept = [(place, text) for place, text in whole.items() if text != EMPTIED]
    return evolve(known, **values | {"said": tuple(kept[-MAX_SAID:])})


def completed(
    line: ChargeLine, item: MasterFacts | None, department: MasterFacts | None, doctor: MasterFacts | None
) -> ChargeLine:
    """The line with what the HIS left out of it and says elsewhere; what the line itself says stands."""
    return evolve(
        line,
        catalogue_code=line.catalogue_code or (item.catalogue if item else ""),
        name=line.name or (item.name if item else ""),
        department_name=line.department_name or (department.name if department else ""),
        doctor_name=line.doctor_name or (doctor.name if doctor else ""),
    )
