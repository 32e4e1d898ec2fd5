from __future__ import annotations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from middleware.domain import benefit
from middleware.domain.benefit import PAYERS, REASONS
from middleware.domain.centre import LineVerdict
from middleware.domain.money import ZERO, Money
from middleware.domain.split import broken_identities
from tests.support.fakes import lines, split

FEN = st.integers(-10_000, 10_000).map(Money)
FUNDS = ("pool", "civil_servant", "supplementary", "serious_illness", "large_sum", "assistance", "disabled_soldier")


def sound(amounts: dict[str, Money]):
    """A split of these parts that keeps identities 1 to 3."""
    fund = Money(sum(amounts[name].fen for name in (*FUNDS, "other_fund")))
    personal = amounts["account"] + amounts["cash"]
    return evolve(split(), **amounts, fund=fund, personal=personal, total=fund + personal + amounts["hospital"])


@given(st.fixed_dictionaries(dict.fromkeys((*FUNDS, "other_fund", "account", "family_account", "cash", "hospital"), FEN)))
def test_who_pays_makes_the_whole_bill_to_the_fen(amounts):
    made = sound(amounts)
    told = benefit.payers(made)

    assert not {1, 2, 3} & set(broken_identities(made))
    assert sum(one.amount.fen for one in told) == made.total.fen
    assert all(one.amount != ZERO or one.code == "cash" for one in told)


def test_what_is_to_be_paid_in_person_is_told_even_when_it_is_nothing():
    assert benefit.payers(
        sound(dict.fromkeys((*FUNDS, "other_fund", "account", "family_account", "cash", "hospital"), ZERO))
    )


def test_every_amount_has_words_in_both_languages():
    for code, zh, en in (*PAYERS, *REASONS):
        assert code
        assert zh.strip()
        assert not zh.isascii()
        assert en.isascii()


def verdict(line_id: str, **parts: Money) -> LineVerdict:
    none = {"self_paid": ZERO, "over_limit": ZERO, "first_self_paid": ZERO, "in_scope": ZERO, "level": "01"}
    return LineVerdict(line_id, Money(1000), **(none | parts))


def test_a_verdict_finds_its_line_by_its_index_and_a_wholly_shared_line_is_no_item():
    bill = lines(1000, 1000)
    found = benefit.items([verdict("2611200000010001"), verdict("2611200000010002", over_limit=Money(7))], bill)

    assert [(one.line_id, [part.code for part in one.reasons]) for one in found] == [(bill[1].line_id, ["over_limit"])]


def test_a_verdict_of_a_line_that_is_not_known_keeps_the_centres_number():
    assert benefit.items([verdict("2611200000010009", self_paid=Money(1))], ())[0].line_id == "2611200000010009"


def test_an_unknown_level_is_shown_as_it_is():
    assert benefit.level_name("77") == ("77", "77")


def test_the_receipt_tells_total_payers_reasons_items_and_balance_and_that_amounts_do_not_add_up():
    item = benefit.items([verdict("1" * 12 + "0001", self_paid=Money(250), level="03")], lines(1000))
    made = evolve(split(), self_paid=Money(250), balance_after=Money(7960))

    zh, en = benefit.receipt(made, item, certain=False)

    assert zh[0].split() == ["医疗费总额", made.total.yuan, "元"]
    assert [line.split() for line in zh[-5:]] == [
        [item[0].name, "(自费)", "10.00", "元"],
        ["目录外，全额自费", "2.50", "元"],
        ["个人账户余额", "79.60", "元"],
        ["注意：医保中心返回的金额不平，须"],
        ["人工核对"],
    ]
    assert " ".join(" ".join(en).split()).endswith(
        f"{item[0].name} (self-paid) 10.00 yuan outside the catalogue: paid wholly oneself 2.50 yuan"
        " Left in the insurance account 79.60 yuan"
        " Note: the centre's own amounts do not add up; a person must check them"
    )
    assert benefit.receipt(made, item, certain=True)[0] == zh[:-2]


@given(
    st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=100),
    st.sampled_from(["01", "02", "03", "a level of twenty"]),
    st.integers(-(10**14), 10**14).map(Money),
)
def test_a_line_of_the_receipt_is_never_wider_than_the_paper_and_no_word_or_amount_is_lost(name, level, amount):
    part = benefit.Part("over_limit", *next((zh, en) for code, zh, en in REASONS if code == "over_limit"), amount)
    item = benefit.Item("L1", name, level, amount, (part,))

    for lines_, language in zip(benefit.receipt(split(), [item], certain=False), (0, 1), strict=True):
        printed = "".join("".join(lines_).split())
        assert all(benefit.columns(line) <= benefit.RECEIPT_COLUMNS for line in lines_)
        assert "".join(f"{name or 'L1'}({benefit.level_name(level)[language]}){amount.yuan}".split()) in printed
        assert printed.count(amount.yuan) >= 2


def test_a_chinese_character_takes_two_columns_and_a_combining_mark_none():
    assert (benefit.columns("阿a"), benefit.columns("e\u0301")) == (3, 1)
