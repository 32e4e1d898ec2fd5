"""The section ``[his]`` of the configuration for an HL7 v2 link over MLLP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs
from attrs import frozen

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.dialect import Asking, Dialect
from config.section import between, matching, one_of, setting
from middleware.domain.kind import VisitKind
from middleware.hl7.charset import STANDARD

_TYPE = matching(r"[A-Za-z0-9_]{0,20}", "a PID-3.5 identifier type of at most 20 letters, digits and _, or empty")
_NAME = matching(r"[^|^&~\\\x00-\x1f\x7f]{0,20}", "a name of at most 20 characters without HL7 delimiters, or empty")


_QUERY_NAME = matching(r"[^|~\\&\x00-\x1f\x7f]{0,100}", "at most 100 characters without the delimiters | ~ \\ &, or empty")


@frozen(slots=True)
class IdentifierTypes:
    """The PID-3.5 type under which each number of a person travels; "" leaves the number out.

    In Chinese sites CX.4 is empty and this text is the only thing that tells the numbers apart, so it must be the site's.
    """

    patient: str = setting(
        "PI", help="the HIS's own patient number, sent and read back (sites: PatientNO, UPID)", validator=_TYPE
    )
    card: str = setting("HC", help="the number printed on the social-security card (sites: Card_No)", validator=_TYPE)
    id_number: str = setting("NNCHN", help="the citizen id number (sites: IdentifyNO)", validator=_TYPE)
    social_security: str = setting("SS", help="the social-security number", validator=_TYPE)
    old_card: str = setting(
        "", help="of an update: numbers of old cards that are linked, CX.8 says since when they are void", validator=_TYPE
    )


@frozen(slots=True)
class Tls:
    """TLS on the link; without it only use a network that is the hospital's own."""

    enabled: bool = setting(False, help="speak TLS to the HIS")
    ca_file: Path = setting(Path(), help="PEM of who may sign the HIS's certificate; empty: the system")  # noqa: RUF009 - setting() is attrs' own field()
    certificate_file: Path = setting(Path(), help="PEM of our certificate")  # noqa: RUF009 - setting() is attrs' own field()
    key_file: Path = setting(Path(), help="PEM of its key")  # noqa: RUF009 - setting() is attrs' own field()
    server_name: str = setting("", help="name expected in the HIS's certificate; empty: the host")


_PLACE = matching(r"(@[A-Z0-9]{3}(\.[0-9]{1,2}){1,3})?", "a place like @PID.5.1, or empty")


@frozen(slots=True)
class FindOptions:
    """How the HIS is asked whom it has, before a registration and by patient.find_in_his."""

    event: str = setting(
        "",
        help="Q22 or ZP7: by person or number; Q23: by number; empty: it is not asked",
        validator=one_of(*tables.QUERIES),
    )
    at_registration: str = setting(
        "",
        help="number or person: a registration without patient_number asks so first; empty: it does not",
        validator=one_of("", "number", "person"),
    )
    unanswered: str = setting(
        "refuse",
        help="when the HIS does not answer or says no: refuse the registration, or register without its number",
        validator=one_of("refuse", "register"),
    )
    query_name: str = setting(
        "", help="QPD-1 as this HIS wants it, components joined by ^; empty: the standard's", validator=_QUERY_NAME
    )
    name: str = setting("@PID.5.1", help="QPD-3: where the name is asked by; empty: it is not", validator=_PLACE)
    birth_date: str = setting("@PID.7", help="the birth date", validator=_PLACE)
    sex: str = setting("@PID.8", help="the sex", validator=_PLACE)
    id_number: str = setting("", help="the citizen id number beside the name, as @PID.3.1", validator=_PLACE)
    most: int = setting(10, help="RCP-2: at most so many candidates", validator=between(1, 20))
    deadline_s: float = setting(5.0, help="time from the question to the reply", unit="s", validator=between(0.05, 60))

    def asking(self) -> Asking:
        """What ``query`` needs to know."""
        return Asking(self.event, self.query_name, self.name, self.birth_date, self.sex, self.id_number)


