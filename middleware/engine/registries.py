"""The registers as one part: what a door asks of them, and the look through the audit's window beside the work."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from middleware.domain.centre import Holder
from middleware.domain.order import Caller
from middleware.engine.card_lists import CardLists
from middleware.engine.flagging import Flagging
from middleware.engine.flags import FlagDesk
from middleware.engine.linking import LinkDesk
from middleware.engine.registry import RegistryDesk
from middleware.engine.service import CounterService
from middleware.flow.audit_rules import Limits


@frozen(slots=True)
class Registry:
    """What a door asks. ``holder``: whose card an account read a while ago."""

    desk: RegistryDesk
    lists: CardLists
    links: LinkDesk
    flags: FlagDesk
    holder: Callable[[Caller, str], Holder]


def registry_of(
    counter: CounterService, limits: Limits, max_rows: int, holds: Callable[[], bool] = lambda: True
) -> tuple[Registry, Flagging]:
    """Wire them: an act that was noted is looked at at once, and so is a card's past when it is listed."""
    means = counter.means
    flagging = Flagging(means, limits, holds)
    counter.audit.noted = flagging.kick
    return (
        Registry(
            RegistryDesk(means, flagging.kick),
            CardLists(means, max_rows, flagging.kick),
            LinkDesk(means),
            FlagDesk(means, flagging.kick),
            counter.holder,
        ),
        flagging,
    )
