"""The composition root: one function builds and wires all parts. Only here are the real clock, ids and randomness named."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable
from typing import Any

import structlog
from attrs import frozen

from adapters.bank.iso8583.adapter import Iso8583Bank
from adapters.his.hl7v2.destinations import destinations_of
from adapters.insurance.mobile.beside import CentreWithMobile
from adapters.insurance.opening import beside, centre_of
from adapters.insurance.profile import Profile, load_profile
from adapters.insurance.signing.credentials import read_secret
from adapters.insurance.signing.opening import gateway_window_s
from daemon import VERSION
from daemon.anchoring import Anchoring
from daemon.card_keys import cards_of
from daemon.catalogue_parts import catalogues_of
from daemon.cataloguing import Cataloguing
from daemon.chain_watch import ChainWatch
from daemon.his_links import HisLinks, Outboxes, answers_of, links_of, news_of, outboxes_of
from daemon.opening import Opened, open_store
from daemon.policies import calls_of, categories_of, cross_of, finish_of, kinds_of, local_of, mobile_of
from daemon.readers import readers_of
from daemon.reconciling import Reconciling
from daemon.settings import EngineOptions, Settings
from daemon.watch import Watch
from middleware.domain.catalogue import CATALOGUES
from middleware.domain.health import Condition, PartHealth
from middleware.domain.message_id import MessageIds
from middleware.doors.feed.resource import feed_resource
from middleware.doors.local_api.door import LocalApi
from middleware.doors.local_api.handlers import Business
from middleware.doors.mllp.door import MllpDoor
from middleware.doors.mllp.reading import TELLING, reader_of
from middleware.doors.notices.door import NoticeDoor
from middleware.doors.tokens import TokenTable
from middleware.engine.asking import Patience
from middleware.engine.bureau import StoredFeed
from middleware.engine.card_sessions import CardSessions
from middleware.engine.comparison import Rules, Run
from middleware.engine.debit_desk import DebitDesk
from middleware.engine.desk import ManualDesk
from middleware.engine.destinations import DestinationDesk
from middleware.engine.enquiry import EnquiryDesk
from middleware.engine.fencing import FencedBank, FencedCentre
from middleware.engine.filing_desk import FilingDesk
from middleware.engine.flagging import Flagging
from middleware.engine.flags import StoredFlags
from middleware.engine.gate import Gate
from middleware.engine.inbox import Inbox
from middleware.engine.intake import Intake
from middleware.engine.journal import Journal
from middleware.engine.keydesk import KeyDesk
from middleware.engine.letters import LetterDesk
from middleware.engine.masters import NameRule
from middleware.engine.media import MediaDesk
from middleware.engine.members import AUDIT, CATALOGUE, INTAKE, OUTBOX, RECONCILIATION, LeaseTerms, Members
from middleware.engine.mobile import MobileNotices
from middleware.engine.pools import Pool
from middleware.engine.reconcile import Reconciler
from middleware.engine.reconcile_desk import ReconciliationDesk
from middleware.engine.recovery import recover
from middleware.engine.registries import Registry, registry_of
from middleware.engine.runner import Engine, Means
from middleware.engine.service import CounterService, Waits
from middleware.engine.told import HisTold, his_told
from middleware.engine.traces import TraceNumbers, name_of
from middleware.flow.audit_rules import RULES
from middleware.flow.step import Policy
from middleware.ops.metrics import Metrics
from middleware.ops.site import HttpSite, build_site
from middleware.ops.tick import TickProbe
from middleware.store.destinations import DestinationsReader
from middleware.store.doubts import Doubts
from middleware.store.inbox import InboxReader
from middleware.store.letters import LettersReader
from middleware.store.lock import Hold
from middleware.store.reader import Reader
from middleware.store.statements import Statements
from middleware.store.vault import Vault
from middleware.store.writer import Writer
from readers.auth.keyed import ReadersWithKeys
from readers.fleet import ReaderFleet

log = structlog.get_logger()

READ_QUEUE = 2000


@frozen(slots=True)
class Application:
    """The parts, in the order in which they start; they stop in the opposite order."""

    settings: Settings
    database: Any
    vault: Vault
    hold: Hold | None
    pool: Pool
    journal: Journal
    readers: ReaderFleet
    cards: CardSessions
    his: HisLinks
    centre: CentreWithMobile
    bank: Iso8583Bank | None
    members: Members
    engine: Engine
    gate: Gate
    keys: KeyDesk
    outbox: Outboxes
    watch: Watch
    chain: ChainWatch
    anchoring: Anchoring
    tick: TickProbe
    reconciling: Reconciling
    cataloguing: Cataloguing
    flagging: Flagging
    intake: Intake
    debits: DebitDesk
    enquiries: EnquiryDesk
    filings: FilingDesk
    door: LocalApi
    mllp: MllpDoor
    notices: NoticeDoor | None
    site: HttpSite

    async def start(self) -> None:
        """Nothing is received before what an earlier life left is known (recovery)."""
        self.pool.start()
        self.journal.start()
        self.his.start()
        self.centre.start()
        if self.bank is not None:
            self.bank.start()
        self.readers.start()
        await self.members.begin()
        self.keys.start()
        self.outbox.start()
        self.watch.start()
        self.chain.start()
        self.anchoring.start()
        self.tick.start()
        self.reconciling.start()
        self.cataloguing.start()
        self.flagging.start()
        self.debits.start()
        self.filings.start()
        self.intake.start()
        self.site.start()
        self.door.start()
        self.mllp.start()
        if self.notices is not None:
            self.notices.start()
        log.info("daemon.ready", version=VERSION, epoch=self.journal.epoch)

    async def stop(self) -> None:
        """Receive nothing new, let what was sent end or become unknown, write everything down, leave."""
        log.info("daemon.stopping")
        self.engine.refuse_new()
        for stop in (
            *((self.notices.stop,) if self.notices is not None else ()),
            self.mllp.stop,
            self.door.stop,
            self.site.stop,
            self.watch.stop,
            self.chain.stop,
            self.anchoring.stop,
            self.tick.stop,
            self.reconciling.stop,
            self.cataloguing.stop,
            self.flagging.stop,
            self.debits.stop,
            self.filings.stop,
            self.enquiries.stop,
            self.intake.stop,
            self.keys.stop,
            self.outbox.stop,
            lambda: self.engine.stop(self.settings.engine.drain_s),
            self.cards.stop,
            self.readers.stop,
            self.his.stop,
            self.centre.stop,
            *((self.bank.stop,) if self.bank is not None else ()),
            self.members.stop,
            self.journal.stop,
            self.pool.stop,
            self.vault.dispose,
            self.database.dispose,
            *((self.hold.dispose,) if self.hold is not None else ()),
        ):
            try:
                ending = stop()
                if ending is not None:
                    await ending
            except Exception:
                # A part that fails to stop must not keep the others, and with their threads the process, alive.
                log.exception("daemon.part_not_stopped")
        log.info("daemon.stopped")


def policy_of(settings: Settings, profile: Profile) -> Policy:
    """The region's rules and the site's waits, as the flow wants them."""
    engine = settings.engine
    return Policy(
        reversible=calls_of(profile.reversible),
        quote_valid_s=profile.quote_expiry_s,
        first_check_s=engine.first_check_s,
        repeat_s=engine.repeat_s,
        repeat_max_s=engine.repeat_max_s,
        max_attempts=engine.max_attempts,
        doubt_limit_s=engine.doubt_limit_s,
        file_at=settings.reconcile.at if settings.reconcile.enabled and profile.statement.detail else None,
        processing_limit_s=profile.processing_limit_s,
        not_found_codes=frozenset(profile.not_found_codes),
        already_reversed_codes=frozenset(profile.already_reversed_codes),
        sign_in_again_codes=frozenset(profile.sign_in_again_codes),
        max_clock_skew_s=clock_limit_s(settings, profile),
        cancel_on_his_refusal=engine.cancel_on_his_refusal,
        adopt_listed=profile.adopt_listed,
        bank_limit_s=settings.bank.processing_limit_s,
        cancel_on_capture_refusal=settings.bank.cancel_on_capture_refusal,
        kinds=kinds_of(profile),
        categories=categories_of(profile),
        local=local_of(profile),
        cross=cross_of(profile),
        query_visits=profile.query_visits,
        finish=finish_of(profile),
        mobile=mobile_of(profile, enabled=settings.mobile.enabled),
        already_done_codes=frozenset(profile.already_done_codes),
    )


def clock_limit_s(settings: Settings, profile: Profile) -> float:
    """How far our clock may be from the centre's: as the site says, and no further than its gateway lets a message in."""
    window = gateway_window_s(profile)
    return settings.engine.max_clock_skew_s if window is None else min(settings.engine.max_clock_skew_s, window)


