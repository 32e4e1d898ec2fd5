"""Invariant 21 over a whole day of every way in: HL7, counter, desk, cards, codes and phones; nobody shows where nobody belongs.

The real daemon at debug level; every value of everybody who appeared is looked for, in every writing, in everything that it
wrote or said outside the answers that are about a person: log, metrics, health, feed, faults, lists, and its whole database.
"""

from __future__ import annotations

import base64
import contextlib
import itertools
import json

import pytest
import pytest_twisted
from attrs import frozen
from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol

from clients.python.yikatong_client import ApiError, connect
from daemon.demo.media import ID_READER, SCANNER, Media
from middleware.domain.order import Role
from middleware.doors.local_api.methods import METHODS
from simulators.his.knobs import Fault
from simulators.people import PEOPLE
from simulators.ports import free_port
from simulators.serial.id_module import LaidCard
from simulators.stage import Stage
from tests.middleware.doors.local_api.samples import PARAMS
from tests.middleware.doors.mllp.rig import Sender, framed, hl7
from tests.middleware.engine.test_intake import ft1
from tests.scenarios.hospital import Hospital, in_thread, until
from tests.scenarios.phones import channel_of, settings_in

pytestmark = [pytest.mark.pcsc, pytest.mark.slow]

WHO = ("employee", "resident", "four-byte", "long-name", "refused")

BY_OTHER_MEDIA = ("first-generation", "maternity")  # an id card is laid on, a code is scanned


@frozen
class Person:
    """What is known of somebody, beside the card: all of it is looked for."""

    key: str
    name: str
    id_number: str
    card: str
    phone: str
    address: str


def everybody():
    return [
        Person(key, PEOPLE[key].name, PEOPLE[key].id_number, PEOPLE[key].card_number, f"1390000{n:04d}", f"示例路{n}号测试小区{n}栋")
        for n, key in enumerate(WHO, 7101)
    ]  # fmt: skip


def secrets_of(people):
    own = {value for one in people for value in (one.name, one.id_number, one.card, one.phone, one.address)}
    beside = {value for key in BY_OTHER_MEDIA for value in (PEOPLE[key].name, PEOPLE[key].id_number)}
    beside.add(LaidCard.of(PEOPLE[BY_OTHER_MEDIA[0]]).texts["address"])
    return own | beside | {PEOPLE[one.key].card_id_code for one in people}


def found_in(data, secrets):
    """The secrets that stand there in any writing: UTF-8, GB18030, JSON's escapes, base64's own form at any offset."""
    found = []
    for one in secrets:
        raw = one.encode()
        forms = {raw, one.encode("gb18030"), json.dumps(one)[1:-1].encode()}
        # Base64 of something with it inside: three alignments, without what neighbours change.
        forms |= {base64.b64encode(b"\0" * shift + raw)[4 if shift else 0 : -4] for shift in range(3)}
        found += [one for form in forms if len(form) > 5 and form in data]
    return found


def pid(person, number, *, document="", name=""):
    numbers = f"{number}^^^^PI~{person.card}^^^^SS~{document or person.id_number}^^^^IdentifyNO"
    return f"PID|1||{numbers}||{name or person.name}||19800101|M|||{person.address}^^^^^^H||^PRN^PH^^^^{person.phone}\r"


def messages(people):
    """What a HIS and a broken sender send in a day; each says something about somebody, and much of it cannot be used."""
    a, b, c, *_ = people
    wrong = a.id_number[:-1] + ("1" if a.id_number[-1] != "1" else "2")
    yield from (framed(hl7(f"A{n}", body=pid(one, f"P{n}"))) for n, one in enumerate(people))
    yield framed(hl7("C1", body=pid(b, "P0"), kind="ADT^A08"))  # a contradiction
    yield framed(hl7("C2", body=pid(b, "P1") + "MRG|P0^^^^PI\r", kind="ADT^A40"))  # and a merge of two documents
    yield framed(hl7("C3", body=pid(a, "P0", document=wrong)))
    yield framed(hl7("C4", body=pid(a, a.name)))  # a number that is a name
    yield framed(hl7("A0", body=pid(c, "P0")))  # a used control id
    yield framed(hl7("C5", body=pid(a, "P0"), charset="UNICODE UTF-8"), codec="gb18030")
    yield framed(hl7(c.name, body=pid(c, "P2")))  # a control id that is a name
    yield framed(hl7("C6", body=pid(c, "P2"), kind=f"ADT^{c.name}"))
    yield framed(f"{a.name}|{a.id_number}|{a.phone}|{a.address}")
    yield framed(hl7("C7", body=pid(b, "P1").replace("|19800101", "|\x1cx")))
    yield f"{b.name} {b.id_number} {b.address}\r".encode()
    yield framed(hl7("C8", body=pid(a, "P0") + ft1("L1", "10.00") + "\r" + ft1("L2", "x" + a.phone), kind="DFT^P03"))
    yield framed(hl7("C9", body=pid(a, "P0") + ft1("L1", "10.00") + "\r", kind="DFT^P03"))
    staff = f"Z02|S1|{c.name}|M||||01|{c.id_number}|9103^护理||||||||||{c.phone}\r"
    yield framed(hl7("M1", body=f"MFI|Employee\rMFE|MUP|||S1\r{staff}MFE|MUP|||{c.name}\rZ02||\r", kind="MFN^M01"))
    yield framed(hl7("Q1", body=f"QPD|Q22|T|@PID.5.1^{a.name}~@PID.7.1^19800101\rRCP|I|5\r", kind="QBP^Q22"))
    yield framed(hl7("Q2", body=f"QPD|Q22|{b.name}|@PID.11^{b.address}\r", kind="QBP^Q22"))
    yield framed(hl7("Z1", body=pid(a, "P0"), kind="ADT^ZP1"))


