"""ISO 8583 bytes: every value comes back, no value becomes another field, no bytes raise anything but our own error."""

from __future__ import annotations

import iso8583
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bank.iso8583.frame import BadMessageError, Coding, Framer, Message, pack, unpack, wrap
from adapters.bank.iso8583.mac import MacKey
from adapters.bank.iso8583.tables import CODES, FIELDS, Kind
from middleware.domain.fault import Fault
from simulators.bank import wire

BCD, ASCII = Coding(), Coding(bcd=False)
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
DIGITS, LETTERS = "0123456789", "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def values(row):
    """Values that this field can hold."""
    if row.kind is Kind.B:
        return st.binary(min_size=row.length, max_size=row.length)
    alphabet = {Kind.N: DIGITS, Kind.Z: DIGITS + "=", Kind.AN: LETTERS}.get(row.kind)
    if alphabet is None:
        text = st.text(st.sampled_from("aZ09 张伟医院|^=\\&'\"<>𠮷é"), max_size=8)
        return text.map(lambda value: value.rstrip(" ")).filter(lambda value: len(value.encode("gb18030")) <= row.length)
    return st.text(alphabet, min_size=0 if row.prefix else row.length, max_size=row.length)


codings = st.sampled_from([BCD, ASCII])
messages = st.builds(
    Message,
    mti=st.text(DIGITS, min_size=4, max_size=4),
    fields=st.fixed_dictionaries({}, optional={number: values(row) for number, row in FIELDS.items()}),
)


@given(coding=codings, message=messages)
def test_invariant_28_every_message_comes_back_as_it_was(coding, message):
    assert unpack(pack(message, coding), coding) == message


@given(message=messages)
def test_another_implementation_reads_the_same_fields(message):
    decoded = wire.decode(pack(message, BCD))

    assert decoded.pop("t") == message.mti
    decoded.pop("p")
    read = {int(number): value for number, value in decoded.items() if number.isdecimal()}
    assert set(read) == set(message.fields)
    for number, value in message.fields.items():
        if FIELDS[number].kind in {Kind.N, Kind.AN}:
            assert read[number] == value
        if FIELDS[number].kind is Kind.B:
            assert bytes.fromhex(read[number]) == value


@given(message=messages)
def test_what_another_implementation_writes_we_read(message):
    plain = {n: v for n, v in message.fields.items() if FIELDS[n].kind in {Kind.N, Kind.AN}}
    theirs, _ = iso8583.encode({"t": message.mti, **{str(n): v for n, v in plain.items()}}, wire.SPEC)

    assert unpack(bytes(theirs), BCD) == Message(message.mti, plain)


@given(coding=codings, body=st.binary(max_size=200))
def test_invariant_29_no_bytes_whatever_raise_anything_but_our_own_error(coding, body):
    try:
        message = unpack(body, coding)
    except BadMessageError:
        return
    assert set(message.fields) <= set(FIELDS)


@given(message=messages, cut=st.integers(1, 40))
def test_a_message_that_was_cut_or_has_a_tail_is_none(message, cut):
    body = pack(message, BCD)

    with pytest.raises(BadMessageError):
        unpack(body[:-cut] if cut < len(body) else b"", BCD)
    with pytest.raises(BadMessageError):
        unpack(body + bytes(cut), BCD)


@pytest.mark.parametrize(
    ("number", "value"),
    [
        (2, "62299900000000171234"), (3, "00000"), (4, "12 4"), (11, "1234567"), (11, "１２３４５６"), (37, "12345678901\n"),
        (35, "6299=30D12X"), (41, "终端终端终端"), (43, "x" * 41), (43, "a\x00b"), (43, "a\u2028b"), (43, "\ud800"),
        (64, b"1234567"), (64, "12345678"), (3, b"000000"), (99, "1"),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_its_field_is_refused_and_never_named(number, value):
    with pytest.raises(Fault) as caught:
        pack(Message("0100", {number: value}), BCD)

    assert caught.value.code == "payment.field"
    assert str(number) in caught.value.detail
    assert str(value) not in str(caught.value) or number == 99


@given(parts=st.lists(st.binary(min_size=1, max_size=60), max_size=5), size=st.integers(1, 7))
def test_messages_are_found_however_the_bytes_are_cut(parts, size):
    stream = b"".join(wrap(part, BCD) for part in parts)
    framer = Framer(0)

    found = [body for at in range(0, len(stream), size) for body in framer.feed(stream[at : at + size])]

    assert found == parts


@pytest.mark.parametrize("data", [b"\xff\xff", b"\x00\x00", b"\x00\x05\x60", b"\x00\x07\x01234567"])
def test_a_length_or_head_that_no_message_has_ends_the_line(data):
    with pytest.raises(BadMessageError):
        Framer(0).feed(data)


@given(algorithm=st.sampled_from(["x9.19", "sm4-cbc", "sm4-cmac"]), data=st.binary(min_size=1, max_size=100))
def test_two_implementations_make_the_same_mac(algorithm, data):
    mac = MacKey(algorithm, KEY).of(data)

    assert mac == wire.mac_of(algorithm, KEY, data)
    assert len(mac) == 8


def test_the_retail_mac_is_that_of_a_published_vector():
    # ISO/IEC 9797-1, algorithm 3, padding method 1, DES: "Now is the time for all " under this key pair.
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")

    assert MacKey("x9.19", key).of(b"Now is the time for all ").hex() == "a1c72e74ea3fa9b6"


def test_neither_a_key_nor_a_card_shows_itself():
    assert "0123" not in repr(MacKey("sm4-cbc", KEY))
    assert "6299" not in repr(Message("0100", {2: "6299990000000017"}))
    for code in CODES.values():
        assert code.zh
        assert code.en
