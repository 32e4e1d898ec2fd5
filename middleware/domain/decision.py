"""What two persons decide of a settlement whose outcome no machine could establish: the manual desk's words."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from attrs import frozen

from middleware.domain.money import Money


class Verdict(StrEnum):
    """What is true at the centre. The first two are of a 2207 in doubt, the last two of a 2208 or of a difference."""

    SETTLED = "settled"  # the centre holds the settlement
    REVERSED = "reversed"  # the centre does not hold it: never done, or undone there
    CANCELLED = "cancelled"  # the cancel was done; of a difference: the centre undid it, or never held it
    STANDS = "stands"  # the cancel did not happen; of a difference: ours is right, the centre corrects its own
    PAYMENT_RELEASED = "payment-released"  # of a payer's leg, at the bank: it holds nothing
    PAYMENT_CAPTURED = "payment-captured"  # it took the own share
    PAYMENT_NOT_CAPTURED = "payment-not-captured"  # it did not
    PAYMENT_REFUNDED = "payment-refunded"  # it gave it back
    PAYMENT_NOT_REFUNDED = "payment-not-refunded"  # it did not
    PAYMENT_COLLECTED = "payment-collected"  # the cashier has it


PAYMENT_VERDICTS = frozenset(one for one in Verdict if one.startswith("payment-"))


class EvidenceKind(StrEnum):
    """Where a person learned it."""

    TELEPHONE = "telephone"  # the centre said so; ``reference`` names whom and when
    PORTAL = "portal"  # seen in the centre's own system
    LETTER = "letter"  # the centre wrote it
    FILE = "file"  # a file of the centre, as a day's detail


@frozen(slots=True)
class Evidence:
    """What a decision rests on. No personal data: it goes into the chain, which cannot forget."""

    kind: EvidenceKind
    reference: str  # under which it can be found again
    note: str = ""
    sha256: str = ""  # of an attached file, which stays with the hospital


@frozen(slots=True)
class CentreAmounts:
    """The amounts that the centre holds, as the evidence has them."""

    total: Money
    fund: Money
    account: Money
    cash: Money
    hospital: Money


@frozen(slots=True)
class Decision:
    """One verdict with the facts that it needs: ``settled`` all of them, ``cancelled`` number and time, the others none."""

    verdict: Verdict
    centre_number: str = ""  # setl_id: of the settlement, or of the cancel
    centre_time: dt.datetime | None = None
    amounts: CentreAmounts | None = None
    clearing_type: str = ""
    clearing_way: str = ""
    clearing_agency: str = ""


@frozen(slots=True)
class Proposal:
    """A decision that waits for a second person. ``digest`` is of all of it: who approves names what was shown."""

    digest: str
    decision: Decision
    evidence: Evidence
    proposed_by: str  # the account, which at the desk is a person
    proposed_at: dt.datetime


@frozen(slots=True)
class Decided:
    """A proposal that a second person approved."""

    proposal: Proposal
    approved_by: str
    approved_at: dt.datetime
