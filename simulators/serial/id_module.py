"""A second-generation id-card module (GA 467) with cards of synthetic people, made by its own means."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path

from attrs import evolve, field, frozen

from simulators.people import CardPerson
from simulators.serial.line import SerialLine

_PREAMBLE = bytes((0xAA, 0xAA, 0xAA, 0x96, 0x69))
_FIND, _SELECT, _READ = b"\x20\x01", b"\x20\x02", b"\x30\x01"
# Fields of a card's text by kind: (attribute or fixed text, bytes). The same order as the published tables.
_CITIZEN = (
    ("name", 30), ("sex", 2), ("nation", 4), ("born", 16), ("address", 70), ("number", 36), ("issuer", 30),
    ("begins", 16), ("ends", 16), ("", 36),
)  # fmt: skip
_HMT = (
    ("name", 30), ("sex", 2), ("", 4), ("born", 16), ("address", 70), ("number", 36), ("issuer", 30),
    ("begins", 16), ("ends", 16), ("pass_number", 18), ("count", 4), ("", 6), ("mark", 2), ("", 6),
)  # fmt: skip
_FOREIGNER = (
    ("english", 120), ("sex", 2), ("number", 30), ("nationality", 6), ("name", 30), ("begins", 16), ("ends", 16),
    ("born", 16), ("count", 4), ("authority", 8), ("mark", 2), ("", 6),
)  # fmt: skip
_TABLES = {"": _CITIZEN, "J": _HMT, "I": _FOREIGNER, "Y": _HMT}


@frozen(slots=True, repr=False)
class LaidCard:
    """One card: texts by name, photo bytes, and its kind's mark at byte 248."""

    texts: Mapping[str, str]
    mark: str = ""
    photo: bytes = b"WLf\x00" + bytes(range(256)) * 3 + bytes(252)
    fingerprints: bytes = b""

    @classmethod
    def of(cls, person: CardPerson, mark: str = "", **texts: str) -> LaidCard:
        """That person's card; ``texts`` replaces some of it."""
        own = {
            "name": person.name, "sex": person.sex, "nation": person.nation, "born": f"{person.birth_date:%Y%m%d}",
            "address": "测试省测试市一号", "number": person.id_number, "issuer": "测试市公安局",
            "begins": "20200101", "ends": "长期", "pass_number": "H12345678", "count": "01", "mark": mark,
            "english": "TESTER, ALEXANDRA", "nationality": "KAZ", "authority": "1500",
        }  # fmt: skip
        return cls(own | texts, mark)

    @property
    def data(self) -> bytes:
        """Sizes, text, photo, and fingerprints where there are any."""
        text = b"".join(_padded(self.texts.get(name, ""), width) for name, width in _TABLES[self.mark])
        sizes = len(text).to_bytes(2, "big") + len(self.photo).to_bytes(2, "big")
        if self.fingerprints:
            sizes += len(self.fingerprints).to_bytes(2, "big")
        return sizes + text + self.photo + self.fingerprints


def _padded(text: str, width: int) -> bytes:
    """UTF-16 with spaces behind; what does not fit is left out by whole characters."""
    while len(raw := text.encode("utf-16-le")) > width:
        text = text[:-1]
    return raw + b"\x20\x00" * ((width - len(raw)) // 2)


@frozen(slots=True)
class IdFaults:
    """Knobs, all off. A command is named by its two bytes in hex: "2001" find, "2002" select, "3001" read."""

    silent: frozenset[str] = frozenset()  # these commands get no answer
    late_s: Mapping[str, float] = field(factory=dict)  # these get theirs so late
    status: Mapping[str, int] = field(factory=dict)  # these get this status and no data
    wrong_check: frozenset[str] = frozenset()
    cut: frozenset[str] = frozenset()  # half of the answer, and no more
    noise: bytes = b""  # before each answer
    pieces: int = 0  # answers in pieces of so many bytes
    data: bytes | None = None  # instead of what the card holds


class IdModule(SerialLine):
    """The module. ``lay`` puts a card on it; a card that was read must be lifted before it is found again."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.faults = IdFaults()
        self.asked: list[str] = []
        self._card: LaidCard | None = None
        self._used = self._selected = False
        self._kept = b""

    def lay(self, card: LaidCard | CardPerson) -> None:
        """Lay a card on."""
        self._used = self._selected = False
        self._card = card if isinstance(card, LaidCard) else LaidCard.of(card)

    def lift(self) -> None:
        """Take it away."""
        self._card = None

    def knob(self, **changes: object) -> None:
        """Turn some knobs."""
        self.faults = evolve(self.faults, **changes)  # type: ignore[arg-type]  # names are the knobs' own

    def received(self, data: bytes) -> None:
        """Bytes of commands."""
        self._kept += data
        while len(self._kept) >= len(_PREAMBLE) + 2:
            if not self._kept.startswith(_PREAMBLE):
                self._kept = self._kept[1:]
                continue
            size = int.from_bytes(self._kept[5:7], "big")
            if len(self._kept) < 7 + size:
                return
            frame, self._kept = self._kept[: 7 + size], self._kept[7 + size :]
            check = 0
            for byte in frame[5:]:
                check ^= byte
            if check:
                self._answer("0000", 0x000010)
            else:
                self._command(frame[7:9])

    def _command(self, code: bytes) -> None:
        name = code.hex()
        self.asked.append(name)
        if name in self.faults.silent:
            return
        if name in self.faults.status:
            self._answer(name, self.faults.status[name])
        elif code == _FIND:
            found = self._card is not None and not self._used
            self._answer(name, 0x00009F if found else 0x000080)
        elif code == _SELECT:
            self._selected = self._card is not None and not self._used
            self._used = self._used or self._selected
            self._answer(name, 0x000090 if self._selected else 0x000081)
        elif code == _READ:
            card = self._card if self._selected else None
            self._selected = False
            if card is None:
                self._answer(name, 0x000041)
            else:
                self._answer(name, 0x000090, card.data if self.faults.data is None else self.faults.data)
        else:
            self._answer(name, 0x000021)

    def _answer(self, name: str, status: int, data: bytes = b"") -> None:
        body = (len(data) + 4).to_bytes(2, "big") + status.to_bytes(3, "big") + data
        check = 0xFF if name in self.faults.wrong_check else 0
        for byte in body:
            check ^= byte
        frame = self.faults.noise + _PREAMBLE + body + bytes((check,))
        if name in self.faults.cut:
            frame = frame[: len(frame) // 2]
        late = self.faults.late_s.get(name, 0.0)
        if late:
            timer = threading.Timer(late, self.send, (frame,))
            timer.daemon = True
            timer.start()
            return
        step = self.faults.pieces or len(frame)
        for start in range(0, len(frame), step):
            self.send(frame[start : start + step])
