"""The rules that raise a flag for the bureau: each a pure function over a bounded window of acts with one card.

A flag says that somebody should look, never that somebody did wrong. A rule sees the act that is judged, the acts with the
same card around it, where the terminals stand, and since when the card is listed; it knows no name and no number.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from middleware.domain.audit import PIN_ACTS, Act, Seen
from middleware.domain.order import Role
from middleware.domain.registry import Listing, Terminal

MAX_WINDOW = 500  # acts with one card that are looked at
MAX_NAMED = 10  # acts that a flag names
_EARTH_M = 6_371_000.0


@frozen(slots=True)
class Limits:
    """The thresholds, as the configuration has them."""

    travel_window_s: float = 43_200.0  # two uses further apart than this prove nothing
    max_speed_m_s: float = 30.0  # faster than this no card travels between two desks
    min_distance_m: float = 200.0  # nearer than this is one place
    pin_failures: int = 3
    pin_window_s: float = 86_400.0
    pharmacy_uses: int = 6
    pharmacy_window_s: float = 86_400.0

    @property
    def window_s(self) -> float:
        """What must be kept for the rules."""
        return max(self.travel_window_s, self.pin_window_s, self.pharmacy_window_s)


@frozen(slots=True)
class Scene:
    """What a rule may look at. ``around`` has the act itself too, oldest first."""

    act: Seen
    around: Sequence[Seen]
    places: Mapping[str, Terminal] = field(factory=dict)
    listing: Listing | None = None
    limits: Limits = field(factory=Limits)

    def before(self, seconds: float) -> list[Seen]:
        """The acts of the last so many seconds, up to the one that is judged."""
        since = self.act.at - dt.timedelta(seconds=seconds)
        return [one for one in self.around if since <= one.at and (one.at, one.audit_id) <= _place(self.act)]


@frozen(slots=True)
class Finding:
    """What a rule found: the acts that show it, and numbers."""

    acts: tuple[Seen, ...]
    facts: dict[str, str] = field(factory=dict)
    about: str = ""  # whom it is about when that is no card: a PSAM's serial


@frozen(slots=True)
class Rule:
    """One rule with what people read of it."""

    name: str
    zh: str
    en: str
    find: Callable[[Scene], Finding | None]


def two_desks(scene: Scene) -> Finding | None:
    """One card at two desks, too soon for the way between them. A refused use counts: the card was there."""
    here = scene.places.get(scene.act.terminal)
    for other in reversed(scene.before(scene.limits.travel_window_s)):
        there = scene.places.get(other.terminal)
        if here is None or there is None or other.terminal == scene.act.terminal:
            continue
        metres = distance_m(here, there)
        seconds = (scene.act.at - other.at).total_seconds()
        if metres is not None and metres >= scene.limits.min_distance_m and metres > seconds * scene.limits.max_speed_m_s:
            return Finding((other, scene.act), {"metres": f"{metres:.0f}", "seconds": f"{seconds:.0f}"})
    return None


def after_loss(scene: Scene) -> Finding | None:
    """A card that was used, or tried, after it was reported lost or blacklisted."""
    if scene.listing is None or scene.act.at < scene.listing.since:
        return None
    facts = {"reason": str(scene.listing.reason), "since": scene.listing.since.isoformat()}
    return Finding((scene.act,), facts | {"refused": "no" if scene.act.code == "" else "yes"})


def id_mismatch(scene: Scene) -> Finding | None:
    """A card whose id number says another birth date or sex than the card."""
    if not scene.act.differs:
        return None
    return Finding((scene.act,), {"differs": " ".join(scene.act.differs)})


def pin_failures(scene: Scene) -> Finding | None:
    """So many failed PINs of one card within the window, at whatever desks, and none that was right in between."""
    if scene.act.act not in PIN_ACTS or not scene.act.code:
        return None
    failed: list[Seen] = []
    for one in scene.before(scene.limits.pin_window_s):
        if one.act in PIN_ACTS:
            failed = [*failed, one] if one.code else []
    if len(failed) < scene.limits.pin_failures:
        return None
    return Finding(tuple(failed), {"times": str(len(failed))})


def pharmacy_frequency(scene: Scene) -> Finding | None:
    """One card read at pharmacies so many times within the window."""
    if not _at_pharmacy(scene.act):
        return None
    uses = [one for one in scene.before(scene.limits.pharmacy_window_s) if _at_pharmacy(one)]
    if len(uses) < scene.limits.pharmacy_uses:
        return None
    return Finding(tuple(uses), {"times": str(len(uses)), "pharmacies": str(len({one.account for one in uses}))})


def psam_refused(scene: Scene) -> Finding | None:
    """A PSAM that was reported lost, or taken out of use, and is used."""
    if scene.act.code not in {"psam.lost", "psam.not_in_use"}:
        return None
    return Finding((scene.act,), {"code": scene.act.code, "psam": scene.act.psam}, about=scene.act.psam)


RULES = (
    Rule(
        "two-desks",
        "同一张卡短时间内出现在相距过远的两个窗口",
        "one card at two desks too far apart for the time between",
        two_desks,
    ),
    Rule(
        "after-loss",
        "挂失或列入黑名单的卡被使用",
        "a card was used after it was reported lost or blacklisted",
        after_loss,
    ),
    Rule(
        "id-mismatch",
        "卡内出生日期或性别与身份号码不符",
        "birth date or sex on the card differ from its id number",
        id_mismatch,
    ),
    Rule("pin-failures", "同一张卡密码多次验证失败", "repeated PIN failures of one card", pin_failures),
    Rule(
        "pharmacy-frequency",
        "同一张卡在药店使用过于频繁",
        "one card used unusually often at pharmacies",
        pharmacy_frequency,
    ),
    Rule("psam-refused", "已挂失或停用的 PSAM 被使用", "a PSAM that is lost or out of use was used", psam_refused),
)
BY_NAME = {rule.name: rule for rule in RULES}


def judge(scene: Scene) -> list[tuple[Rule, Finding]]:
    """Every rule that has something to say of this act."""
    return [(rule, found) for rule in RULES if (found := rule.find(scene)) is not None]


def distance_m(one: Terminal, other: Terminal) -> float | None:
    """Great-circle distance; None when one of them is nowhere."""
    if one.latitude is None or one.longitude is None or other.latitude is None or other.longitude is None:
        return None
    lat1, lat2 = math.radians(one.latitude), math.radians(other.latitude)
    half = math.sin((lat2 - lat1) / 2) ** 2
    half += math.cos(lat1) * math.cos(lat2) * math.sin(math.radians(other.longitude - one.longitude) / 2) ** 2
    return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, half)))


def _at_pharmacy(seen: Seen) -> bool:
    return seen.role is Role.POS and seen.act is Act.READ and not seen.code


def _place(seen: Seen) -> tuple[dt.datetime, str]:
    return seen.at, seen.audit_id