def clock_health(ahead_s: float | None, limit_s: float) -> PartHealth:
    """The part ``clock``: DOWN while it differs from the centre's by more than the limit, for then no money is begun."""
    if ahead_s is None:
        return PartHealth("clock", Condition.GOOD, "", "the centre has not told the time yet")
    detail = f"{ahead_s:+.0f} s against the centre's clock"
    if abs(ahead_s) > limit_s:
        return PartHealth("clock", Condition.DOWN, "system.clock_skew", detail)
    return PartHealth("clock", Condition.GOOD, "", detail)


def clock_of(offset_minutes: int) -> Callable[[], dt.datetime]:
    """The wall clock in the hospital's zone."""
    zone = dt.timezone(dt.timedelta(minutes=offset_minutes))
    return lambda: dt.datetime.now(zone)


def uptime() -> float:
    """Seconds since the machine started: it goes on while the process, or the machine, stands still."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def build(settings: Settings, reactor: Any) -> Application:
    """Build and wire everything; starts nothing. Raises ``Fault`` or ``ConfigError``/``ValueError`` when it cannot be."""
    now = clock_of(settings.engine.utc_offset_minutes)
    tokens = TokenTable.load(settings.accounts)
    profile = load_profile(settings.centre.profile)
    metrics = Metrics(VERSION)

    opened = open_store(settings)
    database = opened.database
    reader = Reader(database, opened.vault)
    journal, members, ids = join(settings, opened, reactor, metrics)
    pool = Pool(reactor, "store-readers", settings.store.read_threads, READ_QUEUE)

    readers = readers_of(settings, reactor, now, metrics)
    his = links_of(settings.his, reactor)
    centre = beside(centre_of(settings.centre, reactor, now, profile), settings.mobile, reactor, now, profile)
    bank = Iso8583Bank(settings.bank, reactor) if settings.bank.enabled else None
    engine = Engine(
        Means(
            journal=journal,
            reader=reader,
            pool=pool,
            centre=FencedCentre(centre, members.lives),
            clock=reactor,
            now=now,
            next_message_id=lambda: ids.next(now()),
            jitter=random.SystemRandom().random,
            policy=policy_of(settings, profile),
            institution=settings.centre.institution_code,
            shared=members.terms.shared,
            bank=FencedBank(bank, members.lives) if bank is not None else None,
            traces=TraceNumbers(reader.meta(name_of(ids.slot)), ids.slot),
            on_call=lambda call, outcome, seconds: metrics.centre_call(str(call), outcome.split()[0], seconds),
            handed_over=lambda: metrics.count("settlement_handed_over_total"),
            destinations=destinations_of(settings.his),
        )
    )
    serve_members(members, engine)
    keyed = ReadersWithKeys(readers, settings.card_keys, reactor)
    counter = CounterService(
        engine,
        keyed,
        waits_of(settings.engine),
        settings.registry.rules,
    )
    registry, flagging = registry_of(
        counter, settings.audit.limits, settings.registry.list_max_rows, lambda: members.holds(AUDIT)
    )
    cards, driver, debits = cards_of(settings.card_keys, keyed, counter, reactor, now)
    enquiries, filings = services_of(engine, counter)
    watch = Watch(engine, reactor, now)
    outbox = outboxes_of(settings.his, his, database, engine, metrics, lambda: members.holds(OUTBOX), lambda: watch.letters)
    chain = ChainWatch(opened, journal, pool, reactor)
    anchoring = Anchoring(settings.anchor, database, settings.centre.institution_code, reactor, now)
    health: list[Callable[[], PartHealth]] = [
        journal.health, *readers.healths(), keyed.psam.health, *his.healths(), centre.health, *outbox.healths(),
        watch.health, watch.errands_health, chain.health, anchoring.health, members.health,
        *((bank.health,) if bank is not None else ()),
    ]  # fmt: skip
    clock_limit = clock_limit_s(settings, profile)
    metrics.set("clock_limit_seconds", clock_limit)
    health += [
        lambda: clock_health(centre.clock_ahead_s(), clock_limit),
        flagging.health,
        flagging.links_health,
        debits.health,
        filings.health,
    ]
    desk = ManualDesk(engine, Doubts(database, opened.vault))
    keys = KeyDesk(engine, database, opened.vault, settings.keys.keep_days)
    store = Statements(database, reader)
    reconciler, reconciling = reconciliation(settings, profile, engine, store, lambda: members.holds(RECONCILIATION))
    reconcile_desk = ReconciliationDesk(reconciler, store, pool)
    cataloguing, catalogues = catalogues_of(
        settings, profile.catalogue.rules, engine, counter, database, lambda: members.holds(CATALOGUE), reactor
    )
    health += [keys.health, reconciling.health, cataloguing.health]
    inbox, told = inbox_of(settings, engine.means, registry, InboxReader(database, opened.vault), members)
    business = Business(
        counter,
        keyed,
        health,
        reactor,
        now,
        VERSION,
        desk,
        reconcile_desk,
        keys,
        inbox=inbox,
        registry=registry,
        cards=cards,
        driver=driver,
        debits=debits,
        media=MediaDesk(counter.card_desk, keyed, readers, counter.audit),
        told=told,
        destinations=DestinationDesk(engine, DestinationsReader(database), engine.means.destinations, outbox.look_again),
        finding=news_of(settings.his, his, engine, counter, registry),
        enquiries=enquiries,
        filings=filings,
        catalogues=catalogues,
        letters=LetterDesk(engine, LettersReader(database, opened.vault), outbox.look_again),
    )
    door = LocalApi(settings.local_api, business, tokens, reactor, metrics.api_request)
    answers = answers_of(settings.his, his, outbox, LettersReader(database), pool)
    mllp = MllpDoor(settings.mllp, inbox, reactor, now, told, answers)
    notices = notices_of(settings, centre, engine, store, reactor, metrics)
    health += [door.health, mllp.health, told.intake.health]
    health += [part.health for part in (centre.mobile, notices) if part is not None]
    feeds = StoredFeed(pool, reader), StoredFlags(pool, reader)
    site = site_of(settings, metrics, health, feeds, tokens, reactor)
    metrics.watch_parts(health)

    tick = TickProbe(reactor, lambda late: metrics.observe("reactor_tick_lag_seconds", late))
    application = Application(
        settings, database, opened.vault, opened.hold, pool, journal, readers, cards, his, centre, bank, members, engine,
        counter.gate, keys, outbox, watch, chain,
        anchoring, tick, reconciling, cataloguing, flagging, told.intake, debits, enquiries, filings, door, mllp, notices,
        site,
    )  # fmt: skip
    metrics.before_scrape(lambda: _measure(application, metrics))
    return application


def site_of(
    settings: Settings,
    metrics: Metrics,
    health: list[Callable[[], PartHealth]],
    feeds: tuple[StoredFeed, StoredFlags],
    tokens: TokenTable,
    reactor: Any,
) -> HttpSite:
    """The HTTP listener with the bureau's feed on it; it is one of the parts that it tells of."""
    now = clock_of(settings.engine.utc_offset_minutes)
    feed = feed_resource(*feeds, tokens, settings.feed, reactor, now, metrics.feed_request)
    site = build_site(settings.http, metrics, health, VERSION, reactor, feed)
    health.append(site.health)
    return site


