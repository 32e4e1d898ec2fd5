"""The probes that eight servers were measured by: framing, charsets, repeats, versions, types, modes. Each answered right."""

from __future__ import annotations

import pytest_twisted

from tests.middleware.doors.mllp.rig import framed, hl7


@pytest_twisted.ensureDeferred
async def test_probe_01_two_messages_in_one_write_are_both_taken_in_order(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("C1")) + framed(hl7("C2")))

    assert await sender.codes(2) == [("AA", "C1"), ("AA", "C2")]
    assert [row.control_id for row, _ in one.rows()] == ["C1", "C2"]


@pytest_twisted.ensureDeferred
async def test_probe_02_a_message_in_three_writes_is_one(site):
    one = site()
    sender = await one.connect()
    whole = framed(hl7("C1"))
    for piece in (whole[:1], whole[1:30], whole[30:]):
        sender.send(piece)
        await one.inbox.taken("his", "none")  # the reactor turned, and a database was read

    assert await sender.codes(1) == [("AA", "C1")]
    assert [raw for _, raw in one.rows()] == [hl7("C1").encode()]


@pytest_twisted.ensureDeferred
async def test_probe_03_cr_lf_before_the_start_is_no_garbage(site):
    one = site()
    sender = await one.connect()
    sender.send(b"\r\n" + framed(hl7("C1")))

    assert await sender.codes(1) == [("AA", "C1")]
    assert one.whys() == [""]


@pytest_twisted.ensureDeferred
async def test_probe_04_a_message_without_its_start_is_kept_unanswered_and_the_next_is_taken(site):
    one = site()
    sender = await one.connect()
    sender.send(hl7("C1").encode() + b"\x1c\r" + framed(hl7("C2")))

    assert await sender.codes(1) == [("AA", "C2")]
    assert sorted(one.whys()) == ["", "hl7.unframed"]
    assert {row.why: raw for row, raw in one.rows()}["hl7.unframed"].startswith(b"MSH|")


@pytest_twisted.ensureDeferred
async def test_probe_05_an_end_without_cr_swallows_nothing(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("C1"))[:-1] + framed(hl7("C2")))

    assert await sender.codes(2) == [("AA", "C1"), ("AA", "C2")]


@pytest_twisted.ensureDeferred
async def test_probe_06_an_end_without_cr_is_answered_when_nothing_follows(site):
    sender = await site().connect()
    sender.send(framed(hl7("C1"))[:-1])

    assert await sender.codes(1) == [("AA", "C1")]


@pytest_twisted.ensureDeferred
async def test_probe_07_lf_ends_segments_too(site):
    one = site()
    sender = await one.connect()
    text = hl7("C1").replace("\r", "\n")
    sender.send(framed(text))

    assert await sender.codes(1) == [("AA", "C1")]
    assert [raw for _, raw in one.rows()] == [text.encode()]


@pytest_twisted.ensureDeferred
async def test_probe_08_gb18030_that_says_so_is_taken_and_answered_in_it(site):
    one = site()
    sender = await one.connect()
    text = hl7("C1", body="PID|1||C000123||倈亅俒倐\r", charset="GB 18030-2000").replace("HIS|H1", "总院|H1")
    sender.send(framed(text, "gb18030"))
    (ack,) = await sender.acks(1)

    assert ack[1] == "MSA|AA|C1"
    assert ack[0].startswith("MSH|^~\\&|YKT|H1|总院|H1|")
    assert ack[0].endswith("|CHN|GB 18030-2000")
    assert [raw for _, raw in one.rows()] == [text.encode("gb18030")]


@pytest_twisted.ensureDeferred
async def test_probe_09_gbk_bytes_declared_as_utf_8_are_answered_ar_and_kept_as_they_came(site):
    one = site()
    sender = await one.connect()
    text = hl7("C1", body="PID|1||C000123||测试\r")
    sender.send(framed(text, "gb18030"))
    (ack,) = await sender.acks(1)

    assert ack[1].startswith("MSA|AR|C1|hl7.charset: ")
    assert ack[2] == "ERR|MSH^1^18^102&Data type error&HL70357"
    assert [(row.why, raw) for row, raw in one.rows()] == [("hl7.charset", text.encode("gb18030"))]


