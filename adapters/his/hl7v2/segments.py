"""The segments that several messages share. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Protocol

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Dialect
from adapters.his.hl7v2.frame import Field, Repetition, Segment
from adapters.his.hl7v2.values import EMPTY, insured_by, one, segment, stamp, typed
from middleware.domain.centre import Holder
from middleware.domain.his import OldMedium
from middleware.domain.kind import VisitKind
from middleware.domain.order import References


class Headed(Protocol):
    """Whatever is sent has a number of its own and the moment in which that was given, the same on every repeat."""

    @property
    def control_id(self) -> str:
        """MSH-10."""

    @property
    def created_at(self) -> dt.datetime:
        """MSH-7."""


def msh(what: tuple[str, str, str], message: Headed, dialect: Dialect) -> Segment:
    """``what``: type, event and structure."""
    return segment(
        "MSH",
        {
            1: one("|"),
            2: one("^~\\&"),
            3: one(dialect.sending_application),
            4: one(dialect.sending_facility),
            5: one(dialect.receiving_application),
            6: one(dialect.receiving_facility),
            7: one(stamp(message.created_at, dialect)),
            9: (what,),
            10: one(message.control_id),
            11: one(dialect.processing_id),
            12: one(dialect.version),
            15: one(dialect.accept_ack),
            16: one(dialect.application_ack),
            17: one(dialect.country),
            18: one(dialect.charset_name),
        },
    )


def evn(event: str, created_at: dt.datetime, happened: dt.datetime, dialect: Dialect) -> Segment:
    """Which event, when it was written down, when it happened."""
    return segment("EVN", {1: one(event), 2: one(stamp(created_at, dialect)), 6: one(stamp(happened, dialect))})


def pid(
    holder: Holder, patient_number: str, dialect: Dialect, *, media: Sequence[OldMedium] = (), account: str = ""
) -> Segment:
    """Who it is. ``account`` is PID-18, of a HIS that keeps accounts."""
    # Tag 08 of the card: the social-security number is the citizen id number, so both types carry it.
    social_security = holder.id_number.reveal()
    return segment(
        "PID",
        {
            1: one("1"),
            3: (*_identifiers(holder, patient_number, dialect), *(_medium(medium, dialect) for medium in media)),
            5: legal_name(holder.name.reveal()),
            7: one(holder.birth_date.strftime("%Y%m%d")),
            8: one(tables.SEX.get(holder.sex, tables.SEX_OTHER)),
            13: one(holder.phone),
            18: one(account),
            19: one(social_security if dialect.ssn_in_pid19 else ""),
            22: ((holder.nation, "", tables.NATION_SYSTEM),) if holder.nation else EMPTY,
        },
    )


def legal_name(name: str) -> Field:
    """Nobody can split a Chinese name into family and given by rule: all of it is the family name, as the sites write it.

    The type says that it is the legal one.
    """
    return ((name, "", "", "", "", "", tables.LEGAL_NAME),) if name else EMPTY


def _identifiers(holder: Holder, patient_number: str, dialect: Dialect) -> Field:
    numbers = (
        (patient_number, dialect.patient_type),
        (holder.card_number.reveal(), dialect.card_type),
        (holder.id_number.reveal(), dialect.id_number_type),
        (holder.id_number.reveal(), dialect.social_security_type),
    )
    return tuple(typed(number, kind) for number, kind in numbers if number and kind)


def _medium(medium: OldMedium, dialect: Dialect) -> Repetition:
    """An old card's number; CX.8 says since when it is good for nothing."""
    if not dialect.old_card_type:
        return ("",)
    until = medium.moved_on.strftime("%Y%m%d") if medium.moved_on is not None else ""
    return (medium.number.reveal(), "", "", "", dialect.old_card_type, "", "", until)


def class_of(kind: VisitKind) -> str:
    """PV1-2."""
    return tables.INPATIENT if kind is VisitKind.INPATIENT else tables.OUTPATIENT


def visit_numbers(visit_number: str, references: References, dialect: Dialect) -> dict[int, Field]:
    """PV1-5 and PV1-50: the appointment where the site reads it, the centre's number of the visit in PV1-50 otherwise."""
    numbers = {50: one(visit_number)}
    if references.appointment and dialect.appointment_field in tables.APPOINTMENT_FIELDS_OF_PV1:
        numbers[tables.APPOINTMENT_FIELDS_OF_PV1[dialect.appointment_field]] = one(references.appointment)
    return numbers


def in1(insurance: str, person_number: str, dialect: Dialect, employer: str = "") -> tuple[Segment, ...]:
    """How the person is insured; nothing when that is not known."""
    if not insurance:
        return ()
    return (
        segment(
            "IN1",
            {
                1: one("1"),
                2: insured_by(insurance),
                3: one(dialect.insurer_id),
                11: one(employer),
                49: one(person_number),
            },
        ),
    )


def zrf(references: References, dialect: Dialect) -> tuple[Segment, ...]:
    """What the hospital itself calls it, where the site reads that in a segment of our own."""
    appointment = references.appointment if dialect.appointment_field == tables.OWN_APPOINTMENT else ""
    orders = references.orders if dialect.orders_field == tables.OWN_ORDERS else ()
    if not appointment and not orders:
        return ()
    return (segment("ZRF", {1: one("1"), 2: one(appointment), 3: tuple((order,) for order in orders)}),)
