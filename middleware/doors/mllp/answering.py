"""What is answered by more than an acknowledgement, as bytes in the asker's delimiters and charset. Pure.

A query (QBP) gets RSP^K22 or K23, a master file (MFN) MFK, and a site event that expects one (ADT^ZP1) a response with its
patient. Only what the HIS itself told, or what stands in the links, goes back; at most what was asked for, and never more
than 20.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from middleware.domain.fault import Fault
from middleware.domain.identity import PersonName
from middleware.domain.told import NumberKind, PatientFacts, Query
from middleware.doors.mllp import masters
from middleware.doors.mllp.profile import Profile
from middleware.doors.mllp.reading import QUERIES, masters_of, patient_of, query_of
from middleware.doors.mllp.tables import MAX_TEXT, trouble
from middleware.hl7.acknowledge import Header, Trouble, acknowledgement
from middleware.hl7.message import Marks, Message, decode

Asked = Callable[[Query], Awaitable[list[PatientFacts]]]
_MISSING = 101  # table 0357

# What we write into PID-3.5: the words met in the field.
TYPES = {
    NumberKind.PATIENT: "PI", NumberKind.INPATIENT: "PatientNO", NumberKind.MASTER: "UPID",
    NumberKind.TREATMENT_CARD: "Card_No", NumberKind.HEALTH_CARD: "HC", NumberKind.INSURANCE: "SS",
    NumberKind.CODE: "OtherID",
}  # fmt: skip
SEXES = {"1": "M", "2": "F"}
_DOCUMENTS = {"": "IdentifyNO", "passport": "PPN", "hk-macao-permit": "hk-macao-permit", "taiwan-permit": "taiwan-permit"}


def is_query(header: Header) -> bool:
    """Whether it is answered by who fits; other queries are kept and acknowledged."""
    return header.type == b"QBP" and QUERIES.fullmatch(header.event.decode("latin-1")) is not None


def expects(header: Header, profile: Profile) -> str:
    """What it is answered with beside an acknowledgement: "QBP", "MFN", a row of the link's responses; "" for nothing."""
    if header.type == b"QBP":
        return "QBP" if is_query(header) else ""
    if header.type == b"MFN":
        return "MFN" if masters.is_master_file(header) else ""
    if not profile.responses:
        return ""
    return profile.responses.get(b"^".join((header.type, header.event)).decode("latin-1"), "")


async def respond(
    asked: Asked, header: Header, raw: bytes, charset: str, profile: Profile, ours: bytes, at: bytes
) -> bytes:
    """The response to what ``expects`` one and was taken: who fits, which records were read, or AE with what is wrong."""
    message, kind = decode(raw, charset), expects(header, profile)
    trouble_: Trouble | None = None
    found: list[PatientFacts] = []
    read = None
    try:
        if kind == "QBP":
            query = query_of(message, profile)
            found = await asked(query) if query is not None else []
        elif kind == "MFN":
            read = masters_of(message, profile)
        else:
            found = [await _as_known(asked, patient_of(message, profile))]
    except Fault as fault:
        told = Trouble(_MISSING, "Required field missing", 0, f"{fault.code}: {fault.detail}"[:MAX_TEXT])
        trouble_ = told if fault.code == "hl7.content" else trouble(fault.code)
    if kind == "MFN":
        return masters.answer(message, header, ours, at, read, trouble_)
    return response(message, header, ours, at, found, trouble_, named=kind)


async def _as_known(asked: Asked, told: PatientFacts) -> PatientFacts:
    """The patient as it stands here; as the message says it, when nothing is known yet: it is acted on in its turn."""
    known = await asked(Query(NumberKind.PATIENT, told.number, PersonName(""), most=1))
    return known[0] if known else told


def response(
    message: Message,
    header: Header,
    ours: bytes,
    at: bytes,
    found: Sequence[PatientFacts],
    trouble: Trouble | None = None,
    *,
    named: str = "QBP",
) -> bytes:
    """One RSP, not yet in a block: MSH, MSA, ERR where there is trouble, QAK, QPD as it came, a PID for each found.

    ``named``: MSH-9 of the answer to a site event.
    """
    marks, codec = message.marks, message.reads_as
    bar, hat = marks.field, marks.component
    event = b"K23" if header.event == b"Q23" else b"K22"
    kind = (b"RSP", event)
    if named != "QBP":
        first, _, second = named.encode().partition(b"^")
        kind = (first, second)
    ack = acknowledgement(header, "AE" if trouble else "AA", ours, at, trouble).split(b"\r")
    msh = ack[0].split(bar)
    plain = header.plain_version in {b"2.3", b"2.3.1", b""} or kind[0] != b"RSP"
    msh[8] = hat.join(kind if plain else (*kind, b"_".join(kind)))
    qpd = message.first(b"QPD")
    tag = qpd[2] if len(qpd) > 2 else b""  # noqa: PLR2004 - QPD-2
    status = b"AE" if trouble else b"OK" if found else b"NF"
    name = qpd[1] if len(qpd) > 1 else b""
    qak = bar.join((b"QAK", tag, status, name, *([] if trouble else [b"%d" % len(found)] * 2)))
    lines = [bar.join(msh), *ack[1:-1], qak, *([bar.join(qpd)] if qpd else [])]
    lines += [_pid(facts, place, marks, codec) for place, facts in enumerate(found, start=1)]
    return b"".join(line + b"\r" for line in lines)


def _pid(facts: PatientFacts, place: int, marks: Marks, codec: str) -> bytes:
    def text(value: str) -> bytes:
        return _escaped(value, marks, codec)

    def identifier(value: str, kind: str) -> bytes:
        return marks.component.join((text(value), b"", b"", b"", text(kind)))

    numbers = [identifier(facts.number.reveal(), TYPES[NumberKind.PATIENT])]
    numbers += [identifier(one.number.reveal(), TYPES[one.kind]) for one in facts.numbers if one.kind in TYPES]
    if document := facts.document.reveal():
        kind, _, number = document.rpartition("/")
        numbers.append(identifier(number, _DOCUMENTS.get(kind, kind)))
    joined = (marks.repetition or b"~").join(numbers)
    sex = SEXES.get(facts.sex, "")
    return marks.field.join(
        (b"PID", b"%d" % place, b"", joined, b"", text(facts.name.reveal()), b"", text(facts.birth_date), text(sex))
    )


def _escaped(value: str, marks: Marks, codec: str) -> bytes:
    """What is a delimiter here, or cannot stand in a segment, is escaped; what the charset has not becomes "?"."""
    names = {
        marks.escape: "E", marks.field: "F", marks.component: "S", marks.subcomponent: "T", marks.repetition: "R",
    }  # fmt: skip
    named = {mark.decode("ascii"): name for mark, name in names.items() if mark}
    sign = marks.escape.decode("ascii")

    def written(one: str) -> str:
        if one in named and sign:
            return f"{sign}{named[one]}{sign}"
        return "?" if one in named or not one.isprintable() else one

    return "".join(map(written, value)).encode(codec, "replace")
