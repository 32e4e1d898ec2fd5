"""One generic test for every declared card file: each item's own vectors, both ways."""

from __future__ import annotations

import datetime as dt

import pytest

from readers.cards import social_security as ss
from readers.cards.declaration import CardFile, Encoding, Environment, Generation, Item, Vector
from readers.cards.encoding import Malformed, decode, encode

ENVIRONMENTS: tuple[Environment, ...] = ss.ENVIRONMENTS
FILES = [file for environment in ENVIRONMENTS for file in environment.files]
ITEMS = [pytest.param(file, item, id=f"{file.path}-{item.tag:02X}") for file in FILES for item in file.items]
VECTORS = [
    pytest.param(item, vector, id=f"{file.path}-{item.tag:02X}-{number}")
    for file in FILES
    for item in file.items
    for number, vector in enumerate(item.vectors)
]


@pytest.mark.parametrize(("item", "vector"), VECTORS)
def test_every_vector_decodes_to_its_text_or_is_refused(item: Item, vector: Vector) -> None:
    raw = bytes.fromhex(vector.raw)
    if vector.malformed:
        with pytest.raises(Malformed):
            decode(item, raw)
    else:
        assert vector.text == decode(item, raw)


@pytest.mark.parametrize(("item", "vector"), VECTORS)
def test_every_two_way_vector_encodes_to_its_bytes(item: Item, vector: Vector) -> None:
    if vector.malformed:
        with pytest.raises(Malformed):
            encode(item, vector.text)
        return
    encoded = encode(item, vector.text)

    assert (encoded == bytes.fromhex(vector.raw)) is not vector.one_way


@pytest.mark.parametrize(("file", "item"), ITEMS)
def test_every_item_carries_a_readable_vector_and_is_declared_soundly(file: CardFile, item: Item) -> None:
    assert any(not vector.malformed for vector in item.vectors)
    assert item is file.item(item.tag)
    assert item.zh
    assert item.source
    assert item.width + 2 == item.le
    assert item.encoding is not Encoding.BCD_DATE or item.width == 4
    assert all(generation >= item.since for generation in item.may_be_missing)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_every_file_says_how_each_generation_guards_it(file: CardFile) -> None:
    assert set(Generation) == set(file.access)
    assert len(file.items) == len({item.tag for item in file.items})
    with pytest.raises(KeyError):
        file.item(0xEE)


def test_the_environment_has_the_name_of_the_standard() -> None:
    assert ss.SSSE.name.hex().upper() == "7378312E73682EC9E7BBE1B1A3D5CF"


def test_widths_are_those_of_the_reference() -> None:
    le = {item.tag: item.le for file in FILES for item in file.items}

    assert le == {
        0x01: 0x12, 0x02: 0x03, 0x03: 0x06, 0x04: 0x0E, 0x05: 0x06, 0x06: 0x06, 0x07: 0x0B,
        0x08: 0x14, 0x09: 0x20, 0x4E: 0x16, 0x0A: 0x03, 0x0B: 0x03, 0x0C: 0x05, 0x0D: 0x06,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("first8", "expected"), [("A1000001", "5"), ("A1000004", "X"), ("a-b", ""), ("１２３４５６７８", "")]
)
def test_check_character_of_a_card_number(first8: str, expected: str) -> None:
    assert expected == ss.number_check_character(first8)


def test_a_date_item_gives_an_iso_date() -> None:
    text = decode(ss.EF05.item(ss.ISSUED_ON), bytes.fromhex("20180301"))

    assert dt.date(2018, 3, 1) == dt.date.fromisoformat(text)
