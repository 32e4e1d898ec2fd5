"""The door's promises beyond the probes: durable first, order, modes, bounds, lives, TLS."""

from __future__ import annotations

import datetime as dt

import hl7 as python_hl7
import pytest
import pytest_twisted
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ClientEndpoint, connectProtocol
from twisted.internet.task import Clock

from middleware.domain.fault import FAULTS, Fault
from middleware.domain.health import Condition
from middleware.doors.mllp.judge import judge
from middleware.doors.mllp.link import KEPT_AN_HOUR, Hl7Link
from middleware.doors.mllp.options import MllpOptions, links_are_named
from middleware.doors.mllp.tables import RULES, trouble
from middleware.hl7.message import decode
from middleware.store.units import Incoming
from tests.adapters.his.test_delivery import until
from tests.adapters.his.test_tls import Authority
from tests.middleware.doors.mllp.rig import Sender, Site, framed, hl7

NOW = dt.datetime(2026, 11, 21, 9, tzinfo=dt.timezone(dt.timedelta(hours=8)))


class HeldInbox:
    """Answers when the test says so."""

    epoch = 7

    def __init__(self):
        self.kept: list[tuple[Incoming, Deferred]] = []

    def keep(self, incoming):
        self.kept.append((incoming, Deferred()))
        return self.kept[-1][1]

    def take(self, incoming, told):
        self.keep(incoming).addCallbacks(told, lambda failure: told(failure.value))


class Wire:
    """A transport that only remembers."""

    def __init__(self):
        self.written, self.cut, self.paused = b"", False, False

    def write(self, data):
        self.written += data

    def registerProducer(self, _producer, _streaming): ...

    def unregisterProducer(self): ...

    def pauseProducing(self):
        self.paused = True

    def resumeProducing(self):
        self.paused = False

    def abortConnection(self):
        self.cut = True

    def loseConnection(self):
        self.cut = True


def held(**options):
    """A link without reactor or disk, one connection to it, and the clock."""
    inbox, clock = HeldInbox(), Clock()
    link = Hl7Link("his", MllpOptions(**options), inbox, clock, lambda: NOW)
    return link, inbox, clock, connected(link)


def connected(link):
    connection = link.buildProtocol(None)
    connection.makeConnection(Wire())
    return connection


def test_nothing_is_answered_before_it_is_durable_and_answers_keep_the_order_of_their_messages():
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed(hl7("C1")) + framed(hl7("C2")))
    (_, first), (_, second) = inbox.kept

    second.callback(True)
    assert connection.transport.written == b""
    first.callback(True)
    assert [part[:8] for part in connection.transport.written.split(b"MSA|")[1:]] == [
        b"AA|C1\r\x1c\r",
        b"AA|C2\r\x1c\r",
    ]


@pytest.mark.parametrize("code", ["system.journal", "system.busy", "system.node", "system.keys"])
def test_what_could_not_be_written_is_answered_ar_so_that_it_is_sent_again(code):
    link, inbox, _clock, connection = held()
    connection.dataReceived(framed(hl7("C1")))
    inbox.kept[0][1].errback(Fault(code))

    assert f"MSA|AR|C1|{code}: ".encode() in connection.transport.written
    assert b"207&Application internal error" in connection.transport.written
    assert link.counts == {code: 1}


def test_a_daemon_that_stops_says_nothing_about_what_it_did_not_write():
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed(hl7("C1")))
    inbox.kept[0][1].errback(Fault("system.stopping"))

    assert connection.transport.written == b""
    assert connection.waiting == 0


def test_a_defect_of_ours_is_no_yes_and_holds_up_nobody():
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed(hl7("C1")) + framed(hl7("C2")))
    inbox.kept[0][1].errback(ZeroDivisionError())
    inbox.kept[1][1].callback(True)

    assert b"MSA|AA|C2" in connection.transport.written
    assert b"C1" not in connection.transport.written


MODES = {
    "": (["AA"], ["AR"]), "AL|": (["CA"], ["CR"]), "AL|NE": (["CA"], ["CR"]), "AL|AL": (["CA", "AA"], ["CR"]),
    "NE|AL": (["AA"], ["AR"]), "NE|NE": ([], []), "ER|NE": ([], ["CR"]), "SU|NE": (["CA"], []), "ER|ER": ([], ["CR"]),
    "SU|SU": (["CA", "AA"], []), "|AL": (["AA"], ["AR"]), "??|NE": (["CA"], ["CR"]),
}  # fmt: skip


