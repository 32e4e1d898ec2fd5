"""Which card it is: from declarations alone, in a configurable order, saying why."""

from __future__ import annotations

import datetime as dt

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.fault import Fault
from readers.apdu import Exchange
from readers.atr import historical_bytes
from readers.cards.detect import Detection, detect, unreadable
from readers.cards.kinds import DEFAULT_ORDER, KINDS, by_key
from readers.cards.social_security_read import CardContext, in_order, read_social_security_card
from readers.pcsc.options import PcscOptions
from readers.status_words import OF_AN_ITEM
from simulators.card import OTHERS, PEOPLE, CardFaults, VirtualCard, other_card
from simulators.card.plastic import Plastic

TODAY = dt.date(2026, 3, 2)


def over(card: Plastic, sent: list[bytes] | None = None) -> Exchange:
    def exchange(command: bytes) -> bytes:
        if sent is not None:
            sent.append(command)
        answer = card.answer(command)
        assert answer is not None
        return answer

    return exchange


def found(card: Plastic, order: tuple[str, ...] = DEFAULT_ORDER) -> Detection:
    return detect(over(card), historical_bytes(card.atr), order)


def context(card: Plastic) -> CardContext:
    return CardContext("reader 0", historical_bytes(card.atr).hex().upper(), TODAY)


@pytest.mark.parametrize("version", ["1.00", "2.00", "2.01", "3.00"])
def test_a_social_security_card_of_any_generation_is_known_by_its_environment(version: str) -> None:
    card = VirtualCard(attrs.evolve(PEOPLE["employee"], spec_version=version))
    detection = found(card)

    assert detection.kind is by_key("social-security-card")
    assert [str(reason) for reason in detection.reasons] == [
        "social-security-card is: SELECT 7378312E73682EC9E7BBE1B1A3D5CF -> 9000"
    ]
    assert detection.fci[:1] == b"\x6f"


@pytest.mark.parametrize("kind", sorted(OTHERS.keys() & set(DEFAULT_ORDER)))
def test_each_other_kind_is_told_apart_and_says_by_what(kind: str) -> None:
    detection = found(other_card(kind))

    assert detection.kind is by_key(kind)
    assert [reason.holds for reason in detection.reasons] == [False] * (len(detection.reasons) - 1) + [True]
    assert f"{kind} is: " in detection.why()


def test_a_card_of_no_declared_kind_says_what_was_tried() -> None:
    detection = found(other_card("unknown"))

    assert detection.kind is None
    assert len(detection.reasons) == sum(len(kind.probes) for kind in KINDS)
    assert "social-security-card is not: SELECT 7378312E73682EC9E7BBE1B1A3D5CF -> 6A82" in detection.why()
    assert unreadable(detection).code == "card.unsupported"


def test_the_order_decides_what_is_asked_first() -> None:
    sent: list[bytes] = []
    card = other_card("bank-card")
    detect(over(card, sent), historical_bytes(card.atr), ("mifare-classic", "bank-card", "social-security-card"))

    assert [command.hex().upper() for command in sent] == ["00A4040008A000000333010101"]


def test_historical_bytes_cost_no_exchange() -> None:
    sent: list[bytes] = []
    card = other_card("mifare-classic")
    detection = detect(over(card, sent), historical_bytes(card.atr), ("mifare-classic", "bank-card"))

    assert (sent, detection.kind) == ([], by_key("mifare-classic"))


@pytest.mark.parametrize(
    ("status", "code"), [(0x6283, "card.locked"), (0x6A81, "card.command_refused"), (0x6F00, "card.broken")]
)
def test_a_card_that_says_neither_yes_nor_no_is_not_taken_for_another_kind(status: int, code: str) -> None:
    with pytest.raises(Fault) as caught:
        found(VirtualCard(PEOPLE["employee"], CardFaults(status_at={1: status})))

    assert (caught.value.code, f"{status:04X}" in caught.value.detail) == (code, True)


def test_a_basic_read_costs_no_exchange_more_than_without_detection() -> None:
    plain: list[bytes] = []
    detected: list[bytes] = []
    card = VirtualCard(PEOPLE["employee"])
    first = read_social_security_card(over(card, plain), context(card))
    card.reset()
    second = in_order(DEFAULT_ORDER)(over(card, detected), context(card))

    assert plain == detected
    assert first == second


@pytest.mark.parametrize("kind", sorted(OTHERS.keys() & {kind for kind in DEFAULT_ORDER if not by_key(kind).readable}))
def test_a_read_of_another_kind_is_refused_by_its_name_with_what_to_do(kind: str) -> None:
    card = other_card(kind)
    with pytest.raises(Fault) as caught:
        in_order(DEFAULT_ORDER)(over(card), context(card))

    declared = by_key(kind)
    assert caught.value.code == "card.unsupported"
    assert caught.value.detail.startswith(f"{kind} ({declared.zh}): {declared.todo_zh} / {declared.todo_en}")


@pytest.mark.parametrize("kinds", [(), ("sim-card",), ("psam", "psam")])
def test_an_order_of_unknown_or_repeated_kinds_is_refused(kinds: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match="each once"):
        PcscOptions(kinds=kinds)


def test_a_kind_that_nothing_published_tells_apart_stands_in_no_order_and_says_why() -> None:
    unknown = [kind for kind in KINDS if not kind.probes]

    assert [str(kind.key) for kind in unknown] == ["citizen-card", "citizen-sub-card"]
    assert not {str(kind.key) for kind in unknown} & set(DEFAULT_ORDER)
    assert all(kind.known_zh and kind.known_en for kind in unknown)


def test_a_citizens_sub_card_is_taken_for_no_other_kind() -> None:
    assert found(other_card("citizen-sub-card")).kind is None


@given(st.binary(max_size=258), st.binary(max_size=15))
def test_no_answer_of_a_card_makes_detection_raise_anything_but_a_fault(answer: bytes, historical: bytes) -> None:
    code = ""
    try:
        detection = detect(lambda _: answer, historical)
    except Fault as fault:
        code = fault.code
    else:
        assert detection.kind is None or detection.reasons[-1].holds

    assert code in OF_AN_ITEM | {"", "card.malformed", "card.locked", "card.blocked"}