def inbox_of(
    settings: Settings, means: Means, registry: Registry, reader: InboxReader, members: Members
) -> tuple[Inbox, HisTold]:
    """What comes over HL7, and what follows from it by each link's profile."""
    profiles = {name: (link.charset, link.profile()) for name, link in settings.mllp.items()}
    told = his_told(means, registry, reader, reader_of(profiles), TELLING, lambda: members.holds(INTAKE))
    return Inbox(means.journal, means.pool, reader, means.now, means.clock), told


def services_of(engine: Engine, counter: CounterService) -> tuple[EnquiryDesk, FilingDesk]:
    """What is asked of the centre beside visits, and what is filed with it."""
    enquiries = EnquiryDesk(engine, counter)
    return enquiries, FilingDesk(engine, enquiries)


def notices_of(
    settings: Settings, centre: CentreWithMobile, engine: Engine, store: Statements, reactor: Any, metrics: Metrics
) -> NoticeDoor | None:
    """The door for notices of payment, where there is a channel that could send them."""
    if centre.mobile is None:
        return None
    options = settings.mobile_notices
    where = options.path_secret
    secret = read_secret(where, "mobile_notices.path_secret").decode("latin-1") if where else ""
    return NoticeDoor(
        options,
        centre.mobile,
        MobileNotices(engine, store),
        reactor,
        secret,
        lambda outcome: metrics.count("mobile_notices_total", outcome),
    )