@pytest.mark.parametrize("modes", MODES)
def test_msh_15_and_16_are_obeyed_in_both_modes(modes):
    good, bad = MODES[modes]
    for version, wanted in (("2.4", good), ("2.99", bad)):
        _link, inbox, _clock, connection = held()
        connection.dataReceived(framed(hl7("C1", modes=modes, version=version)))
        inbox.kept[0][1].callback(True)
        codes = [part[:2].decode() for part in connection.transport.written.split(b"\rMSA|")[1:]]

        assert codes == wanted
        assert inbox.kept[0][0].ack == connection.transport.written


def test_a_link_may_answer_once_whatever_msh_15_and_16_say():
    _link, inbox, _clock, connection = held(acknowledge="original")
    connection.dataReceived(framed(hl7("C1", modes="AL|AL")))
    inbox.kept[0][1].callback(True)

    assert connection.transport.written.count(b"MSA|AA|C1") == 1
    assert b"MSA|CA" not in connection.transport.written


@pytest.mark.parametrize(
    ("version", "kind", "type_of_ack"),
    [
        ("2.2", "ADT^A04", b"|ACK|"),
        ("2.3.1", "ADT^A04", b"|ACK^A04|"),
        ("2.4", "ADT^A04^ADT_A01", b"|ACK^A04^ACK|"),
        ("2.5", "ADT^A04", b"|ACK^A04^ACK|"),
    ],
)
def test_an_answer_speaks_the_version_of_its_message_and_another_library_reads_it(version, kind, type_of_ack):
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed(hl7("C1", version=version, kind=kind)))
    wire = inbox.kept[0][0].ack
    tree = python_hl7.parse(wire[1:-2].decode())

    assert type_of_ack in wire
    assert str(tree.segment("MSA")[2]) == "C1"
    assert str(tree.segment("MSH")[12]) == version


def test_our_own_control_ids_differ_and_carry_the_life():
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed(hl7("C1")) + framed(hl7("C2")))

    assert [decode(one.ack[1:]).value(decode(one.ack[1:]).first(b"MSH"), 10) for one, _ in inbox.kept] == ["K7.1", "K7.2"]


def test_an_answer_is_never_acknowledged():
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed("MSH|^~\\&|HIS||Y||2026||ACK|X1|P|2.4\rMSA|AA|K7.1\r"))
    inbox.kept[0][1].callback(True)

    assert inbox.kept[0][0].why == "hl7.stray_ack"
    assert connection.transport.written == b""


@given(st.binary(max_size=200))
def test_any_block_is_judged_and_any_answer_is_hl7(payload):
    _link, inbox, _clock, connection = held()
    connection._link.block(payload, connection._expect(len(payload)))
    incoming = inbox.kept[0][0]

    assert incoming.raw == payload
    if incoming.ack:
        assert decode(incoming.ack[1:-2]).first(b"MSA")[1] in {b"AA", b"AR", b"CA", b"CR"}


@pytest.mark.parametrize("delimiters", ["|^~\\&", "*:%$!", "|^~\\&#", "|^", "^|~\\&"])
def test_an_answer_uses_the_delimiters_of_its_message_and_its_own_words_hold_none(delimiters):
    text = hl7("C1", version="2.99").replace("|", "\x00").replace("^", "\x01").split("\x00", 2)
    body = text[2].replace("\x00", delimiters[0]).replace("\x01", delimiters[1])
    message = f"MSH{delimiters}{delimiters[0]}{body}"
    judged = judge(message.encode(), "utf-8", ())
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed(message))
    ack = decode(inbox.kept[0][0].ack[1:-2])

    assert judged.fault == "hl7.version"
    assert (ack.value(ack.first(b"MSA"), 1), ack.value(ack.first(b"MSA"), 2)) == ("AR", "C1")


# -- bounds


def test_a_message_past_the_bound_is_refused_by_its_name_and_the_next_is_taken():
    _link, inbox, _clock, connection = held(max_bytes=4096)
    connection.dataReceived(framed(hl7("C1") + "OBX|" + "x" * 10_000) + framed(hl7("C2")))
    for _, done in inbox.kept:
        done.callback(True)

    assert [(one.control_id, one.why) for one, _ in inbox.kept] == [("C1", "hl7.too_long"), ("C2", "")]
    assert b"MSA|AR|C1|hl7.too_long: " in connection.transport.written


