"""One generic test for every declared card file: each item's own vectors, both ways."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from readers.cards import social_security as ss
from readers.cards.catalogue import ALL_BALANCES, EVERY_ENVIRONMENT, SOCIAL_SECURITY
from readers.cards.declaration import Access, Balance, CardFile, Encoding, Environment, Generation, Item, Structure, Vector
from readers.cards.encoding import Malformed, decode, encode

ENVIRONMENTS: tuple[Environment, ...] = EVERY_ENVIRONMENT
FILES = [file for environment in ENVIRONMENTS for file in environment.files]
OF_BALANCES = [item for balance in ALL_BALANCES for item in balance.items]
ITEMS = [pytest.param(file, item, id=f"{file.path}-{item.tag:02X}") for file in FILES for item in file.every_item()]
VECTORS = [
    pytest.param(item, vector, id=f"{path}-{item.tag:02X}-{number}")
    for path, items in [*((file.path, file.every_item()) for file in FILES), ("balance", OF_BALANCES)]
    for item in items
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
    assert item.tag in range(0x10000 if file.structure is Structure.OBJECTS else 0x100)
    assert item.least <= item.width <= 255
    assert item.never_shown is (item.encoding is Encoding.ACCOUNT)
    assert item in file.every_item()
    assert item.zh
    assert item.source
    assert item.width + 2 == item.le
    assert item.encoding is not Encoding.BCD_DATE or item.width == 4
    assert all(generation >= item.since for generation in item.may_be_missing)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_every_file_says_how_each_generation_guards_it(file: CardFile) -> None:
    assert set(Generation) == set(file.access)
    assert len(file.items) == len({item.tag for item in file.items})
    assert file.generations <= set(file.access)
    assert all(group.le <= 256 for group in file.groups)
    for item in file.items:
        assert item is file.item(item.tag)
    with pytest.raises(KeyError):
        file.item(0xEE)


def test_the_environment_has_the_name_of_the_standard() -> None:
    assert ss.SSSE.name.hex().upper() == "7378312E73682EC9E7BBE1B1A3D5CF"


def test_widths_are_those_of_the_reference() -> None:
    le = {item.tag: item.le for file in ss.SSSE.files for item in file.items}

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


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.label)
@pytest.mark.parametrize("generation", Generation)
def test_no_two_files_of_a_generation_share_a_path(environment: Environment, generation: Generation) -> None:
    paths = [file.path for file in environment.files_of(generation)]

    assert len(paths) == len(set(paths))
    assert all(path.startswith(environment.label) for path in paths)


def test_applications_have_the_names_of_the_standard() -> None:
    assert [environment.name.hex().upper() for environment in SOCIAL_SECURITY[1:]] == [
        "D15600000500", "D15600000501", "D15600000502", "D15600000503",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "generation", "access"),
    [
        ("SSSE/EF05", Generation.THIRD, Access.FREE),
        ("SSSE/EF06", Generation.FIRST, Access.FREE),
        ("SSSE/EF06", Generation.SECOND, Access.FREE),
        ("SSSE/EF06", Generation.THIRD, Access.RKSSSE),
        ("SSSE/EF08", Generation.SECOND, Access.RKSSSE),
        ("DF01/EF16", Generation.SECOND, Access.FREE),
        ("DF01/EF06", Generation.SECOND, Access.KEY_OR_PIN),
        ("DF04/EF05", Generation.FIRST, Access.KEY_OR_PIN),
        ("DF04/EF06", Generation.THIRD, Access.KEY_AND_PIN),
        ("DF04/1F", Generation.SECOND, Access.NEVER),
    ],
)
def test_access_rules_are_those_of_the_reference(path: str, generation: Generation, access: Access) -> None:
    (file,) = [file for file in FILES if file.path == path and generation in file.generations]

    assert access is file.access[generation]


@pytest.mark.parametrize(
    ("path", "tag", "le"),
    [("DF02/EF05", 0x43, 2 + 0x6C), ("DF02/EF05", 0x44, 2 + 0x65), ("DF01/EF15", 0x40, 2 + 0x34),
     ("DF02/EF15", 0x99, 2 + 0x10), ("DF03/EF06", 0x4A, 2 + 0x61), ("DF03/EF19", 0x79, 2 + 0x27)],
)  # fmt: skip
def test_a_repeated_record_is_as_long_as_the_published_table_says(path: str, tag: int, le: int) -> None:
    (group,) = [group for file in FILES if file.path == path for group in file.groups if group.tag == tag]

    assert le == group.le


@pytest.mark.parametrize(
    ("code", "parts"),
    [
        ("9999000000000000000000115A1C7E01", ("999900", "000000000000000011", "5A1C7E01")),
        ("ABCDEF00000000000000001" + "1" * 9, None),
        ("999900", None),
        ("9999000000000000000000115A1C7E0g", None),
        ("９" * 32, None),
    ],
)
def test_a_card_identification_code_has_region_serial_and_mac(code: str, parts: tuple[str, str, str] | None) -> None:
    if parts is None:
        with pytest.raises(ValueError, match="card identification code") as caught:
            ss.IdentificationCode.parse(code)
        assert code not in str(caught.value)
        return
    code_parts = ss.IdentificationCode.parse(code)

    assert parts == (code_parts.region, code_parts.serial, code_parts.mac)
    assert (code_parts.covered.hex().upper(), code_parts.proof.hex().upper()) == (code[:24], code[24:])
    assert code not in repr(code_parts)


@given(st.one_of(st.text(max_size=40), st.text("0123456789ABCDEF", min_size=32, max_size=32)))
def test_no_text_makes_an_identification_code_raise_anything_but_value_error(text: str) -> None:
    try:
        parts = ss.IdentificationCode.parse(text)
    except ValueError:
        return

    assert text == parts.region + parts.serial + parts.mac


@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda environment: environment.label)
def test_every_application_can_be_selected_and_says_where_its_facts_are_from(environment: Environment) -> None:
    assert bool(environment.name) is not bool(environment.identifiers)
    assert environment.source
    assert all(5 <= len(name) <= 16 for name in (environment.name, *environment.also) if name)
    assert all(0x0100 <= identifier <= 0xFFFF for identifier in environment.identifiers)


@pytest.mark.parametrize("file", [file for file in FILES if file.by_short_id], ids=lambda file: file.path)
def test_a_short_identifier_is_one_that_read_record_can_say(file: CardFile) -> None:
    assert (file.file_id in range(1, 31), file.records > 0) == (True, True)


@pytest.mark.parametrize("balance", ALL_BALANCES, ids=lambda balance: balance.path)
def test_every_account_has_a_command_and_the_length_of_its_items(balance: Balance) -> None:
    assert len(balance.command) == 4
    assert balance.path.split("/")[1] in balance.command.hex().upper()
    assert balance.le == sum(item.width for item in balance.items)
    assert (balance.command[:2] == b"\x80\xca") is bool(balance.tag)
    assert not balance.tag or balance.tag == int.from_bytes(balance.command[2:], "big")


def test_a_third_account_is_known_by_name_only_and_says_so() -> None:
    (third,) = [balance for balance in ALL_BALANCES if not balance.items]

    assert (third.command.hex().upper(), "not published" in third.en, "未公开" in third.zh) == ("B0260003", True, True)


@pytest.mark.parametrize(
    ("command", "tag"), [("80CA9F79", 0x9F79), ("80CA9F77", 0x9F77), ("80CA9F78", 0x9F78), ("80CA9F6D", 0x9F6D),
                         ("80CA9F5D", 0x9F5D), ("80CA9F36", 0x9F36), ("805C0002", 0), ("B0260001", 0), ("B0260002", 0)],
)  # fmt: skip
def test_the_accounts_of_the_reference_are_declared(command: str, tag: int) -> None:
    assert [balance.tag for balance in ALL_BALANCES if balance.command.hex().upper() == command] == [tag]
