"""The rule set: identities on every bill, caps and accounts never overdrawn, and a few bills computed by hand."""

from __future__ import annotations

from decimal import Decimal

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.dictionaries import DICTIONARIES
from middleware.domain.money import ZERO, Money, total
from middleware.domain.split import FundLine, Split, broken_identities
from simulators.centre.catalogue import CATALOGUE, look_up
from simulators.centre.insured import Cover
from simulators.centre.rules import Bill, Line, Year, amount_agrees, cut, half_up, policy_of, split

EMPLOYEE = Cover("310", "11", "999900", Money(100_000))
RETIRED = Cover("310", "12", "999900", ZERO)
RESIDENT = Cover("390", "15", "999900", ZERO)


def line(code: str, price: str, quantity: str = "1", approval: str = "0", line_id: str = "L1") -> Line:
    amount = half_up(Decimal(price) * Decimal(quantity) * 100)
    return Line(line_id, look_up(code), Decimal(price), Decimal(quantity), amount, approval)


def bill(
    lines: list[Line], cover: Cover = EMPLOYEE, year: Year | None = None, balance: int = 100_000, *, account: bool = True
) -> Bill:
    return split(lines, cover, year or Year(), Money(balance), use_account=account)


def as_split(made: Bill) -> Split:
    resident = made.above_fund.startswith("390")
    return Split(
        total=made.total, fund=made.fund, account=made.account, cash=made.cash, hospital=made.hospital,
        personal=made.personal, family_account=ZERO, self_paid=made.self_paid, over_limit=made.over_limit,
        first_self_paid=made.first_self_paid, in_scope=made.in_scope, pool=made.pool, civil_servant=made.civil,
        supplementary=ZERO, serious_illness=made.above if resident else ZERO, large_sum=ZERO if resident else made.above,
        assistance=made.assistance, disabled_soldier=ZERO, other_fund=ZERO, balance_after=made.balance_after,
        deductible=made.deductible, funds=tuple(FundLine(kind, "", amount) for kind, amount in made.detail),
    )  # fmt: skip


_CODES = st.sampled_from([*CATALOGUE, "UNKNOWN"])
_LINES = st.lists(
    st.builds(
        line,
        _CODES,
        st.decimals("0.000001", "99999", places=6).map(str),
        st.decimals("0.0001", "999", places=4).map(str),
        st.sampled_from("012"),
    ),
    min_size=1,
    max_size=12,
)
_COVERS = st.builds(
    Cover,
    st.sampled_from(["310", "390", "340"]),
    st.sampled_from(["11", "12", "15"]),
    st.just("999900"),
    st.just(ZERO),
    civil_servant=st.booleans(),
    assisted=st.booleans(),
)
_FEN = st.integers(0, 2_000_000)
_YEARS = st.builds(Year, _FEN.map(Money), _FEN.map(Money), _FEN.map(Money))


@settings(deadline=None)
@given(_LINES, _COVERS, _YEARS, _FEN, st.booleans())
def test_all_five_identities_hold_for_every_bill(
    lines: list[Line], cover: Cover, year: Year, balance: int, account: bool
) -> None:
    made = bill(lines, cover, year, balance, account=account)

    assert broken_identities(as_split(made)) == ()


@settings(deadline=None)
@given(_LINES, _COVERS, _YEARS, _FEN, st.booleans())
def test_nobody_pays_less_than_nothing_and_no_account_or_cap_is_overdrawn(
    lines: list[Line], cover: Cover, year: Year, balance: int, account: bool
) -> None:
    made = bill(lines, cover, year, balance, account=account)
    policy = policy_of(cover)

    amounts = (made.self_paid, made.over_limit, made.first_self_paid, made.in_scope, made.deductible, made.pool, made.above,
               made.civil, made.assistance, made.hospital, made.account, made.cash, made.balance_after)  # fmt: skip
    assert min(amount.fen for amount in amounts) >= 0
    assert made.pool.fen <= max(0, policy.cap.fen - year.pool.fen)
    assert made.deductible.fen + min(year.deductible.fen, policy.deductible.fen) <= policy.deductible.fen
    assert made.account == ZERO or (account and cover.kind == "310")
    assert made.balance_after == Money(balance) - made.account


@settings(deadline=None)
@given(_LINES, _YEARS)
def test_a_bill_taken_off_again_leaves_the_year_as_it_was(lines: list[Line], year: Year) -> None:
    made = bill(lines, EMPLOYEE, year)

    assert year.plus(made).plus(made, -1) == year


@settings(deadline=None)
@given(_LINES)
def test_a_line_is_cut_without_rest(lines: list[Line]) -> None:
    for part in map(cut, lines):
        assert total((part.self_paid, part.over_limit, part.first_self_paid, part.in_scope)) == part.line.amount
        assert part.hospital in {ZERO, part.over_limit}