def test_a_control_character_inside_a_message_is_refused_and_half_a_message_is_never_taken():
    _link, inbox, _clock, connection = held()
    connection.dataReceived(framed(hl7("C1", body="PID|1||a\x1cb\r")))
    connection.dataReceived(framed(hl7("C2", body="PID|1||a\x0bb\r")))

    assert [(one.control_id, one.why) for one, _ in inbox.kept] == [
        ("C1", "hl7.control_character"), ("C2", "hl7.unframed"), ("", "hl7.not_hl7"),
    ]  # fmt: skip


def test_a_slow_sender_is_cut_off_and_what_it_sent_is_kept():
    _link, inbox, clock, connection = held(message_timeout_s=5)
    connection.dataReceived(b"\x0bMSH|^~\\&|")
    for _ in range(4):
        clock.advance(1)
        connection.dataReceived(b"x")
    assert not connection.transport.cut
    clock.advance(1.1)

    assert connection.transport.cut
    assert [(one.why, one.raw) for one, _ in inbox.kept] == [("hl7.unframed", b"MSH|^~\\&|xxxx")]


def test_a_sender_of_nothing_but_garbage_is_sent_away_and_its_bytes_are_one_row():
    _link, inbox, _clock, connection = held(max_bytes=4096)
    for _ in range(100):
        connection.dataReceived(b"z" * 100)

    assert connection.transport.cut
    assert [(one.why, one.raw[:4]) for one, _ in inbox.kept] == [("hl7.unframed", b"zzzz")]


def test_too_much_that_waits_for_the_disk_is_not_read():
    _link, inbox, _clock, connection = held(in_flight=2)
    connection.dataReceived(framed(hl7("C1")))
    assert not connection.transport.paused
    connection.dataReceived(framed(hl7("C2")))
    assert connection.transport.paused
    inbox.kept[0][1].callback(True)

    assert not connection.transport.paused


def test_a_sender_that_reads_no_answers_is_not_read_and_then_cut_off():
    _link, _inbox, clock, connection = held(unread_timeout_s=3)
    connection.pauseProducing()
    assert connection.transport.paused
    clock.advance(3.1)

    assert connection.transport.cut


def test_a_connection_that_never_spoke_makes_room_and_one_that_did_keeps_its_place():
    link, _inbox, _clock, first = held(connections=2)
    first.dataReceived(framed(hl7("C1")))
    silent, newcomer = connected(link), connected(link)
    newcomer.dataReceived(framed(hl7("C2")))
    refused = connected(link)

    assert (first.transport.cut, silent.transport.cut, newcomer.transport.cut) == (False, True, False)
    assert refused.transport.cut
    assert set(link.connections) == {first, newcomer}


def test_an_idle_connection_is_closed_and_one_that_speaks_is_not():
    _link, _inbox, clock, connection = held(idle_timeout_s=10)
    clock.advance(6)
    connection.dataReceived(framed(hl7("C1")))
    clock.advance(6)
    assert not connection.transport.cut
    clock.advance(5)

    assert connection.transport.cut


def test_a_refused_message_that_is_sent_for_ever_is_kept_once_and_answered_each_time():
    link, inbox, _clock, connection = held()
    for _ in range(5):
        connection.dataReceived(framed("HELLO"))
    inbox.kept[0][1].callback(True)

    assert len(inbox.kept) == 1
    assert connection.transport.written.count(b"MSA|AR|") == 5
    assert link.counts["hl7.not_hl7"] == 5


def test_more_than_so_much_an_hour_is_refused_without_being_kept_and_health_says_so():
    link, inbox, clock, connection = held(in_flight=1024)
    for number in range(KEPT_AN_HOUR + 3):
        connection.dataReceived(framed(f"HELLO {number}"))
    assert len(inbox.kept) == KEPT_AN_HOUR
    assert link.counts["dropped"] == 3
    assert link.crowded
    clock.advance(3601)
    connection.dataReceived(framed("HELLO AGAIN"))

    assert len(inbox.kept) == KEPT_AN_HOUR + 1
    assert not link.crowded


