from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.tlv import Record
from tests.readers.attempts import attempt

RECORDS = st.builds(Record, st.integers(0, 255), st.binary(max_size=255))


@given(RECORDS)
def test_every_record_decodes_to_itself(record: Record) -> None:
    assert record == Record.decode(record.encode())


@given(st.binary(max_size=300))
def test_any_bytes_are_one_exact_record_or_malformed(raw: bytes) -> None:
    record = attempt(lambda: Record.decode(raw, "here"))

    if isinstance(record, Fault):
        assert record.code == "card.malformed"
        assert record.detail.startswith("here: ")
    else:
        assert record.encode() == raw


def test_the_length_byte_is_binary_not_decimal() -> None:
    record = Record.decode(bytes((0x09, 0x1E)) + bytes(30))

    assert len(record.value) == 30


@pytest.mark.parametrize("raw", ["", "09", "090231", "0901313100", "6A83"])
def test_a_record_cut_short_or_too_long_is_malformed(raw: str) -> None:
    with pytest.raises(Fault) as caught:
        Record.decode(bytes.fromhex(raw))

    assert caught.value.code == "card.malformed"


def test_a_record_never_shows_its_value() -> None:
    assert repr(Record(8, b"999")) == "Record(tag=08, 3 bytes)"
