"""The virtual card on its own: answers held against literal bytes, not against our reader's codec."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.card import PEOPLE, CardFaults, VirtualCard
from simulators.card.faults import WithdrawnError

SELECT = "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"


def talk(card: VirtualCard, *commands: str) -> list[str]:
    return [(card.answer(bytes.fromhex(command)) or b"").hex().upper() for command in commands]


def test_records_are_those_of_the_standard() -> None:
    card = VirtualCard(PEOPLE["employee"])
    answers = talk(
        card, SELECT, "00A4020002EF05", "00B2030006", "00B205000600"[:10], "00A4000002EF06", "00B2090020", "00B20D0006"
    )

    assert answers[1:] == [
        "9000",
        "0304322E30309000",
        "0504201803019000",
        "9000",
        "091ED5C5CEB0C3F1" + "00" * 24 + "9000",
        "0D04197405129000",
    ]


def test_a_long_name_goes_on_in_tag_4e() -> None:
    card = VirtualCard(PEOPLE["long-name"])
    first, second = talk(card, SELECT, "00A4020002EF06", "00B2090020", "00B24E0016")[2:]
    name = bytes.fromhex(first)[2:-2] + bytes.fromhex(second)[2:-2].rstrip(b"\x00")

    assert name.decode("gb18030") == PEOPLE["long-name"].name


@pytest.mark.parametrize(
    ("commands", "last"),
    [
        (["00A4020002EF05"], "6A82"),  # no environment selected
        ([SELECT, "00B2010012"], "6986"),
        ([SELECT, "00A4020002EF05", "00B2FF0012"], "6A83"),
        ([SELECT, "00A4020002EF05", "00B2010004"], "6C12"),
        ([SELECT, "00B2032800"], "0304322E30309000"),  # by short identifier, whole record
        (["80CA000000"], "6E00"),
        (["00FF0000"], "6D00"),
        (["00A40400023F00"], "6A82"),
        (["00C0000010"], "6985"),
        (["00"], "6700"),
    ],
)
def test_answers_to_commands_out_of_place(commands: list[str], last: str) -> None:
    assert talk(VirtualCard(PEOPLE["employee"]), *commands)[-1] == last


def test_the_t0_way_announces_with_61xx_and_insists_on_le() -> None:
    card = VirtualCard(PEOPLE["employee"], CardFaults(get_response=True))
    answers = talk(card, SELECT, "00C0000013", "00A4020002EF05", "00B2030000", "00B2030006")

    assert answers[0] == "6113"
    assert answers[1].endswith("7378312E73682EC9E7BBE1B1A3D5CF9000")
    assert answers[3:] == ["6C06", "0304322E30309000"]


def test_holder_data_of_a_third_generation_card_is_guarded() -> None:
    card = VirtualCard(PEOPLE["third-generation"])

    assert talk(card, SELECT, "00A4020002EF05", "00B2030006")[-1] == "0304332E30309000"
    assert talk(card, "00A4020002EF06", "00B2080014")[-1] == "6982"


def test_knobs_count_exchanges_from_each_power_on() -> None:
    card = VirtualCard(PEOPLE["employee"], CardFaults(status_at={1: 0x6F00}, silent_from=3))

    assert talk(card, SELECT, SELECT, SELECT)[::2] == ["6F00", ""]
    card.reset()
    assert talk(card, SELECT) == ["6F00"]


def test_a_card_can_take_itself_out() -> None:
    card = VirtualCard(PEOPLE["pulled"], CardFaults(withdraw_at=2))
    talk(card, SELECT)
    with pytest.raises(WithdrawnError):
        talk(card, SELECT)


@pytest.mark.parametrize("person", PEOPLE.values(), ids=list(PEOPLE))
def test_the_answer_to_reset_is_well_formed(person) -> None:
    t1, t0 = VirtualCard(person).atr, VirtualCard(person, CardFaults(get_response=True)).atr
    check = 0
    for byte in t1[1:]:
        check ^= byte

    assert check == 0
    assert t1[4:-1] == t0[4:] == bytes.fromhex("0081549999" + person.card_id_code[8:24])


@given(st.lists(st.binary(min_size=2, max_size=40), max_size=5))
def test_no_command_whatever_breaks_the_card(commands: list[bytes]) -> None:
    card = VirtualCard(PEOPLE["employee"])
    for command in commands:
        answer = card.answer(command)

        assert answer is not None
        assert len(answer) >= 2
