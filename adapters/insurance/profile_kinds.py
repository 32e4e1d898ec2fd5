"""A region's rules for each kind of visit, as sections of its profile. What is left out means: a person decides."""

from __future__ import annotations

from typing import Any

import attrs

from adapters.insurance import profile_rules
from config.section import between, matching, one_of, setting


def _amount(default: str = "") -> Any:
    return setting(
        help="the most that one bill may be, in yuan; empty: no limit",
        default=default,
        validator=matching(r"(\d{1,12}(\.\d{1,2})?)?", "yuan as text, or empty"),
        unit="yuan",
    )


EVIDENCE = ("reversal", "visit-query", "file")


def _evidence(_instance: object, _attribute: object, value: tuple[str, ...]) -> None:
    for one in value:
        if one not in EVIDENCE:
            raise ValueError(f"没有这种查证 / {one!r} is no evidence; known: {', '.join(EVIDENCE)}")
    if len(set(value)) != len(value):
        raise ValueError("每种查证只列一次 / each evidence stands in the order once")


@attrs.frozen(slots=True, kw_only=True)
class KindForm:
    """What this region does with one kind of visit; a limit of 0 is none."""

    allowed: bool = setting(help="whether this kind of visit is done here", default=True)
    tell_visit: bool = setting(help="whether the HIS is told of the visit", default=True)
    tell_charges: bool = setting(help="whether the HIS is told of what was settled or cancelled", default=True)
    withdraw: bool = setting(
        help="whether a registration that came to nothing is taken back (2202, 2404) by itself", default=False
    )
    on_his_refusal: str = setting(
        help="when the HIS refuses a settlement that the centre holds: hold it for a person, or cancel it",
        default="hold",
        validator=one_of("hold", "cancel"),
    )
    on_his_silence: str = setting(
        help="when the HIS is silent about one: go on telling, raise it to a person (hold), or cancel it",
        default="tell",
        validator=one_of("tell", "hold", "cancel"),
    )
    his_silence_s: int = setting(help="after how long", default=3600, unit="s", validator=between(60, 604_800))
    max_total: str = _amount()
    max_lines: int = setting(help="charge lines of one bill", default=0, validator=between(0, 100_000))
    days_back: int = setting(help="how old a charge or a visit may be", default=0, unit="d", validator=between(0, 3650))
    cancel_days: int = setting(
        help="how long after settling it may be cancelled", default=0, unit="d", validator=between(0, 3650)
    )
    quote_expiry_s: int = setting(
        help="as the region's own key, for this kind; 0: the region's", default=0, unit="s", validator=between(0, 86_400)
    )
    evidence: tuple[str, ...] = setting(
        help="what is asked about an unknown outcome, in this order; then a person", default=EVIDENCE, validator=_evidence
    )


@attrs.frozen(slots=True, kw_only=True)
class OutpatientForm(KindForm):
    """Of outpatients."""

    upload_visit: str = setting(
        help="category and diagnoses go by 2203; 2203A where this institution is a pharmacy that treats as outpatients are",
        default="2203",
        validator=one_of("2203", "2203A"),
    )


@attrs.frozen(slots=True, kw_only=True)
class PharmacyForm(KindForm):
    """Of a pharmacy: its till knows what it asked for."""

    tell_visit: bool = setting(help="whether the HIS is told of the visit", default=False)
    tell_charges: bool = setting(help="whether the HIS is told of what was settled or cancelled", default=False)


@attrs.frozen(slots=True, kw_only=True)
class StayForm(KindForm):
    """Of a stay: the HIS admits by itself, and knows."""

    tell_visit: bool = setting(help="whether the HIS is told of the visit", default=False)
    discharge: str = setting(
        help="when the discharge (2402) comes: before the quote (2303), before the settlement (2304), or after it",
        default="before-quote",
        validator=one_of("before-quote", "before-settle", "after-settle"),
    )


@attrs.frozen(slots=True, kw_only=True)
class CrossRegionForm:
    """Of persons insured elsewhere."""

    local_digits: int = setting(
        help="how many digits of the region's code those insured here share with it", default=4, validator=between(2, 6)
    )
    regions: tuple[str, ...] = setting(
        help="beginnings of the regions whose insured may be treated here; empty: nobody from elsewhere",
        default=(),
        validator=profile_rules.regions,
    )
    kinds: tuple[str, ...] = setting(
        help="kinds of visit that they may have",
        default=("outpatient", "pharmacy", "inpatient"),
        validator=profile_rules.kinds,
    )
    reversible: tuple[str, ...] = setting(
        help="transactions of theirs that 2601 may undo", default=(), validator=profile_rules.reversible
    )
    evidence: tuple[str, ...] = setting(
        help="what is asked about an unknown outcome of theirs; empty: as of their kind of visit",
        default=(),
        validator=_evidence,
    )
    max_total: str = _amount()


@attrs.frozen(slots=True, kw_only=True)
class CategoryForm:
    """A medical category (med_type) that this region adds, or has otherwise than the national list."""

    kind: str = setting(help="its kind of visit", validator=one_of("outpatient", "pharmacy", "inpatient"))
    name: str = setting(help="what people call it", default="")
    insurances: tuple[str, ...] = setting(help="which insurances pay, best first; empty: every general one", default=())
    needs: tuple[str, ...] = setting(
        help="facts that it wants: disease, maternity", default=(), validator=profile_rules.needs
    )
