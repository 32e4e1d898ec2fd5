"""How a site fills its fields: tables that a link's section may add to, and no code.

``IDENTIFIERS`` has PID-3.5 -> which number; ``FIELDS`` has what a bill needs -> where it stands.
Sources of the defaults: public Chinese interfaces (PID-3 types without any assigning authority), HL7 table 0203.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import frozen

from middleware.domain.document import CITIZEN, KINDS
from middleware.domain.masters import MasterKind
from middleware.domain.told import NumberKind

# PID-3.5 -> a number, or a kind of document. ``IDCard`` is the hospital's visit card there, not the identity card.
IDENTIFIERS: dict[str, str] = {
    "IdentifyNO": CITIZEN, "01": CITIZEN, "NI": CITIZEN, "NNCHN": CITIZEN, "PPN": "passport",
    "IDCard": "treatment-card", "Card_No": "treatment-card", "Outpatient": "his-patient", "PI": "his-patient",
    "PT": "his-patient", "MR": "his-patient", "LocalID": "his-patient", "PatientNO": "his-inpatient",
    "patientNo": "his-inpatient", "AN": "his-inpatient", "UPID": "his-master", "HC": "health-card", "SS": "insurance-card",
    "": "his-patient",
}  # fmt: skip
MEANINGS = frozenset((*KINDS, *(str(kind) for kind in NumberKind if kind is not NumberKind.DOCUMENT)))

# What a bill needs -> segment, field, component. FT1 of DFT^P03; OBR where charges come with orders.
FIELDS: dict[str, str] = {
    "line": "FT1-2.1", "kind": "FT1-6.1", "at": "FT1-4.1", "code": "FT1-7.1", "name": "FT1-7.2", "catalogue": "FT1-7.4",
    "quantity": "FT1-10.1", "amount": "FT1-11.1", "price": "FT1-12.1", "department": "FT1-13.1",
    "department_name": "FT1-13.2", "doctor": "FT1-21.1", "doctor_name": "FT1-21.2", "prescription": "FT1-23.1",
}  # fmt: skip
ORDER_FIELDS: dict[str, str] = {
    "line": "OBR-2.1", "kind": "", "at": "OBR-6.1", "code": "OBR-4.1", "name": "OBR-4.2", "catalogue": "OBR-4.4",
    "quantity": "OBR-27.1", "amount": "OBR-23.1", "price": "OBR-23.1", "department": "OBR-10.1", "department_name": "",
    "doctor": "OBR-16.1", "doctor_name": "OBR-16.2", "prescription": "",
}  # fmt: skip

# What a register of the HIS has -> where it stands in a record of MFN. Z01 and Z02 as met in public Chinese code; charge
# items by the standard's CDM and PRC, for nobody published a site's own.
MASTERS: dict[str, str] = {
    "department.code": "Z01-1.1", "department.name": "Z01-2.1", "department.specialty": "", "staff.code": "Z02-1.1",
    "staff.name": "Z02-2.1", "staff.department": "Z02-9.1", "staff.national": "", "item.code": "CDM-1.1",
    "item.name": "CDM-3.1", "item.catalogue": "CDM-1.4", "item.price": "PRC-5.1",
}  # fmt: skip
# MFI-1 -> the register, for a record without a segment of its own, as one that is deleted.
FILES: dict[str, MasterKind] = {
    "Department": MasterKind.DEPARTMENT, "Employee": MasterKind.STAFF, "STF": MasterKind.STAFF, "PRA": MasterKind.STAFF,
    "CDM": MasterKind.ITEM,
}  # fmt: skip
# A message that a site wants answered by more than an acknowledgement -> with what. QBP and MFN have their own answers.
RESPONSES = {"ADT^ZP1": ("RSP^K23", "ZCK^ZP1")}
SEGMENTS = (
    "EVN", "PID", "PD1", "NK1", "PV1", "PV2", "MRG", "FT1", "QPD", "RCP", "ORC", "OBR", "OBX", "DG1", "AL1", "IN1", "MFI",
    "MFE", "Z01", "Z02", "CDM", "PRC", "ZDS",
)  # fmt: skip
_PLACE = re.compile(r"([A-Z][A-Z0-9]{2})-(\d{1,2})(?:\.(\d{1,2}))?")


@frozen(slots=True)
class Place:
    """Where a value stands; ``field`` 0: nowhere."""

    segment: bytes = b""
    field: int = 0
    component: int = 1


@frozen(slots=True)
class Profile:
    """One link's reading: what its types of numbers mean, where its fields stand, which messages bring charges."""

    identifiers: dict[str, str]
    fields: dict[str, Place]
    order_fields: dict[str, Place]
    masters: dict[str, Place]
    responses: dict[str, str]
    charges: tuple[str, ...] = ("DFT^P03",)
    lost_line_ends: bool = False


