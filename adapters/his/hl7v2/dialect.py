"""How one HIS wants to be spoken to. Pure values: the options give them, the mappings read them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from attrs import Factory, frozen

from adapters.his.hl7v2 import tables
from middleware.domain.kind import VisitKind

NO_ACCOUNTS: Mapping[VisitKind, str] = MappingProxyType({})


@frozen(slots=True)
class Asking:
    """How a HIS is asked for a patient; it is not asked by a parameter of ""."""

    event: str = ""  # Q22, Q23, ZP7; "": it is not asked
    query_name: str = ""  # QPD-1 as the site wants it; "": the standard's
    name: str = "@PID.5.1"
    birth_date: str = "@PID.7"
    sex: str = "@PID.8"
    id_number: str = ""  # beside name and birth date


@frozen(slots=True)
class Dialect:
    """An identifier type of "" leaves that number out; an event of "" that message."""

    version: str = "2.5"
    codec: str = "utf-8"
    charset_name: str = "UNICODE UTF-8"  # MSH-18, written as the site wants it
    sending_application: str = "YIKATONG"
    sending_facility: str = ""
    receiving_application: str = "HIS"
    receiving_facility: str = ""
    processing_id: str = "P"
    accept_ack: str = "AL"
    application_ack: str = "NE"
    country: str = "CHN"
    utc_offset_minutes: int = 480
    card_type: str = "HC"
    id_number_type: str = "NNCHN"
    social_security_type: str = "SS"
    patient_type: str = "PI"
    ssn_in_pid19: bool = True
    credit_type: str = tables.CREDIT
    insurer_id: str = "NHSA"
    register_event: str = "A04"
    old_card_type: str = ""
    update_event: str = ""
    merge_event: str = ""
    unmerge_event: str = ""
    asking: Asking = Factory(Asking)
    accounts: Mapping[VisitKind, str] = NO_ACCOUNTS  # kind of visit -> tables.BESIDES or tables.INSTEAD
    appointment_field: str = ""  # one of tables.APPOINTMENT_FIELDS
    orders_field: str = ""  # one of tables.ORDER_FIELDS

    def in_place_of_charges(self, kind: VisitKind) -> bool:
        """Whether a settlement of such a visit is told by the account's end, and without its lines."""
        return self.accounts.get(kind) == tables.INSTEAD
