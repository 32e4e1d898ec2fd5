"""The centre's catalogues as it tells them: 1301 to 1309 by files, 1312 and 1317 to 1319 by pages, 1901 list by list.

Made of the items by which it prices a bill, so that both say the same. Two versions: all that there is, and a later one
with what changed since. Written with plain string work and zipfile, and none of the adapter's reading.
"""

from __future__ import annotations

import base64
import datetime as dt
import io
import zipfile
from collections.abc import Callable, Mapping
from typing import Any

from attrs import evolve, field, frozen

from simulators.centre.catalogue import CATALOGUE, SELF_PAID, Item
from simulators.centre.refusals import Refusal

Row = Mapping[str, str]
Nodes = Mapping[str, list[Row]]
FIRST_DAY, SECOND_DAY = "2025-01-01", "2026-01-01"
PLACE = "999900"
ENDED = "ZA09ENDED001"  # an item that ended with the second version
COMING = "XZ99COMES001"  # one that does not count yet
OUR_OTHER_CODE = "H-OTHER"  # of ours, which the centre has beside another code than one might think
MAX_FILES = 500

# Columns of each file, and where code, name, dates, flag, record and version stand, from 1: the published layouts.
_LAYOUTS: dict[str, tuple[int, dict[str, int]]] = {
    "1301": (92, {"code": 1, "name": 4, "since": 37, "until": 38, "limited": 58, "valid": 79, "record": 80, "version": 83}),
    "1302": (29, {"code": 1, "name": 2, "since": 12, "until": 13, "valid": 14, "record": 15, "version": 18}),
    "1303": (78, {"code": 1, "name": 2, "valid": 65, "since": 66, "until": 67, "record": 68, "version": 71}),
    "1305": (16, {"code": 1, "valid": 7, "name": 10, "since": 12, "until": 13, "record": 14, "version": 15}),
    "1306": (71, {"code": 1, "name": 2, "limited": 34, "since": 47, "until": 48, "valid": 68, "record": 69, "version": 70}),
    "1307": (24, {"code": 11, "name": 12, "valid": 19, "record": 20, "version": 23}),
    "1308": (24, {"code": 11, "name": 12, "valid": 19, "record": 20, "version": 23}),
    "1309": (16, {"code": 1, "valid": 6, "record": 7, "version": 10, "name": 15}),
}
_FIRST_LETTERS = {"1301": "XZW", "1302": "T", "1303": "Y", "1305": "S", "1306": "C"}
_OTHERS = {
    "1307": (("J06.900", "急性上呼吸道感染"), ("I10.x00", "原发性高血压"), ("E11.900", "2型糖尿病")),
    "1308": (("47.0900", "阑尾切除术"), ("51.2300", "腹腔镜下胆囊切除术")),
    "1309": (("M03900", "高血压病"), ("M01600", "糖尿病")),
}
_LISTS = {
    "MED_TYPE": {
        "11": "普通门诊", "12": "门诊挂号", "13": "急诊", "14": "门诊慢特病", "21": "普通住院", "28": "日间手术",
        "41": "定点药店购药", "51": "生育门诊", "52": "生育住院", "18": "特殊药品", "22": "外伤住院", "99922": "工伤门诊",
    },
    "INSUTYPE": {
        "310": "职工基本医疗保险", "340": "离休人员医疗保障", "390": "城乡居民基本医疗保险", "392": "城乡居民大病医疗保险",
        "410": "长期照护保险", "510": "生育保险",
    },
    "HOSP_APPR_FLAG": {"0": "无须审批", "1": "审批通过", "2": "审批不通过"},
}  # fmt: skip


@frozen(slots=True)
class Told:
    """One row of a catalogue. ``changed`` is the version, and the day, that told it so."""

    code: str
    name: str
    changed: str
    valid: bool = True
    since: str = FIRST_DAY
    until: str = ""
    limited: bool = False
    item: Item | None = field(default=None, repr=False)


