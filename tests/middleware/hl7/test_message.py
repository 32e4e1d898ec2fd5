"""The codec: any bytes in, no exception but ours, and the same bytes out again; values where they stand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from middleware.hl7.message import MAX_SEGMENTS, Marks, decode, unescape

HEAD = "MSH|^~\\&|HIS|H|Y||20261121090000||ADT^A04^ADT_A01|C1|P|2.4|||AL|NE|CHN|"
ALPHABET = b"|^~\\&\r\n AZ09\x00\x0b\x1c\x7f\x81\x7c\xfe\xe5\xbc\xa0"
HOSTILE = st.lists(st.sampled_from([bytes([byte]) for byte in ALPHABET]), max_size=60).map(b"".join)
WIDE = "倈亅俒倐"  # in GB18030 their second bytes are |, ^, ~ and \


def parts_of(message, raw):
    """A field taken apart as far as it goes, and put together again."""
    marks = message.marks
    return marks.repetition.join(
        marks.component.join(
            marks.subcomponent.join(message.split(component, marks.subcomponent)) if marks.subcomponent else component
            for component in message.split(repetition, marks.component)
        )
        for repetition in message.split(raw, marks.repetition)
    )


@given(
    st.one_of(
        st.binary(max_size=80), HOSTILE, HOSTILE.map(lambda raw: b"MSH" + raw), HOSTILE.map(lambda raw: HEAD.encode() + raw)
    )
)
def test_any_bytes_give_a_fault_or_a_message_that_encodes_to_them_again(raw):
    for default in ("utf-8", "gb18030"):
        try:
            message = decode(raw, default)
        except Fault:
            continue

        assert message.encode() == raw
        message.readable()
        for segment in map(message.fields, message.pieces[1::2]):
            for number, field in enumerate(segment):
                assert parts_of(message, field) == field
                for component in (1, 2, 9):
                    message.value(segment, number, component)


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\n|^~\\&"), max_size=40),
    st.sampled_from(["GBK", "UTF-8"]),
)
def test_a_character_is_never_split_whatever_its_bytes(text, charset):
    codec = {"GBK": "gb18030", "UTF-8": "utf-8"}[charset]
    message = decode(f"{HEAD}{charset}\rZZZ|{text}^b|c\r".encode(codec))
    segment = message.first(b"ZZZ")

    assert message.value(segment, 1) == text
    assert (message.value(segment, 1, 2), message.value(segment, 2)) == ("b", "c")


@pytest.mark.parametrize("name", ["GB 18030-2000", "GB18030", "gbk", "GB2312", "CP936"])
def test_second_bytes_that_look_like_delimiters_are_text_in_every_gb_name(name):
    raw = f"{HEAD}{name}\rPID|1||{WIDE}\r".encode("gb18030")
    assert {b"|"[0], b"^"[0], b"~"[0], b"\\"[0]} & set(WIDE.encode("gb18030"))
    message = decode(raw)

    assert message.value(message.first(b"PID"), 3) == WIDE
    assert message.encode() == raw


def test_chinese_before_msh_18_does_not_hide_it():
    message = decode(f"MSH|^~\\&|{WIDE}|{WIDE}|Y||||ADT^A04|C1|P|2.4||||||GBK\r".encode("gb18030"))

    assert message.codec == "gb18030"
    assert message.value(message.first(b"MSH"), 4) == WIDE
    assert message.value(message.first(b"MSH"), 10) == "C1"


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("", "gb18030"), ("UNICODE", "utf-8"), ("UNICODE UTF-8", "utf-8"), ("utf-8", "utf-8"), ("UTF8", "utf-8"),
        ("GB 18030-2000", "gb18030"), ("ASCII", "utf-8"), ("8859/1", "latin-1"), ("UNICODE UTF-16", None), ("KLINGON", None),
    ],
)  # fmt: skip
def test_msh_18_is_read_as_sites_write_it_and_the_default_is_the_links(name, codec):
    assert decode(f"{HEAD}{name}\r".encode(), "gb18030").codec == codec


def test_text_in_another_charset_than_declared_is_told():
    assert decode(f"{HEAD}GBK\rPID|||张伟民\r".encode("gb18030")).readable()
    assert not decode(f"{HEAD}UTF-8\rPID|||张伟民\r".encode("gb18030")).readable()
    assert not decode(f"{HEAD}KLINGON\r".encode()).readable()


def test_a_message_with_its_own_delimiters_is_read():
    message = decode(b"MSH*:%$!*HIS\rMSA*AA*A$F$B*c:d%e\r")
    msa = message.first(b"MSA")

    assert message.marks == Marks(b"*", b":", b"%", b"$", b"!")
    assert message.value(msa, 2) == "A*B"
    assert (message.value(msa, 3, 2), message.repetitions(msa, 3)) == ("d", [b"c:d", b"e"])


def test_lf_cr_lf_and_a_byte_order_mark_are_read_too():
    for end in ("\r", "\n", "\r\n"):
        for before in ("", "\ufeff", "\r\n "):
            message = decode(f"{before}MSH|^~\\&|X{end}{end}MSA|AA|1{end}".encode())
            assert message.first(b"MSA") == (b"MSA", b"AA", b"1")
            assert len([body for body in message.pieces[1::2] if body]) == 2


def test_a_segment_is_found_by_its_whole_name():
    message = decode(b"MSH|^~\\&|X\rZZ1|a\rZZ|b\rZZ\r")

    assert message.first(b"ZZ") == (b"ZZ", b"b")
    assert message.first(b"Z") == ()


def test_hex_is_read_in_the_charset_of_the_message_and_unknown_escapes_stay():
    assert unescape(b"\\XD6D0\\", codec="gb18030") == "中"
    assert unescape(b"\\Q\\ \\X0\\ \\H\\bold\\N\\ \\.br\\") == "\\Q\\ \\X0\\ bold \n"


@pytest.mark.parametrize(
    "raw", [b"", b"MSH", b"MSH|", b"MSA|AA|1", b"MSHABCDEF", b"MSH|||||", b"MSH|^^\\&|X", b"MSH|^~\\&#$%|X", b"HELLO WORLD"]
)
def test_what_is_no_message_is_a_fault_that_quotes_nothing(raw):
    with pytest.raises(Fault) as caught:
        decode(raw)

    assert caught.value.code == "hl7.not_hl7"
    assert "HELLO" not in str(caught.value)


def test_segments_without_end_are_refused_before_they_cost_memory():
    with pytest.raises(Fault) as caught:
        decode(b"MSH|^~\\&|X" + b"\r" * (MAX_SEGMENTS + 1))

    assert caught.value.code == "hl7.too_long"


def test_five_thousand_repetitions_are_read():
    message = decode(f"{HEAD}\rPID|||{'~'.join(map(str, range(5000)))}\r".encode())

    assert len(message.repetitions(message.first(b"PID"), 3)) == 5000