def test_an_employees_first_bill_of_the_year_by_hand() -> None:
    # 600.00 class B at 20 %: 120.00 first, 480.00 in scope; 300.00 deductible; 70 % of 180.00 = 126.00
    made = bill([line("S210200001", "600")])

    assert (made.first_self_paid, made.in_scope, made.deductible, made.pool) == (
        Money(12_000), Money(48_000), Money(30_000), Money(12_600),
    )  # fmt: skip
    assert (made.account, made.cash, made.balance_after) == (Money(47_400), ZERO, Money(52_600))
    assert made.detail == (("310100", Money(12_600)), ("310200", Money(47_400)))


def test_the_second_bill_has_no_deductible_and_the_account_runs_dry() -> None:
    made = bill([line("S210200001", "600")], year=Year(deductible=Money(30_000)), balance=10_000)

    assert (made.deductible, made.pool, made.account, made.cash) == (ZERO, Money(33_600), Money(10_000), Money(16_400))


def test_without_leave_the_account_is_not_touched() -> None:
    made = bill([line("S210200001", "600")], account=False)

    assert (made.account, made.cash, made.balance_after) == (ZERO, Money(47_400), Money(100_000))


def test_the_retired_get_more_and_civil_servants_more_yet() -> None:
    year = Year(deductible=Money(30_000))
    retired = bill([line("S110200001", "100")], RETIRED, year)
    civil = bill([line("S110200001", "100")], attrs.evolve(EMPLOYEE, civil_servant=True), year)

    assert retired.pool == Money(8_000)
    assert (civil.pool, civil.civil) == (Money(7_000), Money(300))


def test_above_a_residents_cap_serious_illness_pays_its_part() -> None:
    # in scope 2000.00 at 55 % = 1100.00, of which the cap leaves 100.00; 60 % of the other 1000.00
    made = bill([line("S110200001", "2000")], RESIDENT, Year(Money(10_000), Money(50_000)))

    assert (made.pool, made.above, made.cash) == (Money(10_000), Money(60_000), Money(130_000))
    assert made.detail == (("390100", Money(10_000)), ("390200", Money(60_000)))


def test_medical_assistance_bears_its_part_of_what_is_left() -> None:
    # in scope 1000.00; 100.00 deductible; 55 % of 900.00 = 495.00; 70 % of the other 505.00 = 353.50
    made = bill([line("S110200001", "1000")], attrs.evolve(RESIDENT, assisted=True))

    assert (made.pool, made.assistance, made.cash) == (Money(49_500), Money(35_350), Money(15_150))
    assert made.detail == (("390100", Money(49_500)), ("610100", Money(35_350)))


def test_an_injury_at_work_is_paid_whole_by_its_own_fund() -> None:
    made = bill([line("S110200001", "1000")], Cover("410", "11", "999900", ZERO))

    assert (made.cash, made.detail) == (ZERO, (("410100", Money(100_000)),))


def test_a_price_over_the_limit_is_the_persons_or_the_hospitals() -> None:
    theirs, ours = bill([line("XA02OMEP0020", "20", "2")]), bill([line("XC08AMLO0005", "15", "2")])

    assert (theirs.over_limit, theirs.hospital) == (Money(300), ZERO)
    assert (ours.over_limit, ours.hospital) == (Money(440), Money(440))


def test_limited_use_and_approval_decide_what_is_covered() -> None:
    def covered(code: str, approval: str) -> bool:
        return cut(line(code, "100", approval=approval)).self_paid == ZERO

    assert [covered("XL01TRAS0440", approval) for approval in "012"] == [False, True, False]
    assert [covered("S110200001", approval) for approval in "012"] == [True, True, False]
    assert [covered("W900000001", approval) for approval in "012"] == [False, False, False]


def test_half_a_fen_goes_up() -> None:
    assert [half_up(Decimal(value)).fen for value in ("0.5", "1.5", "2.4999", "2.5")] == [1, 2, 2, 3]


def test_an_amount_may_differ_from_price_times_quantity_by_one_fen() -> None:
    exact = line("S110200001", "1.005", "3")

    assert [amount_agrees(attrs.evolve(exact, amount=Money(fen))) for fen in (299, 301, 302, 303)] == [
        False,
        True,
        True,
        False,
    ]


def test_every_fund_of_the_rules_has_a_name() -> None:
    for cover in (
        EMPLOYEE,
        RETIRED,
        RESIDENT,
        Cover("410", "11", "999900", ZERO),
        attrs.evolve(EMPLOYEE, civil_servant=True),
    ):
        policy = policy_of(cover)
        assert {policy.pool_fund, policy.above_fund, "310200", "320100", "610100", "999996"} <= set(
            DICTIONARIES["fund_pay_type"]
        )