class CatalogueBooks:
    """``handlers`` by infno. ``more(rows)`` adds to what 1301 tells; ``mapped`` is what 1317 tells: our code -> theirs."""

    def __init__(self, clock: Callable[[], dt.datetime]) -> None:
        self._clock = clock
        self._numbers = 0
        self._files: dict[str, tuple[str, bytes]] = {}
        self._added: list[Told] = []
        self.mapped: dict[str, str] = {f"H-{code}": code for code in CATALOGUE} | {OUR_OTHER_CODE: "XA01AMOX0250"}
        self.handlers: dict[str, Callable[[Row, Nodes], Any]] = {
            **dict.fromkeys(_LAYOUTS, self._offer),
            **dict.fromkeys(("1312", "1317", "1318", "1319"), self._page),
            "1901": self._list,
        }

    def add(self, row: Told) -> None:
        """One row more, or another one for the same code, as the version that ``row.changed`` names."""
        self._added.append(row)

    # -- by files

    def rows(self, call: str) -> list[Told]:
        """All that was ever told, the oldest first."""
        if call in _OTHERS:
            return [Told(code, name, FIRST_DAY) for code, name in _OTHERS[call]]
        letters = _FIRST_LETTERS[call]
        found = [
            Told(code, item.name, FIRST_DAY, limited=item.limited_use, item=item)
            for code, item in CATALOGUE.items()
            if code[0] in letters and item.level != SELF_PAID
        ]
        if call == "1301":
            self_paid = [Told(code, item.name, SECOND_DAY, item=item) for code, item in CATALOGUE.items() if code[0] == "W"]
            ended = Told(ENDED, "停用中成药", FIRST_DAY)
            coming = Told(COMING, "明年起的新药", SECOND_DAY, since="2099-01-01")
            found += [ended, *self_paid, coming, evolve(ended, changed=SECOND_DAY, until="2025-12-31"), *self._added]
        return sorted(found, key=lambda row: row.changed)

    def _offer(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        """1301 and its like: the next version's rows in a file, or that there is none."""
        call, known = head["infno"], nodes["data"][0]["ver"]
        later = [row for row in self.rows(call) if known == "0" or _version(row.changed) > known]
        if not later:
            return {"file_qury_no": "", "filename": "", "dld_end_time": self._until(), "data_cnt": "0"}
        first = later[0].changed
        told = [row for row in later if row.changed == first]
        self._numbers += 1
        number, name = f"C{self._numbers:08d}", f"{call}_{self._numbers:08d}.zip"
        if len(self._files) >= MAX_FILES:
            del self._files[next(iter(self._files))]
        text = "".join(_line(call, row) for row in told)
        self._files[number] = (name, _zip(f"{call}.txt", text.encode()))
        return {"file_qury_no": number, "filename": name, "dld_end_time": self._until(), "data_cnt": str(len(told))}

    def download(self, row: Row) -> dict[str, Any] | None:
        """9102 of one of these files; None when it is none of them."""
        name, packed = self._files.get(row["file_qury_no"], ("", b""))
        if not name:
            return None
        if name != row["filename"]:
            raise Refusal("3204")
        return {"fsDownloadOut": {"out": base64.b64encode(packed).decode(), "filename": name}}

    def _until(self) -> str:
        return f"{self._clock() + dt.timedelta(days=1):%Y-%m-%d}"

    # -- by pages

    def _page(self, head: Row, nodes: Nodes) -> dict[str, Any]:
        asked = nodes["data"][0]
        number, size = int(asked["page_num"]), int(asked["page_size"])
        if number < 1 or not 1 <= size <= 500:  # noqa: PLR2004 - the widest page
            raise Refusal("0101")
        rows = [row for row in self._paged(head["infno"], head) if row["updt_time"][:10] >= asked["updt_time"]]
        return {
            "pages": str(-(-len(rows) // size)),
            "pageNum": str(number),
            "pageSize": str(size),
            "recordCounts": str(len(rows)),
            "data": rows[(number - 1) * size : number * size],
        }

    def _paged(self, call: str, head: Row) -> list[dict[str, str]]:
        if call == "1317":
            return [
                _dated({"fixmedins_code": head["fixmedins_code"], "medins_list_codg": ours, "med_list_codg": theirs})
                | {"rid": f"M{ours}"}
                for ours, theirs in self.mapped.items()
            ]
        kept = [item for item in CATALOGUE.values() if call != "1318" or item.limit is not None]
        return [_dated({"hilist_code": item.code} | _facts(call, item)) | {"rid": f"{call}{item.code}"} for item in kept]

    # -- lists

    def _list(self, _head: Row, nodes: Nodes) -> dict[str, Any]:
        name = nodes["data"][0]["type"].upper()
        return {
            "list": [
                {"type": name, "label": label, "value": value, "sort": str(number), "valiFlag": "1", "version": "1"}
                for number, (value, label) in enumerate(_LISTS.get(name, {}).items(), 1)
            ]
        }


def _facts(call: str, item: Item) -> dict[str, str]:
    """What 1312, 1318 or 1319 says of an item."""
    match call:
        case "1312":
            return {"hilist_name": item.name, "chrgitm_lv": item.level, "lmt_used_flag": _flag(item.limited_use)}
        case "1318":
            limits = {"hilist_lmtpric_type": "1", "overlmt_dspo_way": _flag(item.hospital_bears)}
            return limits | {"hilist_pric_uplmt_amt": str(item.limit)}
        case _:
            return {"selfpay_prop_psn_type": "1", "selfpay_prop_type": "1", "selfpay_prop": str(item.first_share)}


def _version(day: str) -> str:
    return f"V{day.replace('-', '')}_A"


def _line(call: str, row: Told) -> str:
    width, places = _LAYOUTS[call]
    cells = ["null"] * width
    written = {
        "code": row.code, "name": row.name, "since": row.since, "until": row.until or "null", "valid": _flag(row.valid),
        "limited": _flag(row.limited), "record": f"{call}{row.code}", "version": _version(row.changed),
    }  # fmt: skip
    for name, place in places.items():
        cells[place - 1] = written[name]
    return "\t".join(cells) + "\n"


def _dated(row: dict[str, str]) -> dict[str, str]:
    dates = {"insu_admdvs": PLACE, "begndate": FIRST_DAY, "enddate": "", "vali_flag": "1"}
    return row | dates | {"updt_time": f"{FIRST_DAY} 00:00:00"}


def _flag(value: object) -> str:
    return "1" if value else "0"


def _zip(name: str, content: bytes) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return written.getvalue()
