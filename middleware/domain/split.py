"""How a bill splits, and the five identities that every split must obey (insurance.md 1.7)."""

from __future__ import annotations

from attrs import frozen

from middleware.domain.money import Money


@frozen(slots=True)
class FundLine:
    """One line of the centre's setldetail: which fund pays how much. ``kind`` is its fund_pay_type."""

    kind: str
    name: str
    amount: Money


@frozen(slots=True)
class Split:
    """The centre's computation of one bill. All amounts are whole fen; on cancels they are negative.

    The names in brackets are the centre's fields; they stay inside the adapters' ``mapping.py``.
    """

    total: Money  # medfee_sumamt
    fund: Money  # fund_pay_sumamt
    account: Money  # acct_pay, contains the family part
    cash: Money  # psn_cash_pay
    hospital: Money  # hosp_part_amt: what the hospital itself bears
    personal: Money  # psn_part_amt
    family_account: Money  # acct_mulaid_pay
    self_paid: Money  # fulamt_ownpay_amt: outside the catalogue
    over_limit: Money  # overlmt_selfpay
    first_self_paid: Money  # preselfpay_amt
    in_scope: Money  # inscp_scp_amt
    pool: Money  # hifp_pay
    civil_servant: Money  # cvlserv_pay
    supplementary: Money  # hifes_pay
    serious_illness: Money  # hifmi_pay
    large_sum: Money  # hifob_pay
    assistance: Money  # maf_pay
    disabled_soldier: Money  # hifdm_pay
    other_fund: Money  # oth_pay
    balance_after: Money  # balc
    deductible: Money  # act_pay_dedc
    funds: tuple[FundLine, ...] = ()


IDENTITIES = {
    1: "total = fund + personal + hospital",
    2: "personal = account + cash",
    3: "fund = sum of the funds",
    4: "total = self-paid + over limit + first self-paid + in scope",
    5: "sum of the detail lines = fund + account + hospital",
}


def broken_identities(split: Split) -> tuple[int, ...]:
    """Numbers of the identities that do not hold, in order; empty when the split is sound. Never raises.

    The sums are plain integers: a stranger's amounts may add up to more than ``Money`` holds.
    """
    s = split
    funds = (
        s.pool, s.civil_servant, s.supplementary, s.serious_illness, s.large_sum, s.assistance, s.disabled_soldier,
        s.other_fund,
    )  # fmt: skip
    sides = {
        1: (s.total.fen, _fen(s.fund, s.personal, s.hospital)),
        2: (s.personal.fen, _fen(s.account, s.cash)),
        3: (s.fund.fen, _fen(*funds)),
        4: (s.total.fen, _fen(s.self_paid, s.over_limit, s.first_self_paid, s.in_scope)),
        5: (_fen(*(line.amount for line in s.funds)), _fen(s.fund, s.account, s.hospital)),
    }
    return tuple(number for number, (left, right) in sides.items() if left != right)


def _fen(*amounts: Money) -> int:
    return sum(amount.fen for amount in amounts)