ANSWERED = 21


async def spoken(h):
    """The HL7 part of the day; until all of it was acted on."""
    sender = await connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", h.stage.mllp_port), Sender())
    sender.send(b"".join(messages(everybody())))
    assert len(await sender.acks(ANSWERED)) == ANSWERED
    sender.transport.loseConnection()
    await until(lambda: len(h.rows("hl7_outcome")) >= 10, "the messages were not acted on")


async def at_the_counter(h, people):
    """Visits of some of them: one settled and cancelled, one that the HIS refuses."""
    await h.insert(people[0].key)
    quote = await h.settled()
    await h.call("settlement.cancel", h.undoing(quote))
    await h.insert(people[2].key)
    for _ in range(3):
        h.stage.his.knobs.turn("ADT^A04", Fault.ANSWER_AR)
    await h.fault("patient.register", await h.registration())
    h.stage.his.knobs.clear()


async def asked_wrong(h, people):
    """Requests that hold somebody where nobody belongs: their faults."""
    a = people[0]
    calls = (
        (
            "patient.register",
            {"request_id": "k", "card_read_id": a.id_number, "department_code": "1", "doctor_code": a.name},
        ),
        ("visit.get", {"visit_id": a.id_number}),
        ("settlement.get", {"request_id": a.name}),
        ("identity.show", {"kind": "id-number", "number": a.id_number[:-2] + "00"}),
        ("his.masters", {"kind": a.name}),
        (a.name, {}),
        ("inpatient.charge_from_his", {"request_id": "k2", "visit_id": a.id_number}),
    )
    faults = []
    for method, params in calls:
        role = "operator" if method.startswith("identity") else "his"
        try:
            raise AssertionError(await h.call(method, params, role=role))
        except ApiError as error:
            faults.append(json.dumps([error.code, str(error), error.data], ensure_ascii=False))
    return faults


# Made by the caller and kept as they are; and names of things: of a PSAM and where it is, of whoever sent a list of cards.
OWN_KEYS = frozenset({"request_id", "key", "place", "source"})


def misplaced(params, values):
    """The parameters once for each text in them, with somebody's own in its place."""
    for name, value in params.items():
        if name in OWN_KEYS:
            continue
        if isinstance(value, str):
            yield params | {name: next(values)}
        elif isinstance(value, dict):
            yield from (params | {name: one} for one in misplaced(value, values))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield from (params | {name: [one]} for one in misplaced(value[0], values))


def said_everywhere(h, people):
    """Each text of each method is somebody's name, number, phone or address once. What was refused, as it was said."""
    values = itertools.cycle(
        [value for one in people for value in (one.name, one.id_number, one.phone, one.address, one.card)]
    )
    faults = {}
    with contextlib.ExitStack() as open_:
        clients = {}
        for role in ("his", "pos", "operator"):
            clients[role] = open_.enter_context(connect(port=h.stage.api_port))
            clients[role].hello(h.stage.tokens[role])
        for method, params in PARAMS.items():
            client = next((clients[role] for role in clients if Role(role) in METHODS[method].roles), None)
            if client is None:
                continue
            here = params | {"reader": h.stage.reader_name()} if "reader" in params else params
            for wrong in misplaced(here, values):
                try:
                    client.call(method, wrong)
                except ApiError as error:
                    faults.setdefault(method, []).append([error.code, str(error), error.data])
    return {name: json.dumps(said, ensure_ascii=False) for name, said in faults.items()}


