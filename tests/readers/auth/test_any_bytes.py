"""No bytes of a card and no text of a caller get anything but an answer or a fault."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from middleware.domain.card_debit import Accounts, DebitOrder, DebitProof
from middleware.domain.card_key import HOLDER_KEY, FileAsk, KeyProof
from middleware.domain.fault import Fault
from middleware.engine.driver import file_asks, mutual_proof
from readers.auth import card as steps
from readers.auth import commands, debit
from simulators.card.secure import SecureCard
from simulators.people import PEOPLE
from tests.readers.attempts import attempt
from tests.readers.auth.plain import context, opened

KNOWN = opened(SecureCard(PEOPLE["employee"]))
CONTEXT = context(SecureCard(PEOPLE["employee"]))
ORDER = DebitOrder(100, 0, "20260302101500")
STEPS: dict[str, Callable] = {
    "opened": lambda exchange: steps.opened(exchange, CONTEXT),
    "challenged": lambda exchange: steps.challenged(exchange, KNOWN, HOLDER_KEY),
    "identity": lambda exchange: steps.identity(exchange, CONTEXT, KNOWN, steps.WITH_KEY),
    "files": lambda exchange: steps.read_files(exchange, KNOWN, (FileAsk("SSSE", 0xEF05, (1, 7)),)),
    "same": lambda exchange: steps.same_card(exchange, KNOWN),
    "proof": lambda exchange: commands.prove_to(exchange, 0x0A, bytes(16)),
    "accounts": lambda exchange: debit.accounts(exchange, KNOWN),
    "begin": lambda exchange: debit.begin(exchange, KNOWN, ORDER, "999900000007", Accounts(500, "2026", 0)),
    "debit": lambda exchange: debit.debit(exchange, DebitProof("00000001", ORDER.at, bytes(4))),
    "check": lambda exchange: debit.psam_check(exchange, "00000000"),
    "unblock": lambda exchange: commands.unblock_pin(exchange, 0, bytes(4)),
}


@given(
    st.sampled_from(sorted(STEPS)),
    st.lists(st.binary(max_size=40) | st.binary(max_size=30).map(lambda data: data + b"\x90\x00"), max_size=12),
)
def test_whatever_a_card_answers_is_taken_or_is_a_fault(name: str, answers: list[bytes]) -> None:
    source = iter(answers)

    attempt(lambda: STEPS[name](lambda _: next(source, b"\x6a\x82")))  # anything but a Fault fails the test


@given(st.text(max_size=80))
def test_a_file_address_is_files_or_a_fault(address: str) -> None:
    outcome = attempt(lambda: file_asks(address))

    assert isinstance(outcome, tuple) or outcome.code == "request.bad_params"


@given(st.lists(st.tuples(st.sampled_from(["SSSE", "DF01", "DF04"]), st.integers(0, 255), st.lists(
    st.integers(0, 255), min_size=1, max_size=8)), min_size=1, max_size=8))  # fmt: skip
def test_a_file_address_comes_back_as_it_was_written(parts: list) -> None:
    address = "".join(f"{name}EF{file:02X}|" + "".join(f"{tag:02X}|" for tag in tags) + "$" for name, file, tags in parts)

    assert file_asks(address) == tuple(FileAsk(name, 0xEF00 + file, tuple(tags)) for name, file, tags in parts)


@given(st.text(max_size=80) | st.text(alphabet="0123456789ABCDEFabcdef|", max_size=70))
def test_a_key_of_step_2_is_a_proof_or_a_fault(key: str) -> None:
    outcome = attempt(lambda: mutual_proof(key))

    if isinstance(outcome, Fault):
        assert outcome.code == "card.proof_rule"
    else:
        assert isinstance(outcome, KeyProof)
        assert (len(outcome.external), len(outcome.internal)) == (16, 8)