@pytest_twisted.ensureDeferred
async def test_probe_10_text_that_is_no_hl7_is_answered_ar_and_the_next_is_taken(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(b"HELLO WORLD") + framed(hl7("C2")))
    first, second = await sender.acks(2)

    assert first[1].startswith("MSA|AR||hl7.not_hl7: ")
    assert second[1] == "MSA|AA|C2"
    assert [raw for row, raw in one.rows() if row.why] == [b"HELLO WORLD"]


@pytest_twisted.ensureDeferred
async def test_probe_11_a_megabyte_is_taken_to_the_last_byte(site):
    one = site()
    sender = await one.connect()
    text = hl7("C1", body="OBX|1|ED|PDF||" + "J" * (1 << 20) + "\r")
    sender.send(framed(text))

    assert await sender.codes(1) == [("AA", "C1")]
    assert [raw for _, raw in one.rows()] == [text.encode()]


@pytest_twisted.ensureDeferred
async def test_probe_12_the_same_message_again_gets_the_stored_answer_byte_for_byte(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("C1")))
    (first,) = await sender.acks(1)
    again = await one.connect()
    again.send(framed(hl7("C1")) + framed(hl7("C1")))

    assert await again.acks(2) == [first, first]
    assert one.whys() == [""]


@pytest_twisted.ensureDeferred
async def test_probe_13_the_same_control_id_with_another_body_is_refused_and_kept(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("C1")) + framed(hl7("C1", body="PID|1||C000999^^^^IDCard\r")))
    first, second = await sender.acks(2)

    assert first[1] == "MSA|AA|C1"
    assert second[1].startswith("MSA|AR|C1|hl7.reused: ")
    assert "205&Duplicate key identifier" in second[2]
    assert one.whys() == ["", "hl7.reused"]


@pytest_twisted.ensureDeferred
async def test_probe_14_an_unknown_version_is_refused_by_its_code(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("C1", version="2.99")))
    (ack,) = await sender.acks(1)

    assert ack[1].startswith("MSA|AR|C1|hl7.version: ")
    assert ack[2].startswith("ERR||MSH^1^12|203^Unsupported version id^HL70357|E|")
    assert one.whys() == ["hl7.version"]


@pytest_twisted.ensureDeferred
async def test_probe_15_an_unknown_type_is_refused_by_its_code_and_taken_where_a_link_names_it(site):
    sender = await site().connect()
    sender.send(framed(hl7("C1", kind="ZZZ^Z99")))
    (ack,) = await sender.acks(1)
    assert ack[1].startswith("MSA|AR|C1|hl7.message_type: ")
    assert "200&Unsupported message type" in ack[2]

    named = await site(types=("ZZZ^Z99",)).connect()
    named.send(framed(hl7("C2", kind="ZZZ^Z99")) + framed(hl7("C3", kind="ZZZ^Z98")))
    first, second = await named.acks(2)
    assert first[1] == "MSA|AA|C2"
    assert "201&Unsupported event code" in second[2]


@pytest_twisted.ensureDeferred
async def test_probe_16_an_unknown_event_of_a_known_type_is_refused_by_its_code_and_site_events_are_taken(site):
    sender = await site().connect()
    sender.send(framed(hl7("C1", kind="ADT^X99")) + framed(hl7("C2", kind="ADT^ZP1")) + framed(hl7("C3", kind="ZMG^Z30")))
    first, *others = await sender.acks(3)

    assert first[1].startswith("MSA|AR|C1|hl7.event: ")
    assert [ack[1] for ack in others] == ["MSA|AA|C2", "MSA|AA|C3"]


@pytest_twisted.ensureDeferred
async def test_probe_17_an_empty_control_id_is_refused_for_it_could_not_be_known_again(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("")))
    (ack,) = await sender.acks(1)

    assert ack[1].startswith("MSA|AR||hl7.control_id: ")
    assert "101&Required field missing" in ack[2]
    assert one.whys() == ["hl7.control_id"]


@pytest_twisted.ensureDeferred
async def test_probe_18_who_wants_no_answer_gets_none_and_the_message_is_taken(site):
    one = site()
    sender = await one.connect()
    sender.send(framed(hl7("C1", modes="NE|NE")) + framed(hl7("C2")))

    assert await sender.codes(1) == [("AA", "C2")]
    assert [row.control_id for row, _ in one.rows()] == ["C1", "C2"]