def serve_members(members: Members, engine: Engine) -> None:
    """What this node's engine does when its life begins anew, or another's ends."""
    members.forget = engine.forget
    members.take_over = lambda again: recover(engine, mine=again)


def waits_of(engine: EngineOptions) -> Waits:
    """How long callers wait."""
    return Waits(
        engine.register_wait_s, engine.quote_wait_s, engine.settle_wait_s, engine.card_read_valid_s,
        NameRule(engine.his_names),
    )  # fmt: skip


def reconciliation(
    settings: Settings, profile: Profile, engine: Engine, store: Statements, holds: Callable[[], bool]
) -> tuple[Reconciler, Reconciling]:
    """What compares days with the centre, and what does so by the clock."""
    options, means = settings.reconcile, engine.means
    zone = dt.timezone(dt.timedelta(minutes=settings.engine.utc_offset_minutes))
    rules = Rules(zone, profile.statement.rules, options.keys, options.days_back)
    patience = Patience(repeat_s=options.repeat_s, ready_within_s=options.ready_within_s, rest_s=options.rest_s)
    parts: list[Reconciling] = []

    def ended(run: Run) -> None:
        parts[0].ended(run)

    reconciler = Reconciler(engine, store, rules, patience, ended, holds)
    parts.append(Reconciling(options, reconciler, store, means.pool, means.clock, means.now, holds))
    return reconciler, parts[0]


