"""All readers of a daemon as one fleet, and what the metrics say of them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from typing import Any

from daemon.code_channels import channels_of
from daemon.settings import Settings
from middleware.domain.card import READER_STATES
from middleware.ops.metrics import Metrics
from readers.cards.social_security_read import in_order
from readers.fleet import ReaderFleet, ReaderKind
from readers.media.link import MediaReaders
from readers.media.stored import with_stored
from readers.pcsc.link import PcscReaders
from readers.remote.link import RemoteReaders


def readers_of(settings: Settings, reactor: Any, now: Callable[[], dt.datetime], metrics: Metrics) -> ReaderFleet:
    """Build every kind of reader; starts nothing."""

    def today() -> dt.date:
        return now().date()

    procedure = with_stored(in_order(settings.pcsc.kinds), settings.stored_cards)
    local = PcscReaders(settings.pcsc, reactor, today, now, procedure=procedure)
    remote = RemoteReaders(settings.remote_readers, reactor, today, now, procedure)
    media = MediaReaders(settings.readers, settings.codes, reactor, today, now, channels_of(now))
    fleet = ReaderFleet([ReaderKind("pcsc", local), ReaderKind("remote", remote), ReaderKind("media", media)])

    def measure() -> None:
        metrics.reader_states(local.statuses())
        states = Counter(status.state for status in fleet.statuses())
        for state in READER_STATES:
            metrics.set("readers", states[state], state)
        for state, count in zip(("connected", "away"), remote.agents, strict=True):
            metrics.set("reader_agents", count, state)
        metrics.set("reader_agent_links_lost", remote.links_lost)
        metrics.set("reader_agent_round_trip_seconds", remote.slowest_s)

    metrics.before_scrape(measure)
    return fleet