@frozen(slots=True)
class AccountOptions:
    """BAR^P01 when a visit is registered, BAR^P06 when it is settled, BAR^P01 again when that is cancelled."""

    outpatient: str = setting(
        "", help="empty: none; besides DFT^P03; instead of it, without lines", validator=one_of(*tables.ACCOUNT_MODES)
    )
    inpatient: str = setting("", help="the same of stays", validator=one_of(*tables.ACCOUNT_MODES))
    pharmacy: str = setting("", help="the same of a pharmacy's sales", validator=one_of(*tables.ACCOUNT_MODES))

    @property
    def modes(self) -> Mapping[VisitKind, str]:
        """By kind of visit, those that have accounts."""
        said = {
            VisitKind.OUTPATIENT: self.outpatient,
            VisitKind.INPATIENT: self.inpatient,
            VisitKind.PHARMACY: self.pharmacy,
        }
        return {kind: mode for kind, mode in said.items() if mode}


@frozen(slots=True)
class ReferenceOptions:
    """Where the HIS reads the appointment and the order numbers that a registration or quote carries."""

    appointment: str = setting(
        "",
        help="PV1-5; PV1-50, in place of the centre's number; ZRF-2; empty: it is not sent",
        validator=one_of(*tables.APPOINTMENT_FIELDS),
    )
    orders: str = setting(
        "",
        help="ORC-2 or ORC-3, one ORC each; FT1-23 where there is a single one; ZRF-3; empty: they are not sent",
        validator=one_of(*tables.ORDER_FIELDS),
    )


