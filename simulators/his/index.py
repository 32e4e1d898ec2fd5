"""The HIS's patient index: whom a QBP asks for, and the RSP, written by hand."""

from __future__ import annotations

import datetime as dt

from simulators.his.book import CARD, ID_NUMBER, PATIENT, Book, Patient, Refusal
from simulators.his.knobs import Fault
from simulators.his.reading import Received

# Knobs that shape a reply and nothing else.
SHAPING = frozenset({Fault.SEVERAL, Fault.UNKNOWN, Fault.WRONG_CHARSET, Fault.OTHER_QUERY, Fault.QUERY_ERROR})
_PLACES = {
    "@PID.3.1": "number", "@PID.3.5": "type", "@PID.5.1": "name", "@PID.5": "name", "@PID.7": "born", "@PID.7.1": "born",
    "@PID.8": "sex",
}  # fmt: skip
_ANSWERS = {"QBP^Q22": "RSP^K22^RSP_K22", "QBP^Q23": "RSP^K23^RSP_K23", "QBP^ZP7": "RSP^K22^RSP_K21"}


def asked(book: Book, message: Received) -> list[Patient]:
    """Who fits all that is asked. Raises ``Refusal`` for a query that this HIS does not know."""
    if message.message_type not in _ANSWERS or message.value("RCP", 1) != "I":
        raise Refusal("no query of this hospital")
    wanted: dict[str, str] = {}
    if message.message_type == "QBP^Q23":
        wanted = {"number": message.value("QPD", 3), "type": message.value("QPD", 3, 5)}
    else:
        for repetition in range(1, message.repetitions("QPD", 3) + 1):
            place = message.value("QPD", 3, repetition=repetition)
            if place not in _PLACES:
                raise Refusal("a parameter of QPD-3 is not known")
            wanted[_PLACES[place]] = message.value("QPD", 3, 2, repetition=repetition)
    if not wanted:
        raise Refusal("QPD-3 asks nothing")
    return [one for number, one in book.patients.items() if number not in book.standing() and _fits(one, wanted)]


def _fits(patient: Patient, wanted: dict[str, str]) -> bool:
    numbers = {"": (patient.id_number, patient.number), ID_NUMBER: (patient.id_number,), PATIENT: (patient.number,)}
    numbers[CARD] = (patient.card_number,)
    said = {"name": patient.name, "born": patient.birth_date, "sex": patient.sex}
    if wanted.get("number") and wanted["number"] not in numbers.get(wanted.get("type", ""), ()):
        return False
    return all(not wanted.get(name) or wanted[name] == value for name, value in said.items())


def reply(
    message: Received, found: list[Patient], fault: Fault | None, declared: str, charset: str, control_id: str
) -> bytes:
    """The whole RSP, as the knob wants it."""
    people = [] if fault is Fault.UNKNOWN else [_pid(place, one) for place, one in enumerate(found, 1)]
    if fault is Fault.SEVERAL:
        likeness = next(iter(found), None)
        name, born = (likeness.name, likeness.birth_date) if likeness else ("测试同名", "19800101")
        people.append(f"PID|{len(people) + 1}||P900000001^^^^{PATIENT}||{name}||{born}|")
    tag = "ANOTHER" if fault is Fault.OTHER_QUERY else message.value("QPD", 2)
    status = "AE" if fault is Fault.QUERY_ERROR else "OK" if people else "NF"
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%S")
    kind = _ANSWERS[message.message_type]
    lines = [
        f"MSH|^~\\&|HIS||YIKATONG||{stamp}||{kind}|{control_id}|P|2.5||||||{declared}",
        f"MSA|AA|{message.control_id}",
        f"QAK|{tag}|{status}|{message.value('QPD', 1)}|{len(people)}",
        next(line for line in message.text.split("\r") if line.startswith("QPD")),
        *([] if status == "AE" else people),
    ]
    other = "gb18030" if charset == "utf-8" else "latin-1"
    text = "".join(line + "\r" for line in lines)
    return text.encode(other if fault is Fault.WRONG_CHARSET else charset, "replace")


def _pid(place: int, one: Patient) -> str:
    said = ((one.number, PATIENT), (one.id_number, ID_NUMBER))
    numbers = "~".join(f"{number}^^^^{kind}" for number, kind in said if number)
    return f"PID|{place}||{numbers}||{one.name}||{one.birth_date}|{one.sex}"