def profile_of(
    identifiers: Sequence[str] = (),
    fields: Sequence[str] = (),
    charges: Sequence[str] = ("DFT^P03",),
    *,
    masters: Sequence[str] = (),
    responses: Sequence[str] = (),
    lost: bool = False,
) -> Profile:
    """The defaults with what a section adds, as "Card_No=treatment-card" and "catalogue=FT1-7.4". Raises ``ValueError``."""
    types = dict(IDENTIFIERS)
    for one in identifiers:
        name, equals, meaning = one.rpartition("=")
        if not equals or meaning not in MEANINGS:
            raise ValueError(f"identifiers: TYPE=MEANING, where MEANING is one of {', '.join(sorted(MEANINGS))}")
        types[name] = meaning
    tables = {False: dict(FIELDS), True: dict(ORDER_FIELDS)}
    for one in fields:
        name, _, place = one.partition("=")
        if name not in FIELDS or not _PLACE.fullmatch(place):
            raise ValueError(f"fields: NAME=SEG-1.1, where NAME is one of {', '.join(FIELDS)}")
        tables[place.startswith("OBR")][name] = place
    here, orders = ({name: _place(place) for name, place in tables[which].items()} for which in (False, True))
    return Profile(types, here, orders, _masters(masters), _responses(responses), tuple(charges), lost)


def _masters(added: Sequence[str]) -> dict[str, Place]:
    table = dict(MASTERS)
    for one in added:
        name, _, place = one.partition("=")
        if name not in MASTERS or (place and not _PLACE.fullmatch(place)):
            raise ValueError(f"masters: NAME=SEG-1.1, where NAME is one of {', '.join(MASTERS)}")
        table[name] = place
    places = {name: _place(place) for name, place in table.items()}
    codes = [places[f"{kind}.code"].segment for kind in MasterKind if places[f"{kind}.code"].segment]
    if len(set(codes)) != len(codes):
        raise ValueError("masters: each register's code stands in a segment of its own, or nobody could tell them apart")
    return places


def _responses(added: Sequence[str]) -> dict[str, str]:
    table = {}
    for one in added:
        name, _, answer = one.partition("=")
        if answer not in RESPONSES.get(name, ()):
            raise ValueError(f"responses: one of {', '.join(f'{n}={a}' for n, all_ in RESPONSES.items() for a in all_)}")
        table[name] = answer
    return table


def _place(text: str) -> Place:
    match = _PLACE.fullmatch(text)
    return Place(match[1].encode(), int(match[2]), int(match[3] or 1)) if match else Place()


USUAL = profile_of()
_BEFORE_SEGMENT = re.compile(rb"(?<=[^\r\n])(?=(?:%s)\|)" % "|".join(SEGMENTS).encode())


def with_line_ends(raw: bytes) -> bytes:
    """A message that lost its segment ends on the way, as inside SOAP: a CR before each segment's name. Others as they are.

    Only for links that say so: a field that ends in a segment's name would be taken for one.
    """
    if b"\r" in raw.rstrip() or b"\n" in raw.rstrip():
        return raw
    return _BEFORE_SEGMENT.sub(b"\r", raw)
