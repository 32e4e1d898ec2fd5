"""The reply to a query, read by our own codec: tolerant where sites differ, and never guessed. Pure.

RSP^K22 has a PID for each candidate, RSP^K23 one PID whose PID-3 repeats; ZP7 and ZP1 are answered either way. Whoever the
HIS names without a number of its own cannot be used and is not counted; what is not in its declared charset proves nothing.
"""

from __future__ import annotations

from adapters.his.hl7v2.dialect import Dialect
from middleware.domain.document import CITIZEN, NOBODYS, document_of
from middleware.domain.fault import Fault
from middleware.domain.his import HisFound
from middleware.domain.identity import IdNumber, MediumNumber, PersonName
from middleware.domain.outcome import Answered, Outcome, Refused, Unknown
from middleware.domain.told import PatientFacts
from middleware.hl7.message import Message, Segment, decode

MAX_FOUND = 20
MAX_NAME, MAX_NUMBER, BIRTH_DIGITS = 50, 64, 8
_ACCEPTED, _NOT_FOUND, _SAID_NO = frozenset({"AA", "CA"}), "NF", frozenset({"AE", "AR"})
_SEXES = {"M": "1", "F": "2", "1": "1", "2": "2", "男": "1", "女": "2"}


def read_found(payload: bytes, tag: str, dialect: Dialect) -> Outcome[HisFound]:
    """What the HIS says to the query ``tag`` (its MSH-10 and QPD-2). Raises nothing."""
    try:
        reply = decode(payload, dialect.codec)
    except Fault:
        return Unknown("unreadable", "the reply is no HL7")
    if not reply.readable():
        return Unknown("unreadable", "the reply is not in the charset that it declares")
    msa, qak = reply.first(b"MSA"), reply.first(b"QAK")
    code = reply.value(msa, 1).strip().upper()
    said = reply.value(qak, 2).strip().upper()
    if qak and reply.value(qak, 1).strip() not in {"", tag}:
        return Unknown("unreadable", "QAK-1 names another query")
    if said == _NOT_FOUND:
        return Answered(HisFound(()))
    if code not in _ACCEPTED or said in _SAID_NO:
        return Refused(said if said in _SAID_NO else code, _words(reply, msa))
    people = _people(reply, dialect)
    if not people and not qak:
        return Unknown("unreadable", "neither QAK nor PID in the reply")
    if not people and reply.first(b"PID"):
        return Unknown("unreadable", "no PID-3 of the reply has a number of his.identifiers.patient")
    return Answered(HisFound(tuple(people[:MAX_FOUND]), len(people) > MAX_FOUND or _claims_more(reply, qak, len(people))))


def _words(reply: Message, msa: Segment) -> str:
    err = reply.first(b"ERR")
    parts = (reply.value(msa, 3), reply.value(err, 3), reply.value(err, 8))
    return " ".join(part.strip() for part in parts if part.strip())[:500]


def _claims_more(reply: Message, qak: Segment, count: int) -> bool:
    """Whether QAK-4 counts more than came."""
    hits = reply.value(qak, 4).strip()
    return hits.isascii() and hits.isdigit() and len(hits) < BIRTH_DIGITS and int(hits) > count


def _people(reply: Message, dialect: Dialect) -> list[PatientFacts]:
    """One for each number of the HIS, in the order in which they came; the same number again adds nothing."""
    found: dict[str, PatientFacts] = {}
    begun = b"PID" + reply.marks.field
    for body in reply.pieces:
        if body.startswith(begun):
            for one in _of_pid(reply, reply.fields(body), dialect):
                found.setdefault(one.number.reveal(), one)
            if len(found) > MAX_FOUND:
                break
    return list(found.values())


def _of_pid(reply: Message, pid: Segment, dialect: Dialect) -> list[PatientFacts]:
    numbers: list[str] = []
    document = NOBODYS
    for repetition in reply.repetitions(pid, 3)[: 4 * MAX_FOUND]:
        number, kind = reply.component(repetition, 1).strip(), reply.component(repetition, 5).strip()
        if kind == dialect.patient_type and _usable(number):
            numbers.append(number)
        elif kind == dialect.id_number_type and number:
            document = _document(number)
    name = (reply.value(pid, 5).strip() + reply.value(pid, 5, 2).strip())[:MAX_NAME]
    born = reply.value(pid, 7).strip().replace("-", "")[:BIRTH_DIGITS]
    return [
        PatientFacts(
            MediumNumber(number),
            PersonName(name if name.isprintable() else ""),
            document,
            born if len(born) == BIRTH_DIGITS and born.isascii() and born.isdigit() else "",
            _SEXES.get(reply.value(pid, 8).strip().upper(), ""),
        )
        for number in numbers
    ]


def _document(text: str) -> IdNumber:
    """Of whatever is no citizen's number it is only known that it is another one: it equals nobody's."""
    try:
        return document_of(CITIZEN, text)
    except ValueError:
        return IdNumber(f"unread/{text[:MAX_NUMBER]}")


def _usable(number: str) -> bool:
    return 0 < len(number) <= MAX_NUMBER and number.isascii() and number.isprintable() and " " not in number
