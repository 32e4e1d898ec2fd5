"""The section ``[his]`` of the configuration for an HL7 v2 link over MLLP."""

from __future__ import annotations

from pathlib import Path

import attrs
from attrs import frozen

from adapters.his.hl7v2 import tables
from adapters.his.hl7v2.mapping import Dialect
from config.section import between, matching, one_of, setting
from middleware.hl7.charset import STANDARD

_TYPE = matching(r"[A-Za-z0-9_]{0,20}", "a PID-3.5 identifier type of at most 20 letters, digits and _, or empty")
_NAME = matching(r"[^|^&~\\\x00-\x1f\x7f]{0,20}", "a name of at most 20 characters without HL7 delimiters, or empty")


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


@frozen(slots=True)
class Tls:
    """TLS on the link; without it only use a network that is the hospital's own."""

    enabled: bool = setting(False, help="speak TLS to the HIS")
    ca_file: Path = setting(Path(), help="PEM of who may sign the HIS's certificate; empty: the system")  # noqa: RUF009 - setting() is attrs' own field()
    certificate_file: Path = setting(Path(), help="PEM of our certificate")  # noqa: RUF009 - setting() is attrs' own field()
    key_file: Path = setting(Path(), help="PEM of its key")  # noqa: RUF009 - setting() is attrs' own field()
    server_name: str = setting("", help="name expected in the HIS's certificate; empty: the host")


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
        )
