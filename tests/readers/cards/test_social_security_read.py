from __future__ import annotations

import datetime as dt

import attrs
import pytest

from middleware.domain.card import CardRead
from middleware.domain.fault import Fault
from readers.cards.social_security_read import CardContext, Reading, read_social_security_card
from simulators.card import PEOPLE, CardFaults, VirtualCard
from simulators.people import CardPerson

TODAY = dt.date(2026, 3, 2)
EMPLOYEE = PEOPLE["employee"]
READABLE = [key for key in PEOPLE if key not in {"expired", "third-generation"}]


def read(person: CardPerson = EMPLOYEE, faults: CardFaults | None = None, today: dt.date = TODAY) -> Reading:
    card = VirtualCard(person, faults)

    def exchange(command: bytes) -> bytes:
        answer = card.answer(command)
        assert answer is not None
        return answer

    return read_social_security_card(exchange, CardContext("reader 0", "00AA", today))


def fault(person: CardPerson = EMPLOYEE, faults: CardFaults | None = None, today: dt.date = TODAY) -> Fault:
    with pytest.raises(Fault) as caught:
        read(person, faults, today)
    shown = f"{caught.value} {caught.value.detail}"

    assert person.id_number not in shown
    assert person.name not in shown
    assert person.card_number not in shown
    return caught.value


def with_record(tag: int, value: str) -> CardFaults:
    raw = bytes.fromhex(value)
    return CardFaults(raw_records={tag: bytes((tag, len(raw))) + raw})


def check(person: CardPerson, card: CardRead) -> None:
    assert (person.name, person.id_number) == (card.name.reveal(), card.id_number.reveal())
    assert (person.card_number, person.card_id_code) == (card.card_number.reveal(), card.card_id_code.reveal())
    assert (person.sex, person.nation, person.birthplace) == (card.sex, card.nation, card.birthplace)
    assert (person.birth_date, person.issued_on, person.expires_on) == (
        card.birth_date,
        card.issued_on,
        card.expires_on,
    )
    assert (person.spec_version, person.region, person.card_class) == (
        card.spec_version,
        card.region_code,
        card.card_class,
    )
    assert (person.issuing_organisation, "00AA", "reader 0") == (
        card.issuing_organisation,
        card.atr_historical,
        card.reader,
    )


@pytest.mark.parametrize("key", READABLE)
@pytest.mark.parametrize(
    "faults",
    [
        CardFaults(),
        CardFaults(get_response=True),
        CardFaults(padding=0xFF),
        CardFaults(padding=0xA1),
        CardFaults(select_forms=(0x00,)),
        CardFaults(select_forms=(0x02,)),
    ],
    ids=["plain", "61xx", "FF-padding", "full-width-spaces", "select-0000", "select-0200"],
)
def test_everybody_is_read_whole_in_every_manner_of_card(key: str, faults: CardFaults) -> None:
    reading = read(PEOPLE[key], faults)

    check(PEOPLE[key], reading.card)
    assert reading.warnings == ()


@pytest.mark.parametrize("status", [0x6A82, 0x6A83, 0x6A88])
def test_a_second_generation_card_may_lack_the_name_extension(status: int) -> None:
    reading = read(EMPLOYEE, CardFaults(missing_tags=frozenset({0x4E}), missing_status=status))

    check(EMPLOYEE, reading.card)


@pytest.mark.parametrize(
    ("status", "code"), [(0x6700, "card.command_refused"), (0x6F00, "card.broken"), (0x6982, "card.access_denied")]
)
def test_any_other_word_for_the_name_extension_is_a_fault(status: int, code: str) -> None:
    found = fault(EMPLOYEE, CardFaults(missing_tags=frozenset({0x4E}), missing_status=status))

    assert (found.code, found.detail.startswith("SSSE/EF06 tag 4E")) == (code, True)


@pytest.mark.parametrize("tag", range(0x01, 0x0E))
def test_any_other_missing_item_is_a_fault_and_never_half_an_identity(tag: int) -> None:
    found = fault(EMPLOYEE, CardFaults(missing_tags=frozenset({tag})))

    assert (found.code, f"tag {tag:02X}" in found.detail) == ("card.not_found", True)


def test_a_name_cut_at_30_bytes_inside_a_character_is_malformed_without_its_extension() -> None:
    found = fault(PEOPLE["long-name"], CardFaults(missing_tags=frozenset({0x4E})))

    assert (found.code, found.detail) == ("card.malformed", "SSSE/EF06 tag 09 name: not GB18030")


def test_half_a_character_before_padding_is_not_completed_by_the_extension() -> None:
    """It made another name, which was read as whole: found by the simulator (hostile, seed 896)."""
    found = fault(PEOPLE["long-name"], CardFaults.broken_name())

    assert (found.code, found.detail) == ("card.malformed", "SSSE/EF06 tag 09 name: not GB18030")


