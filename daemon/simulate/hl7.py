"""What the simulated HIS writes, by its own hand: segments as text, nothing of our codec. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from attrs import frozen

from simulators.people import PEOPLE


@frozen(slots=True)
class Line:
    """One line of a bill. ``code`` is its own, as line number and as the hospital's code: so the centre can be asked."""

    code: str
    number: str  # of the patient, at the HIS
    fen: int
    charged: bool = True  # False: the HIS took it back


def patient(number: str, key: str, *, known: bool = True, name: str = "") -> str:
    """PID; ``known`` False: somebody without papers. ``name`` is added to it."""
    person = PEOPLE[key]
    document = f"~{person.id_number}^^^^IdentifyNO" if known else ""
    shown = person.name + name if known else "无名氏"
    return f"PID|1||{number}^^^^PI{document}||{shown}||{person.birth_date:%Y%m%d}|{person.sex}"


def merged(prior: str, number: str, key: str) -> tuple[str, str]:
    """PID and MRG: ``prior`` is ``number`` from now on."""
    return patient(number, key), f"MRG|{prior}"


def charges(lines: Sequence[Line], at: dt.datetime, *, spoiled: bool = False) -> list[str]:
    """FT1 for each; ``spoiled``: the last one's amount is not price times quantity."""
    return [
        _ft1(place, line, at, line.fen + (777 if spoiled and place == len(lines) else 0))
        for place, line in enumerate(lines, start=1)
    ]


def orders(lines: Sequence[Line], at: dt.datetime, *, told: frozenset[str], spoiled: bool = False) -> list[str]:
    """ORC and OBR for each, ``told`` before or not; ``spoiled``: the last one's price is no whole fen."""
    return [
        segment
        for place, line in enumerate(lines, start=1)
        for segment in _order(place, line, at, known=line.code in told, spoiled=spoiled and place == len(lines))
    ]


def _order(place: int, line: Line, at: dt.datetime, *, known: bool, spoiled: bool) -> tuple[str, str]:
    control = ("XO" if known else "NW") if line.charged else "CA"
    fields = {
        1: str(place), 2: line.code, 4: f"{line.code}^药品^L^XA01", 6: f"{at:%Y%m%d}", 10: "0101^内科", 16: "D01^测试医生",
        23: _yuan(line.fen) + "5" * spoiled, 27: "1",
    }  # fmt: skip
    return f"ORC|{control}|{line.code}", "OBR|" + "|".join(fields.get(n, "") for n in range(1, 28))


def _ft1(place: int, line: Line, at: dt.datetime, said: int) -> str:
    kind = "CG" if line.charged else "CR"
    code = f"{line.code}^药品^L^XA01"
    tail = "0101^内科||||||||D01^测试医生"
    return f"FT1|{place}|{line.code}||{at:%Y%m%d}||{kind}|{code}|||1|{_yuan(said)}|{_yuan(line.fen)}|{tail}"


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
