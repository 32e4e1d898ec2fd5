"""[[readers]]: what is plugged in beside PC/SC, and how its content is to be understood."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from attrs import frozen

from config.section import between, matching, one_of, setting
from middleware.domain.card import E_SOCIAL_SECURITY_CARD, E_VOUCHER, HOSPITAL_CODE, INSURANCE_CARD, TREATMENT_CARD

SERIAL_ID, SCANNER, HANDED, SERVICE = "serial-id", "scanner", "handed", "service"
READER_KINDS = (SERIAL_ID, SCANNER, HANDED, SERVICE)
CODE_KINDS = (E_VOUCHER, E_SOCIAL_SECURITY_CARD, HOSPITAL_CODE)
LAYOUT_KINDS = (TREATMENT_CARD, INSURANCE_CARD, *CODE_KINDS)
BAUD_RATES = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
_PART = re.compile(r"(?:(\d{1,2}):)?(\d{1,4})-(\d{1,4})|(\d{1,2})", re.ASCII)


@frozen(slots=True)
class Part:
    """Where a part stands: field from 1; characters first to last from 1, or ``last`` 0 for the whole field."""

    field: int
    first: int = 1
    last: int = 0

    @classmethod
    def parse(cls, text: str) -> Part:
        """Reads 7-24, 2 (the second field) or 2:1-9; ``ValueError`` says the form."""
        found = _PART.fullmatch(text)
        if found is None:
            raise ValueError(f'a part is "FIRST-LAST", "FIELD" or "FIELD:FIRST-LAST", counted from 1, got {text!r}')
        field, first, last, whole = found.groups()
        part = cls(int(whole)) if whole else cls(int(field or 1), int(first), int(last))
        if part.field < 1 or (part.last and not 1 <= part.first <= part.last):
            raise ValueError(f"a part is counted from 1, first to last, got {text!r}")
        return part


def _part(_instance: object, attribute: Any, value: str) -> None:
    if value:
        try:
            Part.parse(value)
        except ValueError as exc:
            raise ValueError(f"{attribute.name}: {exc}") from None


@frozen(slots=True)
class LayoutOptions:
    """[[readers.layouts]]: one kind of content, known by plain conditions; the first that fits decides."""

    kind: str = setting(help="what it is", validator=one_of(*LAYOUT_KINDS))
    name: str = setting("", help="its name in faults and logs; empty = the kind")
    track: int = setting(0, help="of a magnetic stripe: track 1-3; 0 = the whole text", validator=between(0, 3))
    prefix: str = setting("", help="the text begins so")
    min_length: int = setting(1, help="shortest text", validator=between(1, 2048))
    max_length: int = setting(2048, help="longest text", validator=between(1, 2048))
    characters: str = setting("any", help="of what it consists", validator=one_of("any", "digits", "alphanumeric"))
    separator: str = setting("", help="cuts the text into fields; empty = one field")
    fields: int = setting(0, help="how many fields it has; 0 = any number", validator=between(0, 99))
    number: str = setting("", help='where the number stands: "FIRST-LAST", "FIELD" or "FIELD:FIRST-LAST"', validator=_part)
    id_number: str = setting("", help="where the id number stands, the same way", validator=_part)
    person: str = setting("", help="where the name stands, the same way; id_number and person go together", validator=_part)

    def __attrs_post_init__(self) -> None:
        if bool(self.id_number) != bool(self.person):
            raise ValueError("id_number and person go together: a number without its name is no identity")
        if self.kind not in CODE_KINDS and not (self.number or self.id_number):
            raise ValueError("say where number stands, or id_number and person")
        if self.min_length > self.max_length:
            raise ValueError("min_length is more than max_length")

    @property
    def layout(self) -> Layout:
        """As the reading wants it."""
        return Layout(
            kind=self.kind,
            name=self.name or self.kind,
            track=self.track,
            prefix=self.prefix,
            min_length=self.min_length,
            max_length=self.max_length,
            characters=self.characters,
            separator=self.separator,
            fields=self.fields,
            number=Part.parse(self.number) if self.number else None,
            id_number=Part.parse(self.id_number) if self.id_number else None,
            person=Part.parse(self.person) if self.person else None,
        )


@frozen(slots=True)
class Layout:
    """One layout, read."""

    kind: str
    name: str
    track: int = 0
    prefix: str = ""
    min_length: int = 1
    max_length: int = 2048
    characters: str = "any"
    separator: str = ""
    fields: int = 0
    number: Part | None = None
    id_number: Part | None = None
    person: Part | None = None

    @property
    def is_code(self) -> bool:
        """Whether only a service can say whose it is."""
        return self.kind in CODE_KINDS and self.number is None and self.id_number is None


def _baud(_instance: object, attribute: Any, value: int) -> None:
    if value not in BAUD_RATES:
        raise ValueError(f"{attribute.name} must be one of {', '.join(map(str, BAUD_RATES))}, got {value}")


@frozen(slots=True)
class ReaderOptions:
    """[[readers]]: one reader."""

    name: str = setting(
        help="its name, as the counter calls it", validator=matching(r"[^\x00-\x1f]{1,100}", "1-100 characters of text")
    )
    kind: str = setting(
        help="serial-id (id-card reader), scanner (codes and stripes by serial line), handed (a front end hands in what a"
        " keyboard wedge typed, by card.present), service (a code service that has its own scanner)",
        validator=one_of(*READER_KINDS),
    )
    device: Path | None = setting(  # noqa: RUF009 - an attrs field
        None, help="serial-id, scanner: the port; prefer /dev/serial/by-id/..., which stays the same over a re-plug"
    )
    baud: int = setting(115200, help="speed of the line", validator=_baud)
    charset: str = setting("utf-8", help="scanner: of what it sends", validator=one_of("utf-8", "gb18030", "ascii"))
    exchange_timeout_s: float = setting(
        3.0, help="serial-id: longest wait for one answer", unit="s", validator=between(0.05, 60)
    )
    poll_interval_s: float = setting(
        0.5, help="serial-id: how often it looks for a card", unit="s", validator=between(0.02, 10)
    )
    wait_s: float = setting(
        5.0, help="a read waits so long for the card to be laid on, or the scan to come", unit="s", validator=between(0, 25)
    )
    hold_s: float = setting(
        30.0, help="scanner: a scan that nobody asked for is forgotten after so long", unit="s", validator=between(0.1, 300)
    )
    gap_s: float = setting(
        0.2, help="scanner: this much silence ends a scan that has no line end", unit="s", validator=between(0.02, 2)
    )
    retry_s: float = setting(
        1.0, help="pause before a port that is gone is tried again", unit="s", validator=between(0.02, 60)
    )
    layouts: tuple[LayoutOptions, ...] = setting((), help="scanner, handed: what may come, in the order of trying")
    code: str = setting(E_VOUCHER, help="service: which kind of code it reads", validator=one_of(*CODE_KINDS))
    business: str = setting(
        "01101",
        help="codes: the business at this desk (01101 registration, 01301 settlement, ...)",
        validator=matching(r"[0-9]{5}", "five digits"),
    )
    operator: str = setting("", help="codes: operator's number, told to the service")
    operator_name: str = setting("", help="codes: operator's name")
    office: str = setting("", help="codes: department's number")
    office_name: str = setting("", help="codes: department's name")

    def __attrs_post_init__(self) -> None:
        if self.kind in {SERIAL_ID, SCANNER} and self.device is None:
            raise ValueError(f"a reader of kind {self.kind} needs its device")
        if self.kind in {SCANNER, HANDED} and not self.layouts:
            raise ValueError(f"a reader of kind {self.kind} needs layouts: what nobody declared is never read")
