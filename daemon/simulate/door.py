"""The HL7 door of one life of the node: the real link, inbox and intake; only the rounds are driven otherwise.

The daemon looks at what waits every two seconds. Here a look follows each message, each start and each failure, so that a
day in which nothing is left to do comes to rest.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Callable

from daemon.simulate.parts import InlinePool, Mortal, NodeClock, VirtualJournal
from middleware.domain.fault import Fault
from middleware.domain.told import PatientFacts, Query
from middleware.doors.mllp.link import Hl7Link
from middleware.doors.mllp.options import MllpOptions
from middleware.doors.mllp.profile import profile_of
from middleware.doors.mllp.reading import TELLING, reader_of
from middleware.engine.inbox import Inbox
from middleware.engine.intake import Intake
from middleware.engine.runner import Means
from middleware.engine.tasks import spawn
from middleware.hl7.charset import UTF_8
from middleware.store.inbox import InboxReader

LINK = "his"
ORDERED = profile_of(charges=("DFT^P03", "ORM^O01"), fields=("department_name=OBR-10.2",))
SHARE = {"told": 1.0, "nodes": 0.2, "hostile": 0.15}  # of a profile's days
VISITS = 2  # of others, on the days that are for this alone
AGAIN_S = 2.0  # after a look that failed
OTHERS_S = 60.0  # from one look to the next where another node may have taken what this one acts on


def drawn(seed: int, profile: str) -> bool:
    """Whether the HIS tells anything on this seed's day; by a stream of its own, as ``copies.drawn``."""
    rng = random.Random(f"intake/{profile}/{seed}")  # noqa: S311 - seeded randomness is the point
    return rng.random() < SHARE.get(profile, 0.0)


class Door:
    """Takes blocks as the connection would hand them over. Implements ``link.Listener``."""

    def __init__(
        self,
        means: Means,
        journal: VirtualJournal,
        inbox: InboxReader,
        clock: NodeClock,
        life: Mortal,
        now: Callable[[], dt.datetime],
        holds: Callable[[], bool],
    ) -> None:
        self.intake = Intake(means, inbox, reader_of({LINK: (UTF_8, ORDERED)}), TELLING, holds)
        self._link = Hl7Link(LINK, MllpOptions(), Inbox(journal, InlinePool(life), inbox, now, clock), clock, now, self)
        self._clock = clock
        self._holds = holds
        self._shared = means.shared
        self._busy = self._more = False

    def start(self) -> None:
        """What an earlier life took and did not act on comes first."""
        self.heard()
        if self._shared:
            self._clock.callLater(OTHERS_S, self.start)

    def block(self, payload: bytes, answer: Callable[[bytes], None]) -> None:
        """A message came."""
        self._link.block(payload, answer)

    def heard(self) -> None:
        """See ``Listener.heard``."""
        self._more = True
        if not self._busy:
            self._busy = True
            spawn(self._looks(), "intake")

    async def asked(self, query: Query) -> list[PatientFacts]:  # noqa: ARG002 - a port's shape
        """Nobody asks here."""
        return []

    async def _looks(self) -> None:
        try:
            while self._more:
                self._more = False
                if self._holds():
                    await self.intake.look()
        except Fault:
            self._clock.callLater(AGAIN_S, self.heard)
        finally:
            self._busy = False