@pytest.mark.parametrize(
    ("faults", "code", "detail"),
    [
        (CardFaults.not_bcd(0x0D), "card.malformed", "SSSE/EF06 tag 0D birth date: not BCD"),
        (CardFaults.not_bcd(0x06), "card.malformed", "SSSE/EF05 tag 06 expiry date: not BCD"),
        (CardFaults.broken_name(), "card.malformed", "SSSE/EF06 tag 09 name: not GB18030"),
        (CardFaults.wrong_length(0x08), "card.malformed", "SSSE/EF06 tag 08 social security number: length byte says 9, 1 bytes follow"),
        (with_record(0x0A, "3131"), "card.malformed", "SSSE/EF06 tag 0A sex: 2 bytes, not 1"),
        (CardFaults(raw_records={0x0A: b"\x0a\x05\x31"}), "card.malformed", "SSSE/EF06 tag 0A sex: length byte says 5, 1 bytes follow"),
        (CardFaults(raw_records={0x0A: b"\x0b\x01\x31"}), "card.malformed", "SSSE/EF06 tag 0A sex: record has tag 0B"),
        (with_record(0x0A, "37"), "card.malformed", "SSSE/EF06 tag 0A sex: not a code of GB/T 2261.1"),
        (with_record(0x0B, "AA"), "card.malformed", "SSSE/EF06 tag 0B nation: not BCD"),
        (with_record(0x03, "392E3030"), "card.malformed", "SSSE/EF05 tag 03 spec version: no known generation"),
        (with_record(0x06, "20170101"), "card.malformed", "SSSE/EF05 tag 06 expiry date: before the issue date"),
        (with_record(0x07, "413130303030303100"), "card.malformed", "SSSE/EF05 tag 07 card number: 8 characters, not 9"),
        (with_record(0x01, "AB" * 16), "card.malformed", "SSSE/EF05 tag 01 card identification code: the region is not six digits"),
        (with_record(0x08, "39" * 18), "card.id_number", "SSSE/EF06 tag 08 social security number: the check character of the id number is wrong (GB 11643)"),
        (CardFaults(status_at={1: 0x6A82}), "card.unsupported", "SSSE: status 6A82"),
        (CardFaults(status_at={1: 0x6E00}), "card.unsupported", "SSSE: status 6E00"),
        (CardFaults(status_at={1: 0x6283}), "card.locked", "SSSE: status 6283 (所选应用已锁定 / selected application deactivated)"),
        (CardFaults(status_at={1: 0x6A81}), "card.command_refused", "SSSE: status 6A81 (不支持此功能或卡已锁定 / function not supported, or card blocked)"),
        (CardFaults(status_at={2: 0x6983}), "card.locked", "SSSE/EF05 select: status 6983 (认证方式已锁定 / authentication method locked)"),
        (CardFaults(status_at={3: 0x6F00}), "card.broken", "SSSE/EF05 tag 01 card identification code: status 6F00 (卡内部错误 / internal error of the card)"),
        (CardFaults(select_forms=()), "card.command_refused", "SSSE/EF05 select: status 6A86 (P1 P2 错误 / wrong P1 P2)"),
    ],
)  # fmt: skip
def test_a_bad_card_is_refused_with_file_and_item_named(faults: CardFaults, code: str, detail: str) -> None:
    found = fault(EMPLOYEE, faults)

    assert (code, detail) == (found.code, found.detail)


def test_a_third_generation_card_needs_authentication() -> None:
    assert fault(PEOPLE["third-generation"]).code == "card.needs_authentication"


def test_an_expired_card_is_refused() -> None:
    assert fault(PEOPLE["expired"]).code == "card.expired"


@pytest.mark.parametrize(
    ("today", "code"),
    [
        (EMPLOYEE.issued_on - dt.timedelta(1), "card.not_yet_valid"),
        (EMPLOYEE.issued_on, None),
        (EMPLOYEE.expires_on, None),
        (EMPLOYEE.expires_on + dt.timedelta(1), "card.expired"),
    ],
)
def test_a_card_is_good_from_its_issue_date_to_its_expiry_date_both_included(today: dt.date, code: str | None) -> None:
    if code is None:
        check(EMPLOYEE, read(EMPLOYEE, today=today).card)
    else:
        assert code == fault(EMPLOYEE, today=today).code


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({"card_number": "A10000010"}, "card_number_check_character"),
        ({"birth_date": dt.date(1974, 5, 13)}, "birth_date_differs_from_id_number"),
        ({"sex": "2"}, "sex_differs_from_id_number"),
    ],
)
def test_what_is_odd_but_no_reason_to_refuse_is_a_warning(change: dict[str, object], warning: str) -> None:
    reading = read(attrs.evolve(EMPLOYEE, **change))

    assert (warning,) == reading.warnings


def test_holder_data_is_not_touched_before_version_and_validity_are_known() -> None:
    card = VirtualCard(PEOPLE["expired"])
    asked: list[bytes] = []

    def exchange(command: bytes) -> bytes:
        asked.append(command)
        return card.answer(command) or b""

    with pytest.raises(Fault):
        read_social_security_card(exchange, CardContext("r", "", TODAY))

    assert not any(command.endswith(b"\xef\x06") for command in asked)
    assert len(asked) == 9


@pytest.mark.parametrize("at", range(1, 18))
@pytest.mark.parametrize("code", ["card.withdrawn", "reader.service_down"])
def test_a_card_lost_at_any_exchange_gives_that_fault_and_nothing_else(at: int, code: str) -> None:
    card = VirtualCard(EMPLOYEE)

    def exchange(command: bytes) -> bytes:
        if card.exchanges + 1 == at:
            raise Fault(code)
        return card.answer(command) or b""

    with pytest.raises(Fault) as caught:
        read_social_security_card(exchange, CardContext("r", "", TODAY))

    assert code == caught.value.code
