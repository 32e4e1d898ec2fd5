"""How a bill splits: the rule set, as pure functions on whole fen, half up. All five identities hold for every bill.

The order is that of the real thing: the catalogue cuts each line; then over the whole bill the deductible of the year, the
ratio, the cap of the year, the part above the cap, the civil servants' supplement, medical assistance; then the hospital's
part, the personal account, and what remains in cash.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from attrs import field, frozen

from middleware.domain.money import ZERO, Money, total
from simulators.centre.catalogue import CLASS_B, SELF_PAID, Item
from simulators.centre.insured import ADULT_RESIDENT, IN_SERVICE, RETIRED, Cover

EMPLOYEE, RESIDENT = "310", "390"  # insutype
APPROVED, NOT_APPROVED = "1", "2"  # hosp_appr_flag


@frozen(slots=True)
class Policy:
    """What a year of cover gives."""

    deductible: Money
    ratio: Decimal  # of what is in scope, above the deductible, up to the cap
    cap: Money  # the pool's share in a year
    above_cap_ratio: Decimal  # of what the pool would have paid beyond its cap
    pool_fund: str  # fund_pay_type of the pool
    above_fund: str  # and of what pays above the cap


_POLICIES = {
    (EMPLOYEE, IN_SERVICE): Policy(Money(30_000), Decimal("0.70"), Money(800_000), Decimal("0.80"), "310100", "330100"),
    (EMPLOYEE, RETIRED): Policy(Money(20_000), Decimal("0.80"), Money(1_000_000), Decimal("0.85"), "310100", "330100"),
    (RESIDENT, ADULT_RESIDENT): Policy(Money(10_000), Decimal("0.55"), Money(60_000), Decimal("0.60"), "390100", "390200"),
    ("340", "13"): Policy(Money(0), Decimal("1.00"), Money(10**9), Decimal("1.00"), "340100", "340100"),
    ("410", IN_SERVICE): Policy(Money(0), Decimal("1.00"), Money(10**9), Decimal("1.00"), "410100", "410100"),
    ("510", IN_SERVICE): Policy(Money(0), Decimal("1.00"), Money(300_000), Decimal("0.50"), "510100", "510100"),
}
_FALLBACK = Policy(Money(50_000), Decimal("0.50"), Money(50_000), Decimal("0.50"), "390100", "390200")
_CIVIL_SHARE = Decimal("0.10")  # of what stays in scope and unpaid
_ASSISTED_SHARE = Decimal("0.70")  # of what is still in scope and unpaid then

ACCOUNT_FUND, CIVIL_FUND, ASSISTANCE_FUND, HOSPITAL_FUND = "310200", "320100", "610100", "999996"


def policy_of(cover: Cover) -> Policy:
    """The policy of a cover; kinds of people without a row of their own get the smallest one."""
    return _POLICIES.get((cover.kind, cover.person_type), _FALLBACK)


@frozen(slots=True)
class Year:
    """What one cover has used in one year."""

    deductible: Money = ZERO
    pool: Money = ZERO
    above: Money = ZERO

    def plus(self, bill: Bill, sign: int = 1) -> Year:
        """With a bill added, or with ``sign`` -1 taken off again."""
        return Year(
            Money(self.deductible.fen + sign * bill.deductible.fen),
            Money(self.pool.fen + sign * bill.pool.fen),
            Money(self.above.fen + sign * bill.above.fen),
        )


@frozen(slots=True)
class Line:
    """One charge line, as uploaded."""

    line_id: str
    item: Item
    price: Decimal
    quantity: Decimal
    amount: Money
    approval: str


@frozen(slots=True)
class LineCut:
    """What the catalogue makes of a line: the four parts add up to its amount."""

    line: Line
    level: str
    self_paid: Money
    over_limit: Money
    first_self_paid: Money
    in_scope: Money
    hospital: Money  # that part of over_limit which the hospital bears


@frozen(slots=True)
class Bill:
    """The split of a bill."""

    total: Money
    self_paid: Money
    over_limit: Money
    first_self_paid: Money
    in_scope: Money
    deductible: Money
    ratio: Decimal
    pool: Money
    above: Money
    civil: Money
    hospital: Money
    account: Money
    cash: Money
    balance_after: Money
    kind: str
    pool_fund: str
    above_fund: str
    assistance: Money = ZERO
    cuts: tuple[LineCut, ...] = field(repr=False, default=())

    @property
    def fund(self) -> Money:
        """All that funds pay."""
        return self.pool + self.above + self.civil + self.assistance

    @property
    def personal(self) -> Money:
        """All that the person pays, from account or pocket."""
        return self.account + self.cash

    @property
    def detail(self) -> tuple[tuple[str, Money], ...]:
        """setldetail: the funds, then the account's and the hospital's own line; empty ones left out."""
        lines = (
            (self.pool_fund, self.pool), (self.above_fund, self.above), (CIVIL_FUND, self.civil),
            (ASSISTANCE_FUND, self.assistance), (ACCOUNT_FUND, self.account), (HOSPITAL_FUND, self.hospital),
        )  # fmt: skip
        return tuple((kind, amount) for kind, amount in lines if amount)


def half_up(fen: Decimal) -> Money:
    """Whole fen."""
    return Money(int(fen.quantize(Decimal(1), ROUND_HALF_UP)))


def share(amount: Money, ratio: Decimal) -> Money:
    """That part of an amount."""
    return half_up(amount.fen * ratio)


def amount_agrees(line: Line) -> bool:
    """Whether the amount is price x quantity to the fen (insurance.md 1.4)."""
    return abs(line.price * line.quantity * 100 - line.amount.fen) <= 1


def cut(line: Line) -> LineCut:
    """The catalogue's cut of one line."""
    item = line.item
    refused = line.approval == NOT_APPROVED or (item.limited_use and line.approval != APPROVED)
    if item.level == SELF_PAID or refused:
        return LineCut(line, SELF_PAID, line.amount, ZERO, ZERO, ZERO, ZERO)
    over = ZERO
    if item.limit is not None and line.price > item.limit:
        over = min(line.amount, half_up((line.price - item.limit) * line.quantity * 100))
    rest = line.amount - over
    first = share(rest, item.first_share) if item.level == CLASS_B else ZERO
    return LineCut(line, item.level, ZERO, over, first, rest - first, over if item.hospital_bears else ZERO)