async def filed(h, people):
    """Everything that a counter may say of a person, where it belongs: contacts, agents, words; and centre and HIS say it back."""
    a, b, *_ = people
    contact = {"phone": a.phone, "address": a.address}
    agent = {"name": b.name, "number": b.id_number, "phone": b.phone, "address": b.address, "relation": "1"}
    order = await h.registration() | {"phone": a.phone, "employer": a.address}
    visit = await h.call("patient.register", order)
    words = f"{a.name}，{a.phone}，{a.address}"
    to = {"code": "H2", "name": "上级医院"}
    base = {"visit_id": visit["visit_id"], "contact": contact}
    await h.end(
        "filing.referral",
        base | {
            "request_id": h.key(), "to": to, "to_region": "430100", "way": "2", "on": "2026-11-22", "reason": "病情需要",
            "opinion": words, "diagnosis": {"code": "J18", "name": "肺炎"}, "condition": words,
        },
    )  # fmt: skip
    await h.end(
        "filing.institution",
        base | {"request_id": h.key(), "application": "1", "since": "2026-11-01", "agent": agent, "memo": words},
    )
    h.stage.centre.faults.next("2206", "refuse", text=f"{words} {a.id_number}")
    await h.fault("settlement.quote", h.bill(visit))
    link = {"kind": "treatment-card", "number": b.phone, "id_number": b.id_number, "name": b.name}
    await h.call("registry.link", link)
    dead = (await h.call("letters.list", {}, role="operator"))["rows"][0]["control_id"]
    name = {"control_id": dead, "fields": [{"field": "patient_name", "value": b.name}], "reason": words}
    await h.call("letters.fix", name, role="operator")
    await h.end("identity.merge", {"prior": "P0", "kept": "P1", "note": words}, role="operator")


async def by_phone(h, people, channel, url):
    """An order that is paid; the channel says of whom, truly, forged, and where nobody listens."""
    c = people[2]
    quote = await h.quote()
    order = await h.call("mobile.order", h.confirmation(quote) | {"voucher": c.id_number})
    channel.orders.pay(order["order_number"])
    said = {"psnName": c.name, "certNo": c.id_number, "tel": c.phone, "addr": c.address}
    for where, forged in ((url, True), (f"{url}/{c.phone}", False), (url, False)):
        await channel.notify(where, order["order_number"], forged=forged, **said)
    await h.until(quote["settlement_id"], "Delivered")


async def shown(h, media):
    """Somebody by an id card, which has an address, and somebody by a code, for whom a service speaks."""
    media.module.lay(PEOPLE["first-generation"])
    await h.call("card.read", {"reader": ID_READER})
    media.module.lift()
    media.scanner.scan("CODE-maternity-1")
    await h.call("card.read", {"reader": SCANNER})


async def lists(h):
    """What an operator sees without saying why."""
    asked = (
        ("inbox.list", {"all": True}), ("inbox.failed", {}), ("identity.list", {"all": True}), ("charge.list", {}),
        ("identity.show", {"kind": "his-patient", "number": "P0"}),
    )  # fmt: skip
    return {name: json.dumps(await h.call(name, params, role="operator"), ensure_ascii=False) for name, params in asked}


@pytest_twisted.ensureDeferred
async def test_invariant_21_after_a_day_nobody_shows_in_logs_metrics_health_feed_faults_lists_or_the_database(tmp_path):
    port = free_port()
    settings = {"mllp.his": {"port": port, "responses": ["ADT^ZP1=RSP^K23"]}, "log": {"level": "debug"}}
    phones, url = settings_in(tmp_path)
    media = Media(reactor, tmp_path / "media")
    stage = Stage(reactor, tmp_path, settings=settings | phones, overrides=media.start())
    channel = channel_of(stage, phones["mobile"])
    stage.mllp_port = port
    people = everybody()
    secrets = secrets_of(people)
    try:
        await stage.start()
        h = Hospital(stage)
        await spoken(h)
        await at_the_counter(h, people)
        await h.insert(people[0].key)
        await filed(h, people)
        await shown(h, media)
        await by_phone(h, people, channel, url)
        seen = await lists(h)
        seen |= await in_thread(said_everywhere, h, people)
        seen |= {f"fault {n}": fault for n, fault in enumerate(await asked_wrong(h, people))}
        for path in ("/metrics", "/health", "/health/full", "/health/ready"):
            seen[path] = (await h.get(path))[1].decode()
        seen["feed"] = json.dumps((await h.feed())[0])
        seen["flags"] = (await h.get("/feed/v1/flags?after=0&limit=100", role="bureau"))[1].decode()
        letters = [row["control_id"] for row in h.rows("outbox")]
        told = b"".join(body for one in letters for body in stage.his.bodies_of(one))
        assert len(h.rows("journal")) > 40
    finally:
        await stage.stop()
        await media.stop()
        await channel.stop()

    spoken_of = {name: text.encode() for name, text in seen.items()}
    files = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in {".db", ".log", ".db-wal"}}
    assert {"yikatong.db", "daemon.log"} <= files.keys()
    assert b"hl7.refused" in files["daemon.log"]
    assert found_in(told, secrets)  # to the HIS they were said: whoever looks does find
    leaks = {name: found for name, data in (files | spoken_of).items() if (found := found_in(data, secrets))}
    assert leaks == {}
