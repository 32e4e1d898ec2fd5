"""What a region and a hospital decide for each kind of visit, as data. What nobody decided means: a person decides."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from attrs import frozen

from middleware.domain.kind import Call, VisitKind
from middleware.domain.money import Money
from middleware.domain.pursuit import ORDER, Source


class OnHisRefusal(StrEnum):
    """The centre settled, and the HIS says no."""

    HOLD = "hold"  # a person sees to it
    CANCEL = "cancel"


class OnHisSilence(StrEnum):
    """The centre settled, and the HIS has not said anything for ``his_silence_s``. Telling it never ends."""

    TELL = "tell"  # nothing else
    HOLD = "hold"  # and raise it to a person
    CANCEL = "cancel"


class DischargeBy(StrEnum):
    """When the discharge (2402) comes; it differs by region."""

    QUOTE = "before-quote"
    SETTLE = "before-settle"
    AFTER = "after-settle"


@frozen(slots=True, kw_only=True)
class KindRules:
    """Of one kind of visit. A limit of 0 is none."""

    allowed: bool = True
    tell_visit: bool = True  # the HIS is told of the visit
    tell_charges: bool = True  # and of what was settled or cancelled
    withdraw: bool = False  # a registration that came to nothing is taken back (2202, 2404) without asking anybody
    on_his_refusal: OnHisRefusal = OnHisRefusal.HOLD
    on_his_silence: OnHisSilence = OnHisSilence.TELL
    his_silence_s: float = 3600
    max_total: Money | None = None  # of one bill
    max_lines: int = 0
    days_back: int = 0  # how old a charge may be
    cancel_days: int = 0  # how long after the settling it may be cancelled
    quote_valid_s: float = 0  # 0: the region's
    discharge: DischargeBy = DischargeBy.QUOTE
    upload_visit: Call = Call.UPLOAD_VISIT
    evidence: tuple[Source, ...] = ORDER  # what is asked about an unknown outcome, in this order; then a person


@frozen(slots=True, kw_only=True)
class CrossRules:
    """Of persons insured elsewhere. ``regions`` are beginnings of region codes; none: nobody from elsewhere."""

    regions: tuple[str, ...] = ()
    kinds: frozenset[VisitKind] = frozenset(VisitKind)
    reversible: frozenset[Call] = frozenset()
    max_total: Money | None = None
    evidence: tuple[Source, ...] = ()  # none: that of the kind of visit

    def takes(self, region: str, kind: VisitKind) -> bool:
        """Whether somebody insured there may be treated here in this way."""
        return kind in self.kinds and any(region.startswith(beginning) for beginning in self.regions)


# A pharmacy's till and a HIS that admits by itself know what they asked for; a stay's settlement is told, as every other.
KIND_RULES: Mapping[VisitKind, KindRules] = MappingProxyType(
    {
        VisitKind.OUTPATIENT: KindRules(),
        VisitKind.PHARMACY: KindRules(tell_visit=False, tell_charges=False),
        VisitKind.INPATIENT: KindRules(tell_visit=False),
    }
)
