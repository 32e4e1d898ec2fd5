"""How a region tells its catalogues: the ``[catalogue]`` table of its profile."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import attrs

from adapters.insurance.catalogue.tables import COLUMNS, FILES, NEEDED
from config.section import between, matching, one_of, setting
from middleware.domain.catalogue import CATALOGUES, CatalogueRules

MAX_PLACE = 500
_LIST = re.compile(r"[0-9A-Za-z_]{1,30}", re.ASCII)


def _offered(_instance: object, attribute: attrs.Attribute[Any], value: tuple[str, ...]) -> None:
    if set(value) - set(CATALOGUES) or len(set(value)) != len(value):
        raise ValueError(f"只能取所列，各一次 / {attribute.name} takes each of these once: {', '.join(CATALOGUES)}")


def _columns(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, dict[str, int]]) -> None:
    for name, places in value.items():
        where = f"{attribute.name}.{name}"
        if name not in FILES:
            raise ValueError(f"不是以文件下载的目录 / {where} is no catalogue that comes as a file: {', '.join(FILES)}")
        if unknown := set(places) - set(COLUMNS):
            raise ValueError(
                f"程序不认得这一列 / {where}.{min(unknown)} is no column that is understood: {', '.join(COLUMNS)}"
            )
        if lacking := [column for column in NEEDED if column not in places]:
            raise ValueError(f"缺列 / {where} lacks {', '.join(lacking)}")
        if not all(1 <= place <= MAX_PLACE for place in places.values()) or len(set(places.values())) != len(places):
            raise ValueError(f"每列一个位置 / {where}: each column a place of its own, from 1 to {MAX_PLACE}")


def _lists(_instance: object, attribute: attrs.Attribute[Any], value: dict[str, str]) -> None:
    for name, theirs in value.items():
        if not _LIST.fullmatch(theirs) or not _LIST.fullmatch(name):
            raise ValueError(
                f"只能用字母、数字和 _，至多 30 位 / {attribute.name}.{name}: letters, digits and _ only, at most 30"
            )


@attrs.frozen(slots=True, kw_only=True)
class CatalogueForm:
    """One region's catalogues; see ``config/regions/template.toml`` for each key with its reason."""

    offered: tuple[str, ...] = setting(
        help="catalogues that this centre tells, by their transactions", default=(), validator=_offered
    )
    first_version: str = setting(
        help="the version that asks for a catalogue from its beginning",
        default="0",
        validator=matching(r"[!-~]{1,20}", "1 to 20 visible characters"),
    )
    newest_codes: tuple[str, ...] = setting(
        help="refusal codes of 1301 to 1309 that mean: there is no newer version", default=()
    )
    not_ready_codes: tuple[str, ...] = setting(
        help="refusal codes of 9102 that mean: the file is not ready, ask again later", default=()
    )
    ordered: bool = setting(help="whether the versions in a file never go back; false = in any order", default=True)
    encoding: str = setting(help="encoding of the files", default="utf-8", validator=one_of("utf-8", "gb18030"))
    columns: dict[str, dict[str, int]] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="places of a file's columns, from 1, where they differ from the tables",
        default=attrs.Factory(dict),
        validator=_columns,
    )
    first_day: str = setting(
        help="from which day on 1312, 1317, 1318 and 1319 are asked for everything",
        default="2000-01-01",
        validator=matching(r"\d{4}-[01]\d-[0-3]\d", "yyyy-MM-dd"),
    )
    page_rows: int = setting(help="rows of one page of these", default=200, validator=between(1, 500))
    lists: dict[str, str] = setting(  # noqa: RUF009 - setting() is attrs.field()
        help="code lists that 1901 is asked for: our name = the centre's",
        default=attrs.Factory(lambda: {"med_type": "MED_TYPE", "insutype": "INSUTYPE", "hosp_appr_flag": "HOSP_APPR_FLAG"}),
        validator=_lists,
    )
    refuse_unknown: bool = setting(
        help="whether a quote is refused that names an item which the catalogue has not or no more; else it is remarked",
        default=False,
    )

    @property
    def rules(self) -> CatalogueRules:
        """What the engine must know of it."""
        return CatalogueRules(
            self.offered,
            self.first_day,
            self.page_rows,
            tuple(self.lists),
            frozenset(self.newest_codes),
            frozenset(self.not_ready_codes),
            self.refuse_unknown,
        )

    def places(self, name: str) -> Mapping[str, int]:
        """Where the columns of that catalogue's file are."""
        return MappingProxyType(self.columns[name]) if name in self.columns else FILES[name].places