@pytest.mark.parametrize("fault", RULES)
def test_each_rule_names_a_fault_and_its_words_fit_msa_3_whole(fault):
    told = trouble(fault)

    assert fault in FAULTS
    assert told is None or (len(told.text) <= 80 and told.text.isascii())
    assert told is None or told.text.removeprefix(f"{fault}: ") in {FAULTS[fault].en, RULES[fault].en}


def test_links_have_names_that_can_be_keys_and_places_of_their_own():
    attribute = type("A", (), {"name": "mllp"})
    one = MllpOptions(port=2576)
    for links in ({"HIS": one}, {"": one}, {"a": one, "b": one}, {f"l{n}": evolve(one, port=3000 + n) for n in range(17)}):
        with pytest.raises(ValueError, match="mllp"):
            links_are_named(None, attribute, links)
    links_are_named(None, attribute, {"his-main": one, "lab_2": evolve(one, port=2577)})


@pytest.mark.parametrize(
    "options",
    [
        {"host": "10.0.0.1"},
        {"certificate": "c.pem"},
        {"certificate": "c.pem", "private_key": "k.pem"},
        {"client_ca": "ca.pem"},
        {"types": ("adt",)},
    ],
)
def test_a_door_beyond_loopback_has_tls_and_tls_has_client_certificates(options):
    with pytest.raises(ValueError, match=r"TLS|certificate|client_ca|types"):
        MllpOptions(**options)


# -- lives


@pytest_twisted.ensureDeferred
async def test_after_a_restart_a_repeat_gets_the_answer_of_the_life_before(tmp_path):
    before = Site(tmp_path).start()
    sender = await before.connect()
    sender.send(framed(hl7("C1")))
    (first,) = await sender.acks(1)
    await before.stop()
    assert sender.closed or await sender.end() is None
    after = Site(tmp_path).start()
    try:
        again = await after.connect()
        again.send(framed(hl7("C1")) + framed(hl7("C2")))
        repeated, second = await again.acks(2)
    finally:
        await after.stop()

    assert repeated == first
    assert second[0].split("|")[9].split(".")[0] != first[0].split("|")[9].split(".")[0]


@pytest_twisted.ensureDeferred
async def test_a_sender_that_shuts_its_side_is_answered_and_one_that_breaks_off_is_kept(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("C1")))
    sender.transport.loseWriteConnection()
    assert await sender.codes(1) == [("AA", "C1")]
    await sender.end()

    broken = await one.connect()
    broken.send(b"\x0bMSH|^~\\&|half")
    broken.transport.loseConnection()
    await broken.end()
    await until(lambda: not one.link.connections and one.journal.head_sequence == 2, 60)

    assert one.door.health().condition is Condition.GOOD
    assert [raw for row, raw in one.rows(kept_only=True)] == [b"MSH|^~\\&|half"]


@pytest_twisted.ensureDeferred
async def test_over_tls_only_a_sender_with_a_certificate_of_ours_comes_in(tmp_path):
    ca = Authority(tmp_path, "ca")
    (certificate, key), client = ca.issue("door"), ca.issue("his")
    one = Site(tmp_path, certificate=certificate, private_key=key, client_ca=ca.file).start()
    try:
        trust = ssl.trustRootFromCertificates([ssl.Certificate.loadPEM(ca.file.read_bytes())])
        mine = ssl.PrivateCertificate.loadPEM(client[0].read_bytes() + client[1].read_bytes())
        known = ssl.optionsForClientTLS("127.0.0.1", trustRoot=trust, clientCertificate=mine)
        stranger = ssl.optionsForClientTLS("127.0.0.1", trustRoot=trust)
        sender = await connectProtocol(SSL4ClientEndpoint(reactor, "127.0.0.1", one.port, known), Sender())
        sender.send(framed(hl7("C1")))
        assert await sender.codes(1) == [("AA", "C1")]
        refused = await connectProtocol(SSL4ClientEndpoint(reactor, "127.0.0.1", one.port, stranger), Sender())
        refused.send(framed(hl7("C2")))
        await refused.end()
        assert refused.received == b""
        assert [row.control_id for row, _ in one.rows()] == ["C1"]
        sender.transport.loseConnection()
        await sender.end()
    finally:
        await one.stop()
