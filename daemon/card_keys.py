"""The sessions of cards, wired: by which PSAM, whose register, for how long."""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Callable
from typing import Any

from middleware.engine.card_debit import CardDebiting
from middleware.engine.card_sessions import CardSessions, Leases
from middleware.engine.debit_desk import DebitDesk
from middleware.engine.driver import Driver
from middleware.engine.service import CounterService
from readers.auth.keyed import ReadersWithKeys
from readers.auth.options import CardKeyOptions

ID_BYTES = 24  # nobody guesses one


def sessions_of(
    options: CardKeyOptions,
    readers: ReadersWithKeys,
    counter: CounterService,
    reactor: Any,
    now: Callable[[], dt.datetime],
) -> CardSessions:
    """Build them; each proof asks the register whether that PSAM may be used."""
    readers.psam.allowed = counter.gate.psam
    return CardSessions(
        readers,
        counter.audit,
        counter.card_desk,
        reactor,
        now,
        lambda: secrets.token_urlsafe(ID_BYTES),
        Leases(options.session_idle_s, options.session_s),
    )


def cards_of(
    options: CardKeyOptions,
    readers: ReadersWithKeys,
    counter: CounterService,
    reactor: Any,
    now: Callable[[], dt.datetime],
) -> tuple[CardSessions, Driver, DebitDesk]:
    """Sessions, the driver's functions over them, and the desk of debits, which is there also where debiting is off."""
    cards = sessions_of(options, readers, counter, reactor, now)
    debiting = CardDebiting(cards, counter.means, counter.audit, on=options.debit == "on")
    desk = DebitDesk(counter.means)
    debiting.changed = desk.kick
    return cards, Driver(cards, debiting), desk
