"""How hostile one simulated day is: drawn from its seed, within what its profile allows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from attrs import evolve, frozen

from middleware.domain.pursuit import ORDER, Source

HOURS = 2.0
PROCESSING_LIMIT_S = 120.0  # the centre's own promise, and what the policy holds it to


@frozen(slots=True)
class Dials:
    """Chances are per occasion, 0-1; times are seconds of the virtual clock."""

    visits: int = 6
    not_sent: float = 0.0  # a centre call never leaves the house
    request_lost: float = 0.0  # it leaves and never arrives
    reply_lost: float = 0.0  # it is done, the answer never comes
    slow: float = 0.0  # it is done, or answered, long after we stopped waiting
    cut: float = 0.0  # the connection breaks at once; the request may be done all the same
    garbled: float = 0.0  # the answer is a gateway's page
    corrupted: float = 0.0  # the answer has lost a part, or says another's
    duplicated: float = 0.0  # the answer comes again, when something else is under way
    refused: float = 0.0  # the business layer says no
    overdue: float = 0.0  # the centre approves after its own limit
    signed_out: float = 0.0  # the centre forgets our sign-in
    bad_split: float = 0.0  # a quote's amounts do not add up
    his_lost: float = 0.0  # a letter, or the HIS's answer to it, is lost
    his_corrupted: float = 0.0  # its answer is none to this letter
    his_refused: float = 0.0
    his_down: float = 0.0
    commit_failed: float = 0.0  # a transaction is refused by the disk
    commit_slow: float = 0.0  # a transaction takes seconds
    crashes: int = 0  # of the node, at random moments
    clock_steps: int = 0  # of the wall clock, by an hour, at random moments
    tells_time: bool = False  # the centre's answers say what time it is
    nodes: int = 1  # that share the database
    pauses: int = 0  # of a node, shorter or longer than its lease
    skew_s: float = 0.0  # by which the nodes' wall clocks differ
    bad_card: float = 0.0  # a card is pulled, swapped, silent, worn or answers a wrong status; or it takes long
    taps: float = 0.0  # a card is tapped twice, and a bill is confirmed at two tills
    repeats: float = 0.0  # a caller asks the same again, at the same time
    cancels: float = 0.3  # a settled bill is cancelled
    sales: float = 0.0  # a visit is a pharmacy's sale
    stays: float = 0.0  # a visit is a stay
    half_file: float = 0.0  # a result file ends too early
    not_ready: float = 0.0  # a result is not made yet
    hour: int = 8  # when the day begins
    first_check_s: float = 5.0  # from an unknown outcome to the first reversal
    order: tuple[Source, ...] = ORDER  # of the evidence that is asked
    named: bool = True  # 2601 may name settlements and cancels here
    files: bool = False  # the day's file is waited for
    limit_s: float = 72 * 3600.0  # then a person
    cancel_on_his_refusal: bool = False
    finish: bool = False  # a settlement's yes must be confirmed
    phone: float = 0.0  # a bill is paid by phone
    copies: bool = False  # a second destination hears of all that the HIS hears
    told: bool = False  # the HIS tells of patients and of what it charged them
    purses: bool = False  # somebody pays from the accounts on a card
    keys: int = 0  # so often keys are changed
    cycles: bool = False  # the centre is an old one: it compares business cycles, and no rows


_CHANCES: Mapping[str, float] = MappingProxyType(
    {
        "not_sent": 0.1, "request_lost": 0.12, "reply_lost": 0.15, "slow": 0.2, "cut": 0.12, "garbled": 0.1,
        "refused": 0.06, "overdue": 0.06, "signed_out": 0.04, "bad_split": 0.12, "his_lost": 0.25, "his_refused": 0.06,
        "his_down": 0.2, "commit_failed": 0.05, "commit_slow": 0.1, "repeats": 0.6,
    }
)  # fmt: skip
# Drawn from a stream of their own, so that what came later left the days of the others as they were.
_LATER: Mapping[str, float] = MappingProxyType(
    {"corrupted": 0.12, "duplicated": 0.25, "his_corrupted": 0.2, "bad_card": 0.25, "taps": 0.5}
)
_WIRE = (
    "corrupted",
    "duplicated",
    "not_sent",
    "request_lost",
    "reply_lost",
    "slow",
    "cut",
    "garbled",
    "refused",
    "overdue",
    "signed_out",
    "bad_split",
)
_HIS = ("his_corrupted", "his_lost", "his_refused", "his_down")
_CARDS = ("bad_card", "taps")
_DISK = ("commit_failed", "commit_slow")

# What a profile lets the seed turn up; "hostile" is everything at once.
PROFILES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "calm": (),
        "wire": (*_WIRE, *_CARDS, "repeats"),
        "his": (*_HIS, "repeats"),
        "crashes": (*_DISK, *_CARDS, "crashes", "repeats", "slow", "reply_lost"),
        "clocks": ("clock_steps", "slow", "request_lost", "reply_lost", "cut", "crashes"),
        "nights": (*_WIRE, *_DISK, "crashes", "repeats", "late"),
        "evidence": (*_WIRE, "crashes", "repeats"),
        "confirm": (*_WIRE, *_HIS, *_DISK, "crashes", "clock_steps", "repeats", "finish"),
        "phone": (*_WIRE, *_HIS, *_DISK, "crashes", "clock_steps", "repeats", "phone"),
        "nodes": (*_WIRE, *_HIS, *_DISK, *_CARDS, "nodes", "crashes", "clock_steps", "pauses", "skew_s", "repeats"),
        "cycles": (*_WIRE, *_HIS, *_DISK, *_CARDS, "crashes", "clock_steps", "repeats"),
        "told": (*_WIRE, *_HIS, *_DISK, *_CARDS, "crashes", "clock_steps", "repeats"),
        "keys": (*_WIRE, *_HIS, *_DISK, *_CARDS, "crashes", "clock_steps", "repeats"),
        "hostile": (*_WIRE, *_HIS, *_DISK, *_CARDS, "crashes", "clock_steps", "repeats"),
    }
)


TELLS_TIME = 0.5  # in the other half a clock that stepped is noticed by nobody, and must do no harm all the same


# A day that goes over midnight; what is lost in it is left to the reconciliation.
_NIGHTS: Mapping[str, Any] = MappingProxyType({"hour": 23, "first_check_s": 40 * 3600.0})


def draw(seed: int, profile: str) -> Dials:
    """The dials of a seed: each one that the profile allows is off, mild or hard. Raises ``KeyError``: no such profile."""
    rng = random.Random(f"dials/{profile}/{seed}")  # noqa: S311 - seeded randomness is the point
    allowed = set(PROFILES[profile])
    chances = {name: rng.choice((0.0, 0.3, 1.0, 1.0)) * most for name, most in _CHANCES.items()}
    counts = {"crashes": rng.randint(0, 5), "clock_steps": rng.randint(0, 3)}
    counts |= {"nodes": rng.randint(2, 3), "pauses": rng.randint(1, 6)}
    chances["skew_s"] = rng.choice((0.0, 10.0, 250.0))
    more = random.Random(f"more/{profile}/{seed}")  # noqa: S311 - the same
    chances |= {name: more.choice((0.0, 0.5, 1.0)) * most for name, most in _LATER.items()}
    chances["finish"] = True
    chances["phone"] = 0.7
    turned: dict[str, Any] = {name: value for name, value in {**chances, **counts}.items() if name in allowed}
    return Dials(
        visits=rng.randint(3, 7),
        cancels=rng.choice((0.0, 0.3, 0.7)),
        sales=rng.choice((0.0, 0.2, 0.4)),
        stays=rng.choice((0.0, 0.2, 0.4)),
        cancel_on_his_refusal=rng.choice((False, True)),
        tells_time=rng.random() < TELLS_TIME,
        **(_NIGHTS if "late" in allowed else {}),
        **turned,
    )


def quiet(dials: Dials) -> Dials:
    """The second phase: the same day, nothing more goes wrong."""
    calm = Dials(
        visits=dials.visits,
        nodes=dials.nodes,
        skew_s=dials.skew_s,
        cancel_on_his_refusal=dials.cancel_on_his_refusal,
        copies=dials.copies,
        told=dials.told,
        purses=dials.purses,
        keys=dials.keys,
        cycles=dials.cycles,
    )
    return evolve(
        calm,
        order=dials.order,
        named=dials.named,
        files=dials.files,
        limit_s=dials.limit_s,
        finish=dials.finish,
        phone=dials.phone,
    )


BANK, TOLD = "bank-", "told"
# What of a day can be left out without its being another day; the bank's dials bear a prefix.
_OTHERS = ("crashes", "clock_steps", "pauses", "repeats", "cancels", "sales", "stays", TOLD, "purses", "cycles", "keys")
SWITCHES = (*_WIRE, *_HIS, *_CARDS, *_DISK, *_OTHERS)
_OFF = Dials(cancels=0.0)


def without(dials: Dials, off: frozenset[str]) -> Dials:
    """The same day with those switched off."""
    still: dict[str, Any] = {name: getattr(_OFF, name) for name in sorted(off & set(SWITCHES))}
    return evolve(dials, **still)
