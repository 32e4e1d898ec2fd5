"""Medical categories (med_type): which kind of visit each is, by which insurance it is paid, what it must be told beside.

The table is that of the national list as Hunan has it; a region adds its own in its profile, or changes a row.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from attrs import frozen

from middleware.domain.fault import Fault
from middleware.domain.kind import VisitKind


class Need(StrEnum):
    """A fact that a category wants beside diagnoses and lines."""

    DISEASE = "disease"  # the listed disease for which the person has a filing (dise_codg)
    MATERNITY = "maternity"  # the date of the birth or operation (birctrl_matn_date)


# Insurances that pay for one thing only: never taken for a category that does not name them.
SPECIAL = frozenset({"320", "330", "370", "392", "410", "510"})


@frozen(slots=True)
class Category:
    """One row. ``insurances`` in the order in which they are preferred; empty: every one that is not ``SPECIAL``."""

    code: str
    zh: str
    en: str
    kind: VisitKind
    insurances: tuple[str, ...] = ()
    needs: frozenset[Need] = frozenset()


_O, _P, _I = VisitKind.OUTPATIENT, VisitKind.PHARMACY, VisitKind.INPATIENT
_DISEASE, _MATERNITY = frozenset({Need.DISEASE}), frozenset({Need.MATERNITY})
_BIRTH = ("510", "310", "390")  # 510 where it is an insurance of its own

_ROWS = (
    Category("11", "普通门诊", "ordinary outpatient", _O),
    Category("12", "门诊挂号", "registration fee", _O),
    Category("1103", "癌症筛查", "cancer screening", _O),
    Category("13", "急诊", "emergency", _O),
    Category("1301", "急诊抢救", "resuscitation", _O),
    Category("14", "门诊慢特病", "chronic or special disease", _O, needs=_DISEASE),
    Category("18", "特药购药", "special drugs", _O, needs=_DISEASE),
    Category("51", "生育门诊", "maternity, outpatient", _O, _BIRTH, _MATERNITY),
    Category("71", "家庭病床", "home bed", _O),
    Category("9901", "门诊两病", "hypertension and diabetes", _O, needs=_DISEASE),
    Category("990101", "门诊单病种", "single disease, outpatient", _O, needs=_DISEASE),
    Category("990103", "新冠病毒核酸检测", "nucleic acid test", _O),
    Category("9903", "意外伤害门诊", "accident, outpatient", _O),
    Category("9904", "大病特药", "special drugs of serious illness", _O, needs=_DISEASE),
    Category("41", "定点药店购药", "pharmacy", _P),
    Category("2101", "普通住院", "ordinary stay", _I),
    Category("2102", "单病种住院", "single disease, stay", _I, needs=_DISEASE),
    Category("2105", "康复治疗住院", "rehabilitation", _I),
    Category("2106", "生育平产(居民)", "birth, resident", _I, ("390",), _MATERNITY),
    Category("2107", "生育剖宫产(居民)", "caesarean, resident", _I, ("390",), _MATERNITY),
    Category("2109", "新生儿抢救", "newborn resuscitation", _I),
    Category("21303", "精神病住院", "psychiatric stay", _I),
    Category("22", "外伤住院", "injury, stay", _I),
    Category("28", "日间手术", "day surgery", _I),
    Category("52", "生育住院", "maternity, stay", _I, _BIRTH, _MATERNITY),
)
CATEGORIES: Mapping[str, Category] = {row.code: row for row in _ROWS}


def fitting(
    categories: Mapping[str, Category], kind: VisitKind, med_type: str, wanted: str, told: Iterable[Need]
) -> Category | None:
    """The row of this visit, None for a code that no table has: the adapter's code list judges that one.

    ``Fault("visit.category")`` when kind or insurance do not fit, or a fact is missing; the detail says which.
    """
    row = categories.get(med_type)
    if row is None:
        return None
    if row.kind is not kind:
        raise Fault("visit.category", f"med_type {med_type} is {row.kind}, not {kind}")
    if wanted and not pays(row, wanted):
        raise Fault("visit.category", f"med_type {med_type} is not paid by insurance {wanted}")
    missing = row.needs - frozenset(told)
    if missing:
        raise Fault("visit.category", f"med_type {med_type} needs {', '.join(sorted(missing))}")
    return row


def pays(row: Category | None, insurance: str) -> bool:
    """Whether that insurance pays for this category."""
    if row is not None and row.insurances:
        return insurance in row.insurances
    return insurance not in SPECIAL


def preferred(row: Category | None, insurances: Iterable[str]) -> list[str]:
    """Those that pay, best first; else in the order given."""
    order = {code: place for place, code in enumerate(row.insurances)} if row is not None else {}
    return sorted((one for one in insurances if pays(row, one)), key=lambda one: order.get(one, 0))