def join(settings: Settings, opened: Opened, reactor: Any, metrics: Metrics) -> tuple[Journal, Members, MessageIds]:
    """Begin this process's life on the database: an epoch, a lease, a part of the message ids (invariants 17, 18, 23)."""
    membership = settings.store.membership
    writer = Writer(opened.database, membership=membership, vault=opened.vault)
    journal = Journal(reactor, writer, lambda units, seconds: metrics.journal_commit(seconds, units))
    life = writer.life
    ids = MessageIds(settings.centre.institution_code, life.newest_message_id, life.slot, membership.slots)
    terms = LeaseTerms(membership.shared, membership.lease_s, settings.store.lease_margin_s)
    return journal, Members(journal, reactor, uptime, terms, ids), ids


def _measure(a: Application, metrics: Metrics) -> None:
    metrics.set("settlement_unknown", a.watch.unknown)
    metrics.set("settlement_unknown_oldest_seconds", a.watch.oldest_s)
    metrics.set("settlement_manual", a.watch.manual)
    metrics.set("visit_errands_left", a.watch.left)
    metrics.set("filings_in_doubt", a.filings.now)
    metrics.set("settlement_resting", a.watch.resting)
    metrics.set("nodes_living", a.members.living)
    metrics.set("node_lease_held", a.members.lives())
    metrics.set("node_rejoined", a.members.rejoined)
    for link, result, count in a.mllp.figures():
        metrics.set("hl7_received", count, link, result)
    for name, link_ in a.mllp.links.items():
        metrics.set("hl7_connections", len(link_.connections), name)
    metrics.set("hl7_behind_seconds", a.intake.behind_s())
    a.outbox.measure(metrics)
    for state in ("balanced", "open", "failed"):
        metrics.set("reconcile_runs", a.reconciling.runs[state], state)
    metrics.set("reconcile_differences", a.reconciling.differences)
    metrics.set("reconcile_open_days", len(a.reconciling.open_days))
    metrics.set("reconcile_last_balanced_timestamp_seconds", a.reconciling.balanced_at)
    for name in CATALOGUES:
        standing = a.cataloguing.standing.get(name)
        metrics.set("catalogue_rows", standing.rows if standing is not None else 0, name)
        metrics.set("catalogue_age_seconds", a.cataloguing.age_s(name), name)
    for state in ("loaded", "newest", "failed"):
        metrics.set("catalogue_loads", a.cataloguing.loads[state], state)
    for rule in RULES:
        metrics.set("audit_flags_unseen", a.flagging.by_rule.get(rule.name, 0), rule.name)
    metrics.set("cards_listed", a.flagging.listed)
    metrics.set("cards_refused", a.gate.refused)
    metrics.set("link_conflicts", a.flagging.conflicts)
    metrics.set("api_connections", a.door.connections)
    metrics.set("api_in_flight", a.door.in_flight)
    metrics.set("journal_head_sequence", a.journal.head_sequence)
    metrics.set("clock_ahead_seconds", a.centre.clock_ahead_s() or 0.0)