def split(lines: Sequence[Line], cover: Cover, year: Year, balance: Money, *, use_account: bool) -> Bill:
    """The split of a bill for somebody with that cover, that year behind him or her, and that account."""
    policy = policy_of(cover)
    cuts = tuple(cut(line) for line in lines)
    in_scope = total(part.in_scope for part in cuts)
    deductible = Money(max(0, min(in_scope.fen, policy.deductible.fen - year.deductible.fen)))
    wanted = share(in_scope - deductible, policy.ratio)
    pool = Money(max(0, min(wanted.fen, policy.cap.fen - year.pool.fen)))
    above = share(wanted - pool, policy.above_cap_ratio)
    civil = share(in_scope - pool - above, _CIVIL_SHARE) if cover.civil_servant else ZERO
    assistance = share(in_scope - pool - above - civil, _ASSISTED_SHARE) if cover.assisted else ZERO
    hospital = total(part.hospital for part in cuts)
    amount = total(line.amount for line in lines)
    personal = amount - pool - above - civil - assistance - hospital
    account = min(balance, personal) if use_account and cover.kind == EMPLOYEE else ZERO
    return Bill(
        total=amount,
        self_paid=total(part.self_paid for part in cuts),
        over_limit=total(part.over_limit for part in cuts),
        first_self_paid=total(part.first_self_paid for part in cuts),
        in_scope=in_scope,
        deductible=deductible,
        ratio=policy.ratio,
        pool=pool,
        above=above,
        civil=civil,
        hospital=hospital,
        account=account,
        cash=personal - account,
        balance_after=balance - account,
        kind=cover.kind,
        pool_fund=policy.pool_fund,
        above_fund=policy.above_fund,
        assistance=assistance,
        cuts=cuts,
    )
