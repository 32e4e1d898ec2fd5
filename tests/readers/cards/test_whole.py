"""Every declared file of a card: read where its rule is granted, refused with what to do where not; never half understood."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.cards.catalogue import SOCIAL_SECURITY
from readers.cards.declaration import Access, Algorithm, Balance, CardFile, Environment, Generation, Structure
from readers.cards.finance import PBOC
from readers.cards.looking import WHAT_TO_DO, FileRead
from readers.cards.social_security_read import FREE_ONLY
from readers.cards.whole import WholeCard, read_whole
from readers.status_words import OF_AN_ITEM
from simulators.card import PEOPLE, CardFaults, VirtualCard

EVERYTHING = frozenset(Access) - {Access.NEVER}
VERSIONS = {"1.00": Generation.FIRST, "2.00": Generation.SECOND, "2.01": Generation.SECOND, "3.00": Generation.THIRD}


def exchange_of(version: str, faults: CardFaults | None = None, sent: list[bytes] | None = None) -> Exchange:
    card = VirtualCard(attrs.evolve(PEOPLE["employee"], spec_version=version), faults)

    def exchange(command: bytes) -> bytes:
        if sent is not None:
            sent.append(command)
        answer = card.answer(command)
        assert answer is not None
        return answer

    return exchange


def whole(version: str = "2.00", faults: CardFaults | None = None, granted: frozenset[Access] = FREE_ONLY) -> WholeCard:
    return read_whole(exchange_of(version, faults), granted)


def file_of(card: WholeCard, path: str) -> FileRead:
    (found,) = [found for found in card.files if found.file.path == path]
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("t0", [False, True], ids=["T=1", "61xx"])
def test_every_declared_item_of_a_generation_is_read_when_everything_is_granted(version: str, t0: bool) -> None:
    card = whole(version, CardFaults(granted=True, get_response=t0), EVERYTHING)

    assert (card.generation, card.version) == (VERSIONS[version], version)
    assert card.absent == (("PBOC", "EP") if version == "1.00" else ("EP",))
    declared = [
        one
        for environment in (*SOCIAL_SECURITY, *([PBOC] if version != "1.00" else []))
        for one in (*environment.files_of(VERSIONS[version]), *(kept for kept in environment.balances if kept.items))
    ]
    assert declared == [found.file for found in card.files]
    for found in card.files:
        if not isinstance(found.file, CardFile):
            assert isinstance(found.file, Balance)
            assert [item.vectors[0].text for item in found.file.items] == [value.text for value in found.values]
            continue
        if found.file.structure is Structure.INTERNAL:
            assert found.refused is Access.NEVER
        elif found.file.path.startswith("DF") and found.file.structure is Structure.TAGGED:
            texts = {value.where: value.text for value in found.values}
            for item in found.file.items:
                assert item.vectors[0].text == texts[found.file.where(item)]
            inner = [value.text for value in found.values if " record " in value.where]
            assert [
                item.vectors[0].text for group in found.file.groups for _ in range(group.count) for item in group.items
            ] == inner


def test_a_log_has_its_written_records_and_the_blank_ones_end_nothing() -> None:
    card = whole(faults=CardFaults(granted=True), granted=EVERYTHING)
    values = file_of(card, "DF04/EF08").values

    assert [value.text for value in values[:7]] == [
        "17",
        "1",
        "999900000001",
        "2013-06-30T12:30:59",
        "12.34",
        "0.05",
        "0.00",
    ]
    assert values[3].where == "DF04/EF08 field 04 time of the transaction record 1"
    assert [value.state for value in values[7:]] == ["blank"] * 7


@pytest.mark.parametrize("version", VERSIONS)
def test_without_keys_what_is_free_is_read_and_the_rest_is_not_even_asked_for(version: str) -> None:
    sent: list[bytes] = []
    card = read_whole(exchange_of(version, sent=sent))

    for found in card.files:
        assert not isinstance(found.file, Environment)
        rule = found.file.access if isinstance(found.file, Balance) else found.file.access[VERSIONS[version]]
        if rule is Access.FREE:
            assert (found.refused, found.fault) == (None, None)
        else:
            assert (found.refused, found.values) == (rule, ())
            assert all(WHAT_TO_DO[rule])
    opened = [command[5:7].hex().upper() for command in sent if command[:3] == b"\x00\xa4\x02"]
    free = [
        found.file.file_id
        for found in card.files
        if found.refused is None and isinstance(found.file, CardFile) and not found.file.by_short_id
    ]
    assert opened == ["EF05", *(f"{file_id:04X}" for file_id in free)]


@pytest.mark.parametrize(("version", "algorithm"), [("2.00", Algorithm.TDES), ("3.00", Algorithm.SM4)])
def test_the_cipher_of_the_keys_is_said(version: str, algorithm: Algorithm) -> None:
    assert algorithm is whole(version).algorithm


def test_an_application_that_the_card_lacks_is_said() -> None:
    card = whole(faults=CardFaults(missing_applications=frozenset({"DF02", "DF04"})))

    assert card.absent == ("DF02", "DF04", "EP")
    assert {found.file.path[:4] for found in card.files} == {"SSSE", "DF01", "DF03", "PBOC"}


def test_a_bad_item_is_a_fault_that_names_file_and_item_and_the_others_are_read() -> None:
    card = whole(faults=CardFaults.not_bcd(0x0D))
    values = {value.item.tag: value for value in file_of(card, "SSSE/EF06").values if value.item is not None}

    assert (values[0x0D].fault or Fault("system.internal")).detail == "SSSE/EF06 tag 0D birth date: not BCD"
    assert values[0x09].text == PEOPLE["employee"].name
    assert values[0x09].masked == "***"


@pytest.mark.parametrize(
    ("status", "code"),
    [(0x6283, "card.locked"), (0x9303, "card.blocked"), (0x6985, "card.access_denied"), (0x6F00, "card.broken")],
)
def test_an_application_that_does_not_open_is_said_and_hides_no_other(status: int, code: str) -> None:
    real = exchange_of("2.00")

    def exchange(command: bytes) -> bytes:
        return status.to_bytes(2, "big") if command.endswith(b"\xd1\x56\x00\x00\x05\x02") else real(command)

    card = read_whole(exchange)

    assert [(found.file.path, found.fault.code) for found in card.files if found.fault is not None] == [("DF03", code)]
    assert {"SSSE", "DF01", "DF02", "DF03", "DF04", "PBOC"} == {found.file.path.split("/")[0] for found in card.files}


def test_what_nobody_has_written_is_blank_and_no_fault() -> None:
    card = whole(faults=CardFaults(raw_records={0x0C: b"\x0c\x03\xff\xff\xff", 0x0B: b"\x0b\x01\x00"}))
    states = {value.item.tag: value.state for value in file_of(card, "SSSE/EF06").values if value.item is not None}

    assert (states[0x0C], states[0x0B], states[0x0A]) == ("blank", "blank", "read")


def test_nothing_personal_is_shown_before_a_person_asks_for_it() -> None:
    person = PEOPLE["employee"]
    card = whole(faults=CardFaults(granted=True), granted=EVERYTHING)
    shown = " ".join(f"{value.masked} {value!r}" for found in card.files for value in found.values)

    for secret in (person.name, person.id_number, person.card_number, person.card_id_code, "测试", "00000000002"):
        assert secret not in shown
    assert "2018-03-01" in shown


def test_the_nation_and_the_school_of_code_20_are_values_and_not_spaces() -> None:
    card = whole(faults=CardFaults(raw_records={0x0B: b"\x0b\x01\x20"}))
    values = {value.item.tag: value for value in file_of(card, "SSSE/EF06").values if value.item is not None}

    assert (values[0x0B].state, values[0x0B].text) == ("read", "20")


@pytest.mark.parametrize("code", ["card.withdrawn", "reader.gone", "card.mute"])
def test_a_card_lost_on_the_way_ends_the_read(code: str) -> None:
    real, count = exchange_of("2.00"), 0

    def exchange(command: bytes) -> bytes:
        nonlocal count
        count += 1
        if count == 20:
            raise Fault(code)
        return real(command)

    with pytest.raises(Fault) as caught:
        read_whole(exchange)

    assert code == caught.value.code


@given(st.data())
def test_no_bytes_in_any_record_of_any_file_raise_anything_but_a_fault(data: st.DataObject) -> None:
    version = data.draw(st.sampled_from(sorted(VERSIONS)))
    real = exchange_of(version, CardFaults(granted=True))
    at = data.draw(st.integers(1, 300))
    rubbish = data.draw(st.binary(max_size=258))
    count = 0

    def exchange(command: bytes) -> bytes:
        nonlocal count
        count += 1
        return rubbish if count == at else real(command)

    code = ""
    try:
        card = read_whole(exchange, EVERYTHING)
    except Fault as fault:
        code = fault.code
    else:
        for found in card.files:
            for fault in [found.fault, *(value.fault for value in found.values)]:
                assert fault is None or fault.detail.startswith(found.file.path)

    assert code in OF_AN_ITEM | {"", "card.malformed", "card.unsupported", "card.locked", "card.blocked"}
