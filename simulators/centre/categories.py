"""Which medical category the centre takes of whom: its own reading of the list, not ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from simulators.centre.insured import Cover
from simulators.centre.refusals import Refusal

_STAYS = frozenset({"2101", "2102", "2105", "2106", "2107", "2109", "21303", "22", "28", "52"})
WITH_FILING = frozenset({"14", "18", "9901", "990101", "9904", "2102"})
_MATERNITY = frozenset({"51", "52"})
_AT_WORK = "99922"  # of the test region's own list


def refuse_unfit(filed: Collection[str], cover: Cover, row: Mapping[str, str], kind: str) -> None:
    """Raise ``Refusal`` when this category is not one of that kind of visit, of these filed diseases or that insurance."""
    med_type = row["med_type"]
    if (med_type in _STAYS) is not (kind == "inpatient") or med_type == "41":
        raise Refusal("2031")
    if cover.kind == "510" and med_type not in _MATERNITY:
        raise Refusal("2032")
    if (cover.kind == "410") is not (med_type == _AT_WORK):
        raise Refusal("2032")
    if med_type in _MATERNITY and not row.get("birctrl_matn_date"):
        raise Refusal("2033")
    if med_type in WITH_FILING and row.get("dise_codg", "") not in filed:
        raise Refusal("2034")
