"""MFN -> the records of a register, and the MFK that answers it. Pure; by a link's profile.

A record that cannot be read is named by its place and its rule, and stops no other. All that it says is kept as it
came, by its place, whether the profile names it or not. Sources: HL7 2.4 chapter 8 (MFI, MFE,
MFA; tables 0178 to 0181); Z01 and Z02 as met in public Chinese code.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator

from attrs import evolve

from middleware.domain.fault import Fault
from middleware.domain.masters import (
    EMPTIED,
    MAX_RECORDS,
    MAX_TEXT,
    MasterFacts,
    MasterKind,
    MasterState,
    MastersTold,
    MasterTold,
    RecordTrouble,
)
from middleware.doors.mllp.profile import FILES, Place, Profile
from middleware.hl7.acknowledge import ALWAYS, Header, Trouble, acknowledgement, wanted
from middleware.hl7.message import Message, Segment

EVENTS = re.compile(rb"M0[1245]")
STATES = {
    "MAD": MasterState.ACTIVE, "MUP": MasterState.ACTIVE, "MAC": MasterState.ACTIVE, "MDC": MasterState.INACTIVE,
    "MDL": MasterState.DELETED,
}  # fmt: skip
_TELLS = frozenset({"MAD", "MUP"})  # must come with what they say
_CODE = re.compile(r"[!-~]{1,64}\Z")
_PRICE = re.compile(r"\d{1,10}(\.\d{1,6})?\Z", re.ASCII)
_ASCII_CODE = re.compile(r"[!-~]{0,50}\Z")
_MAX_NAME = 100
_WRONG = 102  # table 0357, data type error
Record = tuple[Segment, dict[bytes, list[Segment]]]  # MFE, and the segments behind it by name


def is_master_file(header: Header) -> bool:
    """Whether it is answered by an MFK."""
    return header.type == b"MFN" and EVENTS.fullmatch(header.event) is not None


def records_of(
    message: Message, profile: Profile, moment: Callable[[str, str], dt.datetime], *, whole: bool = True
) -> MastersTold | None:
    """What the message says, record by record; None when it is no file that the profile declares. ``whole``: all of it.

    Raises ``Fault("hl7.content")`` when the message as a whole cannot be read.
    """
    records = _records(message)
    kinds = [_kind(message, one, profile) for one in records]
    if not any(kinds):
        return None
    good, bad = [], []
    for place, (one, kind) in enumerate(zip(records, kinds, strict=True), start=1):
        try:
            told = _record(message, one, kind, profile, moment)
            if whole and told.facts is not None:
                told = evolve(told, facts=evolve(told.facts, said=tuple(_said(message, one[1]))))
            good.append(told)
        except ValueError as exc:
            bad.append(RecordTrouble(place, str(exc)))
    return MastersTold(tuple(good), tuple(bad))


def _records(message: Message) -> list[Record]:
    found: list[Record] = []
    for body in message.pieces[1::2]:
        name = body[:3]
        if name == b"MFE":
            if len(found) == MAX_RECORDS:
                raise Fault("hl7.content", f"MFE stands more than {MAX_RECORDS} times")
            found.append((message.fields(body), {}))
        elif found and name.strip():
            found[-1][1].setdefault(name, []).append(message.fields(body))
    if not found:
        raise Fault("hl7.content", "MFE is missing")
    return found


def _kind(message: Message, record: Record, profile: Profile) -> MasterKind | None:
    for kind in MasterKind:
        if (segment := profile.masters[f"{kind}.code"].segment) and segment in record[1]:
            return kind
    return FILES.get(message.value(message.first(b"MFI"), 1).strip())


def _record(
    message: Message, record: Record, kind: MasterKind | None, profile: Profile, moment: Callable[[str, str], dt.datetime]
) -> MasterTold:
    """Raises ``ValueError`` that names the rule and quotes nothing."""
    mfe, segments = record
    if kind is None:
        raise ValueError("is of no declared register")
    event = message.value(mfe, 1).strip()
    if event not in STATES:
        raise ValueError(f"MFE-1 is none of {', '.join(STATES)}")

    def text(name: str) -> str:
        return _text(message, segments, profile.masters.get(f"{kind}.{name}", Place()))

    code = text("code") or message.value(mfe, 4).strip()
    if not _CODE.match(code):
        raise ValueError("has no code of 1 to 64 printable ASCII characters")
    there = profile.masters[f"{kind}.code"].segment in segments
    facts = _facts(text) if there else None
    if event in _TELLS and (facts is None or facts.name in {"", EMPTIED}):
        raise ValueError("is added or updated without a name")
    said = message.value(mfe, 3).strip()
    try:
        effective_at = moment(said, "MFE-3") if said else None
    except Fault:
        raise ValueError("MFE-3 is no time") from None
    return MasterTold(kind, code, STATES[event], facts, effective_at)


def _text(message: Message, segments: dict[bytes, list[Segment]], place: Place) -> str:
    first = segments.get(place.segment, [()])[0]
    found = message.value(first, place.field, place.component).strip() if place.field else ""
    if len(found) > _MAX_NAME or not found.isprintable():
        raise ValueError(f"{place.segment.decode()}-{place.field} is longer than {_MAX_NAME} characters, or has controls")
    return found


def _facts(text: Callable[[str], str]) -> MasterFacts:
    facts = MasterFacts(
        text("name"), text("specialty"), text("department"), text("national"), text("catalogue"), text("price")
    )
    if facts.price not in {"", EMPTIED} and not _PRICE.match(facts.price):
        raise ValueError("its price is no amount of at most 6 decimals")
    if not all(_ASCII_CODE.match(one) for one in (facts.specialty, facts.department, facts.national, facts.catalogue)):
        raise ValueError("one of its codes is no code of at most 50 printable ASCII characters")
    return facts


def _said(message: Message, segments: dict[bytes, list[Segment]]) -> Iterator[tuple[str, str]]:
    """All that the record says: each field that has something, whole and as it came, by its place."""
    for name, each in segments.items():
        for turn, segment in enumerate(each, start=1):
            named = name.decode("ascii", "replace") + (f"[{turn}]" if turn > 1 else "")
            for number, raw in enumerate(segment[1:], start=1):
                if raw:
                    yield f"{named}-{number}", _shown(raw.decode(message.reads_as, "replace"))


def _shown(text: str) -> str:
    plain = "".join(one if one.isprintable() else "\ufffd" for one in text)
    return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - 1] + "…"


# -- the answer


def answer(
    message: Message, header: Header, ours: bytes, at: bytes, told: MastersTold | None, trouble: Trouble | None
) -> bytes:
    """One MFK, not yet in a block: MSH, MSA, MFI, and an MFA for each record that MFI-6 wants to hear of.

    MFA-4 ``S``: durable, and acted on in its turn; ``U``: cannot be read, MFA-4.2 says why. ``told`` None: of no file
    that is declared here; it is kept.
    """
    bad = {one.place: one.rule for one in told.troubles} if told is not None else {}
    if bad and trouble is None:
        place, rule = next(iter(bad.items()))
        trouble = Trouble(_WRONG, "Data type error", 0, f"hl7.content: {len(bad)} records, MFE[{place}] {rule}"[:80])
    bar, hat = message.marks.field, message.marks.component
    ack = acknowledgement(header, "AE" if trouble else "AA", ours, at, trouble).split(b"\r")
    msh = ack[0].split(bar)
    msh[8] = hat.join((b"MFK", header.event, b"MFK_M01")[: 2 if header.plain_version in {b"2.3", b"2.3.1", b""} else 3])
    lines = [bar.join(msh), *ack[1:-1]]
    if mfi := message.first(b"MFI"):
        lines.append(bar.join(mfi))
    if told is not None:
        level = (mfi[6] if len(mfi) > 6 else b"").strip() or ALWAYS  # noqa: PLR2004 - MFI-6
        lines += _mfas(message, bad, level, at)
    return b"".join(line + b"\r" for line in lines)


def _mfas(message: Message, bad: dict[int, str], level: bytes, at: bytes) -> Iterator[bytes]:
    bar, hat = message.marks.field, message.marks.component
    for place, (mfe, _) in enumerate(_records(message), start=1):
        good = place not in bad
        if not wanted(level, good=good):
            continue
        raw = [mfe[number] if number < len(mfe) else b"" for number in (1, 2, 4)]
        verdict = b"S" if good else hat.join((b"U", _plain(bad[place], bar + hat)))
        yield bar.join((b"MFA", raw[0], raw[1], at, verdict, raw[2]))


def _plain(rule: str, marks: bytes) -> bytes:
    return bytes(one if one not in marks else 0x20 for one in rule.encode("ascii", "replace"))