@frozen(slots=True)
class Hl7Options:
    """One MLLP link to one HIS."""

    host: str = setting("127.0.0.1", help="where the HIS's MLLP server listens; an address needs no name service")
    port: int = setting(2575, help="its port", validator=between(1, 65535))
    tls: Tls = setting(attrs.Factory(Tls), help="TLS on the link")  # noqa: RUF009 - setting() is attrs' own field()
    version: str = setting("2.5", help="HL7 version of our messages", validator=one_of(*tables.VERSIONS))
    encoding: str = setting("utf-8", help="how our text is encoded", validator=one_of(*STANDARD))
    charset_name: str = setting(
        "", help="MSH-18 as this HIS wants it (UNICODE, GBK ...); empty: table 0211's own", validator=_NAME
    )
    sending_application: str = setting("YIKATONG", help="MSH-3", validator=_NAME)
    sending_facility: str = setting("", help="MSH-4", validator=_NAME)
    receiving_application: str = setting("HIS", help="MSH-5", validator=_NAME)
    receiving_facility: str = setting("", help="MSH-6", validator=_NAME)
    processing_id: str = setting("P", help="MSH-11: P production, T training, D debugging", validator=one_of("P", "T", "D"))
    accept_ack: str = setting("AL", help="MSH-15", validator=one_of(*tables.ACK_CONDITIONS))
    application_ack: str = setting(
        "NE",
        help="MSH-16; AL or SU: after CA (received) the HIS says AA, AE or AR in a second message on the same connection",
        validator=one_of(*tables.ACK_CONDITIONS),
    )
    register_event: str = setting(
        "A04",
        help="event of an outpatient's registration: A04 visit, A28 person, A08 or A31 for patients that the HIS has",
        validator=one_of(*tables.REGISTER_EVENTS),
    )
    update_event: str = setting(
        "",
        help="event that tells of a person's data that changed after a registration: A08 or A31; empty: it is not told",
        validator=one_of(*tables.UPDATE_EVENTS),
    )
    merge_event: str = setting(
        "",
        help="event that tells that two persons made two patient numbers one: A40; empty: the HIS is master of that",
        validator=one_of(*tables.MERGE_EVENTS),
    )
    unmerge_event: str = setting(
        "",
        help="event that takes such a merge back: A37; empty: what was told to the HIS is not undone from here",
        validator=one_of(*tables.UNMERGE_EVENTS),
    )
    find: FindOptions = setting(attrs.Factory(FindOptions), help="asking the HIS whom it has")  # noqa: RUF009 - setting() is attrs' own field()
    accounts: AccountOptions = setting(attrs.Factory(AccountOptions), help="accounts (BAR)")  # noqa: RUF009 - setting() is attrs' own field()
    references: ReferenceOptions = setting(attrs.Factory(ReferenceOptions), help="appointment and orders")  # noqa: RUF009 - setting() is attrs' own field()
    connections: int = setting(
        1,
        help="connections to the HIS; letters of different patients use them side by side, a patient's own stay in order",
        validator=between(1, 16),
    )
    identifiers: IdentifierTypes = setting(attrs.Factory(IdentifierTypes), help="PID-3.5 types")  # noqa: RUF009 - setting() is attrs' own field()
    ssn_in_pid19: bool = setting(True, help="also put the social-security number into PID-19")
    credit_type: str = setting(
        "CD", help="FT1-6 of a cancellation: CD by table 0017, CR at some sites", validator=one_of("CD", "CR")
    )
    insurer_id: str = setting("NHSA", help="IN1-3: who insures", validator=_NAME)
    utc_offset_minutes: int = setting(480, help="the HIS's clock against UTC", unit="min", validator=between(-720, 840))
    connect_timeout_s: float = setting(5.0, help="time to get a connection", unit="s", validator=between(0.1, 60))
    ack_timeout_s: float = setting(10.0, help="time from our message to its ACK", unit="s", validator=between(0.05, 300))
    retry_first_s: float = setting(
        0.5, help="first wait before connecting again; doubles", unit="s", validator=between(0.01, 60)
    )
    retry_most_s: float = setting(30.0, help="longest wait before connecting again", unit="s", validator=between(0.05, 600))
    silent_limit: int = setting(
        2, help="unanswered messages in a row after which the link is made anew", validator=between(1, 100)
    )
    max_in_flight: int = setting(
        1,
        help="messages that may wait for an ACK on one connection; 1 for a HIS that loses pipelined ones",
        validator=between(1, 64),
    )
    max_waiting: int = setting(256, help="messages that may wait for their turn", validator=between(1, 100_000))
    max_frame_bytes: int = setting(
        262_144, help="longest message, sent or received", unit="B", validator=between(4_096, 16_777_216)
    )

    def __attrs_post_init__(self) -> None:
        if mistakes := list(self._mistakes()):
            raise ValueError("; ".join(mistakes))

    def _mistakes(self) -> Iterator[str]:
        """What no key is wrong in alone; all of it at once."""
        find = self.find
        if self.unmerge_event and not self.merge_event:
            yield "unmerge_event needs merge_event"
        if self.merge_event and not self.identifiers.patient:
            yield "merge_event needs identifiers.patient, under which the two numbers travel"
        if find.at_registration and not find.event:
            yield "find.at_registration needs find.event"
        if find.event and not self.identifiers.patient:
            yield "find.event needs identifiers.patient, by which the reply is read"
        if find.at_registration == "person" and find.event == tables.BY_NUMBER:
            yield "find.at_registration = person needs find.event = Q22 or ZP7"
        if find.at_registration == "person" and not (find.name and find.birth_date):
            yield "find.at_registration = person needs find.name and find.birth_date"
        if (find.event == tables.BY_NUMBER or find.at_registration == "number") and not self.identifiers.id_number:
            yield "asking by number needs identifiers.id_number"
        instead = [str(kind) for kind, mode in self.accounts.modes.items() if mode == tables.INSTEAD]
        if self.references.orders in {tables.PLACER_ORDER, tables.FILLER_ORDER, tables.LINE_ORDER} and instead:
            yield f"references.orders = {self.references.orders} is a place of DFT^P03, which accounts stand instead of"

    @property
    def letters_out(self) -> int:
        """How many messages may be out at a time."""
        return self.connections * self.max_in_flight

    def dialect(self) -> Dialect:
        """What ``mapping`` needs to know of all this."""
        return Dialect(
            version=self.version,
            codec=self.encoding,
            charset_name=self.charset_name or STANDARD[self.encoding],
            sending_application=self.sending_application,
            sending_facility=self.sending_facility,
            receiving_application=self.receiving_application,
            receiving_facility=self.receiving_facility,
            processing_id=self.processing_id,
            accept_ack=self.accept_ack,
            application_ack=self.application_ack,
            utc_offset_minutes=self.utc_offset_minutes,
            card_type=self.identifiers.card,
            id_number_type=self.identifiers.id_number,
            social_security_type=self.identifiers.social_security,
            patient_type=self.identifiers.patient,
            ssn_in_pid19=self.ssn_in_pid19,
            credit_type=self.credit_type,
            insurer_id=self.insurer_id,
            register_event=self.register_event,
            old_card_type=self.identifiers.old_card,
            update_event=self.update_event,
            merge_event=self.merge_event,
            unmerge_event=self.unmerge_event,
            asking=self.find.asking(),
            accounts=self.accounts.modes,
            appointment_field=self.references.appointment,
            orders_field=self.references.orders,
        )
