"""``run.py card list|read`` on every simulated kind of card through a real pcscd."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import attrs
import pytest
from click.testing import CliRunner, Result

from daemon import card_command
from daemon.cli import main
from middleware.domain.fault import Fault
from readers.cards.kinds import DEFAULT_ORDER, by_key
from readers.cards.whole import LOOKS
from readers.pcsc.api import PcscContext, load_scard
from simulators.card import OTHERS, PEOPLE, BankCard, CardFaults, VirtualCard, VpcdSlot, other_card
from simulators.card.bank import ACCOUNT
from simulators.card.plastic import Plastic
from simulators.pcscd import Pcscd, Slot

pytestmark = pytest.mark.pcsc
PERSON = PEOPLE["employee"]
_TURN = itertools.count()


@pytest.fixture
def slot(pcscd: Pcscd) -> Iterator[tuple[Slot, VpcdSlot]]:
    """One of the slots, in turn: a slot that was emptied a moment ago must rest before it takes the next card."""
    chosen = pcscd.slots[next(_TURN) % len(pcscd.slots)]
    virtual = VpcdSlot(port=chosen.port)
    yield chosen, virtual
    virtual.close()
    _wait(chosen.reader, present=False)


def _wait(reader: str, *, present: bool) -> None:
    context = PcscContext(load_scard)
    raw, deadline = 0, time.monotonic() + 10
    while time.monotonic() < deadline:
        state = context.wait({reader: raw}, 1000, hotplug=False)[reader]
        if state.present is present:
            context.release()
            return
        raw = state.raw
    raise TimeoutError(reader)


def _wait_for(reader: str, card: Plastic) -> None:
    """Until pcscd has this very card in the reader, whatever was there before."""
    context = PcscContext(load_scard)
    raw, deadline = 0, time.monotonic() + 10
    while time.monotonic() < deadline:
        state = context.wait({reader: raw}, 1000, hotplug=False)[reader]
        if state.present and state.atr == card.atr:
            context.release()
            return
        raw = state.raw
    raise TimeoutError(reader)


def run(slot: tuple[Slot, VpcdSlot], card: Plastic, *words: str) -> Result:
    slot[1].insert(card)
    _wait(slot[0].reader, present=True)
    return CliRunner().invoke(main, ["card", *words])


def of_version(version: str, faults: CardFaults | None = None) -> VirtualCard:
    return VirtualCard(attrs.evolve(PERSON, spec_version=version), faults)


@pytest.mark.parametrize("version", ["1.00", "2.00", "2.01", "3.00"])
def test_each_generation_is_read_and_masked(slot: tuple[Slot, VpcdSlot], version: str) -> None:
    result = run(slot, of_version(version), "read", "--reader", slot[0].reader)

    assert (result.exit_code, result.stderr) == (0, "")
    assert f"{slot[0].reader}: 社会保障卡 / social-security card" in result.stdout
    assert f"规范版本 / spec version {version}，" in result.stdout
    assert "05 发卡日期 / issue date: 2018-03-01" in result.stdout
    assert "07 卡号 / card number: ******015" in result.stdout
    assert (
        "DF04/EF06 医疗保险临时脱网结算信息 / offline settlement: 须用 PSAM 或加密机认证读密钥，并由持卡人输入 PIN"
        in result.stdout
    )
    if version == "3.00":
        assert (
            "SSSE/EF06 持卡人基本数据 / holder data: 须用 PSAM 或加密机做外部认证（RKSSSE） / needs external authentication"
            in result.stdout
        )
    else:
        assert "08 社会保障号码 / social security number: 999999************" in result.stdout
        assert "09 姓名 / name: 张**" in result.stdout
    for secret in (PERSON.name, PERSON.id_number, PERSON.card_number, PERSON.card_id_code):
        assert secret not in result.output


def test_personal_data_is_shown_to_whoever_asks_for_it(slot: tuple[Slot, VpcdSlot]) -> None:
    result = run(slot, of_version("2.00"), "read", "--reader", slot[0].reader, "--reveal")

    assert f"09 姓名 / name: {PERSON.name}" in result.stdout
    assert f"08 社会保障号码 / social security number: {PERSON.id_number}" in result.stdout


@pytest.mark.parametrize("kind", sorted(OTHERS.keys() - {kind.value for kind in LOOKS}))
def test_a_kind_that_nothing_is_read_of_is_named_and_refused_with_what_to_do(
    slot: tuple[Slot, VpcdSlot], kind: str
) -> None:
    result = run(slot, other_card(kind), "read", "--reader", slot[0].reader)

    assert result.exit_code == 1
    assert "card.unsupported" in result.stderr
    if kind in DEFAULT_ORDER:
        assert f"{by_key(kind).zh} / {by_key(kind).en}" in result.stdout
        assert by_key(kind).todo_en in result.stderr
    else:
        assert "未知的卡 / a card of no declared kind" in result.stdout


@pytest.mark.parametrize(
    "card", [BankCard(), BankCard(contactless=True, account_file=0x03)], ids=["contact", "contactless"]
)
def test_a_bank_card_shows_its_balances_and_its_number_to_nobody(slot: tuple[Slot, VpcdSlot], card: BankCard) -> None:
    result = run(slot, card, "read", "--reader", slot[0].reader, "--reveal")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "银行卡（或卡的金融应用） / bank card, or a card's financial side" in result.stdout
    assert "5A 银行卡号 / account number (PAN): 621000******3210" in result.stdout
    assert "PBOC/CA9F79 电子现金余额 / e-cash balance\n    01 金额 / amount: 12.34" in result.stdout
    assert "EP/805C0002 电子钱包余额 / e-purse balance\n    01 余额 / balance: 12.34" in result.stdout
    assert "1: 03 交易金额 / amount: 5.00" in result.stdout
    for secret in (ACCOUNT, ACCOUNT[6:], "TEST/CARD"):
        assert secret not in result.output


def test_a_health_card_shows_its_issuer_and_says_what_its_holder_needs(slot: tuple[Slot, VpcdSlot]) -> None:
    result = run(slot, other_card("health-card"), "read", "--reader", slot[0].reader)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "居民健康卡 / resident health card" in result.stdout
    assert "06 发卡时间 / issued on: 2018-03-01" in result.stdout
    assert "08 卡号（与居民身份证号一致） / card number, which is the citizen id number: ************" in result.stdout
    assert "DDF1/EF06 持卡人基本信息 / holder data: 须用 PSAM 或加密机认证读密钥 / needs the read key" in result.stdout
    assert "DDF1/DF02/EF07 过敏基本数据 / allergies, newest first: 须用 PSAM 或加密机认证读密钥" in result.stdout
    assert PERSON.id_number not in result.output


@pytest.mark.parametrize("contactless", [False, True], ids=["contact", "contactless"])
def test_a_citizens_main_card_shows_both_its_sides(slot: tuple[Slot, VpcdSlot], contactless: bool) -> None:
    result = run(slot, VirtualCard(PERSON, contactless=contactless), "read", "--reader", slot[0].reader)

    assert (result.exit_code, result.stderr) == (0, "")
    assert "07 卡号 / card number: ******015" in result.stdout
    assert "DF04/B0260001 个人账户余额（CIA） / balance of the individual account (CIA): 须持卡人输入 PIN" in result.stdout
    assert "5A 银行卡号 / account number (PAN): 621000******3210" in result.stdout


def test_a_card_swapped_in_the_middle_ends_the_look_and_the_other_one_is_read_next(slot: tuple[Slot, VpcdSlot]) -> None:
    other = VirtualCard(PEOPLE["resident"])
    result = run(slot, of_version("2.00", CardFaults(swap_at=8, swap_for=other)), "read", "--reader", slot[0].reader)

    assert (result.exit_code, PERSON.id_number[6:] in result.output) == (1, False)
    _wait_for(slot[0].reader, other)
    again = CliRunner().invoke(main, ["card", "read", "--reader", slot[0].reader, "--reveal"])
    assert f"09 姓名 / name: {PEOPLE['resident'].name}" in again.stdout


def test_list_says_of_each_reader_what_is_in_it_and_why(slot: tuple[Slot, VpcdSlot], pcscd: Pcscd) -> None:
    result = run(slot, other_card("bank-card"), "list")

    assert result.exit_code == 0
    assert f"{len(pcscd.slots)} 个读卡器 / readers" in result.stdout
    assert f"{slot[0].reader}: 银行卡（或卡的金融应用） / bank card, or a card's financial side" in result.stdout
    assert "social-security-card is not: SELECT 7378312E73682EC9E7BBE1B1A3D5CF -> 6A82" in result.stdout
    assert "bank-card is: SELECT A000000333010101 -> 9000" in result.stdout
    assert result.stdout.count("无卡 / no card") == len(pcscd.slots) - 1


def test_the_order_of_kinds_can_be_given(slot: tuple[Slot, VpcdSlot]) -> None:
    card = other_card("bank-card")
    result = run(slot, card, "list", "--kind", "bank-card")

    assert "bank-card is: " in result.stdout
    assert "social-security-card" not in result.stdout


def test_a_bad_item_is_one_line_that_names_file_and_item(slot: tuple[Slot, VpcdSlot]) -> None:
    result = run(slot, of_version("2.00", CardFaults.not_bcd(0x0D)), "read", "--reader", slot[0].reader)

    assert result.exit_code == 0
    assert "[card.malformed: SSSE/EF06 tag 0D birth date: not BCD]" in result.stdout


def test_a_card_pulled_in_the_middle_is_said_in_two_languages(slot: tuple[Slot, VpcdSlot]) -> None:
    result = run(slot, of_version("2.00", CardFaults(withdraw_at=8)), "read", "--reader", slot[0].reader)

    assert result.exit_code == 1
    assert "读卡过程中卡被拔出" in result.stderr
    assert "the card was withdrawn while being read" in result.stderr


@pytest.mark.parametrize(("reader", "code"), [("no such reader", "reader.unknown"), ("Yikatong", "card.absent")])
def test_a_reader_that_is_not_there_or_empty_is_said(pcscd: Pcscd, reader: str, code: str) -> None:
    result = CliRunner().invoke(main, ["card", "read", "--reader", reader])

    assert (result.exit_code, f"[{code}: " in result.stderr) == (1, True)


def test_a_card_service_that_never_answers_ends_with_a_fault(capsys: pytest.CaptureFixture[str]) -> None:
    import threading

    forever = threading.Event()
    with pytest.raises(SystemExit):
        card_command.bounded(lambda: forever.wait() and None, limit_s=0.05)
    forever.set()

    assert "[card.mute: no answer within 0.05 s]" in capsys.readouterr().err


def test_a_mistake_inside_never_shows_a_value(capsys: pytest.CaptureFixture[str]) -> None:
    def mistaken() -> None:
        raise ValueError(PERSON.id_number)

    with pytest.raises(SystemExit):
        card_command.bounded(mistaken)

    said = capsys.readouterr().err
    assert (PERSON.id_number in said, "[system.internal: ValueError]" in said) == (False, True)


def test_a_fault_is_said_with_what_to_do() -> None:
    said = card_command.line_of(Fault("card.absent", "here"))

    assert said == (
        "读卡器中没有卡、证件或码；请插卡、放上证件或扫码 / there is no card, document or code at the reader; "
        "insert the card, lay the document on or scan the code [card.absent: here]"
    )
