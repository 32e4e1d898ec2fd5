"""From a region's profile to the flow's policy: the rules of each kind of visit, and of those insured elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from adapters.insurance.profile import Profile
from adapters.insurance.profile_kinds import KindForm, OutpatientForm, StayForm
from middleware.domain.category import CATEGORIES, Category, Need
from middleware.domain.kind import Call, VisitKind
from middleware.domain.mobile import MobileRules
from middleware.domain.money import Money
from middleware.domain.pursuit import Source
from middleware.domain.rules import CrossRules, DischargeBy, KindRules, OnHisRefusal, OnHisSilence


def kinds_of(profile: Profile) -> Mapping[VisitKind, KindRules]:
    """The rules of every kind."""
    forms: dict[VisitKind, KindForm] = {
        VisitKind.OUTPATIENT: profile.outpatient,
        VisitKind.PHARMACY: profile.pharmacy,
        VisitKind.INPATIENT: profile.inpatient,
    }
    return {kind: _rules(form) for kind, form in forms.items()}


def _rules(form: KindForm) -> KindRules:
    return KindRules(
        allowed=form.allowed,
        tell_visit=form.tell_visit,
        tell_charges=form.tell_charges,
        withdraw=form.withdraw,
        on_his_refusal=OnHisRefusal(form.on_his_refusal),
        on_his_silence=OnHisSilence(form.on_his_silence),
        his_silence_s=form.his_silence_s,
        max_total=_most(form.max_total),
        max_lines=form.max_lines,
        days_back=form.days_back,
        cancel_days=form.cancel_days,
        quote_valid_s=form.quote_expiry_s,
        evidence=tuple(map(Source, form.evidence)),
        discharge=DischargeBy(form.discharge) if isinstance(form, StayForm) else DischargeBy.QUOTE,
        upload_visit=Call(form.upload_visit) if isinstance(form, OutpatientForm) else Call.UPLOAD_VISIT,
    )


def cross_of(profile: Profile) -> CrossRules:
    """The rules of those insured elsewhere."""
    form = profile.cross_region
    return CrossRules(
        regions=form.regions,
        kinds=frozenset(map(VisitKind, form.kinds)),
        reversible=calls_of(form.reversible),
        evidence=tuple(map(Source, form.evidence)),
        max_total=_most(form.max_total),
    )


def categories_of(profile: Profile) -> Mapping[str, Category]:
    """The national list with the region's own rows over it."""
    own = {
        code: Category(
            code,
            form.name or code,
            form.name or code,
            VisitKind(form.kind),
            form.insurances,
            frozenset(map(Need, form.needs)),
        )
        for code, form in profile.categories.items()
    }
    return {**CATEGORIES, **own}


def finish_of(profile: Profile) -> Call | None:
    """The call that must follow a settlement's yes there."""
    return {"confirm": Call.CONFIRM, "check": Call.CHECK}.get(profile.after_settle)


def mobile_of(profile: Profile, *, enabled: bool) -> MobileRules | None:
    """What is decided of paying by phone; None where the site or the region has none."""
    form = profile.mobile
    if not (enabled and form.offered):
        return None
    return MobileRules(
        valid_s=form.valid_s,
        poll_s=form.poll_s,
        poll_max_s=form.poll_max_s,
        unpaid=frozenset(form.unpaid),
        clearing_type=form.clearing_type,
        clearing_agency=form.clearing_agency,
    )


def local_of(profile: Profile) -> str:
    """How the region codes of those insured here begin."""
    return profile.region[: profile.cross_region.local_digits]


def calls_of(codes: Iterable[str]) -> frozenset[Call]:
    """Those of them that this product sends."""
    known = {call.value: call for call in Call}
    return frozenset(known[code] for code in codes if code in known)


def _most(yuan: str) -> Money | None:
    return Money.parse(yuan) if yuan else None
