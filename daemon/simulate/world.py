"""One seed from its first patient to the last check. Nothing in it asks the machine's clock or its randomness."""

from __future__ import annotations

import datetime as dt
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

from twisted.internet.defer import ensureDeferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from daemon.simulate.bank import BankBook, BankDials, Witness
from daemon.simulate.bank_checks import legs_rest, look_at_the_bank
from daemon.simulate.callers import Callers
from daemon.simulate.cards import CardRoom, a_card_that_was_not_read_whole_is_unknown_at_the_centre
from daemon.simulate.checks import (
    ALWAYS,
    AT_REST,
    Books,
    at_rest,
    every_message_has_an_end,
    nothing_in_flight_of_an_earlier_life,
    read_tables,
)
from daemon.simulate.copies import MARK, each_destination_is_told_each_fact_once, what_is_delivered_it_has
from daemon.simulate.custody import Custody
from daemon.simulate.custody_checks import look_at_the_seals
from daemon.simulate.cycle_checks import look_at_the_cycles
from daemon.simulate.cycle_runs import CycleNight, CycleRuns
from daemon.simulate.cycles import OldCentre
from daemon.simulate.dials import Dials, quiet
from daemon.simulate.doubts import doubts_are_pursued_in_order
from daemon.simulate.forgetting import Forgetting
from daemon.simulate.hospital import HisBook
from daemon.simulate.identity_desk import IdentityDesk
from daemon.simulate.losses import Losses, a_card_that_was_reported_lost_pays_nothing
from daemon.simulate.night import Night, both_say_the_same, the_totals_sent_are_the_days_own
from daemon.simulate.node import LEASE_S, ZONE, Node, Surroundings
from daemon.simulate.operators import ROUNDS, Operators, nobody_decides_alone, nothing_waits_for_a_person, waiting
from daemon.simulate.parts import Mortal
from daemon.simulate.payers import Payers, a_purse_is_what_was_debited
from daemon.simulate.phone_checks import look_at_the_phones
from daemon.simulate.phones import Phones
from daemon.simulate.purses import PurseRoom
from daemon.simulate.story import Story
from daemon.simulate.tills import Tills, batches_are_their_rows, each_certainty_is_one_row
from daemon.simulate.ward import Ward, is_disputed
from daemon.simulate.ward_checks import look_at_what_was_told, what_is_open_can_be_billed
from daemon.simulate.watch import Watch
from daemon.simulate.wire import Exchange
from middleware.domain.fault import Fault
from middleware.domain.mobile import OrderStands
from middleware.engine.mobile import MobileNotices

MIDNIGHT = dt.datetime(2026, 11, 21, tzinfo=ZONE)
AT_CONNECT = 0.1
SHARED_REST_S = 3 * 3600.0  # nodes that renew their leases never rest: a shorter patience, so that it ends
LOOK_S = 600.0  # from one look at whether all is at rest to the next
DAY_S = 24 * 3600.0
REST_S = 48 * 3600.0  # by then everything must be at rest
AMBUSHED = 0.6  # of crashes and clock steps: they wait for money to be on its way
STRUCK = 0.4
SWEEPS = 3  # whoever hears only then that a number is disputed asks again when that was decided
MAX_STEPS = 2_000_000


class World:
    """The whole of one seed."""

    def __init__(
        self, seed: int, dials: Dials, hours: float, template: Path, directory: Path, bank_dials: BankDials
    ) -> None:
        self.seed = seed
        self.dials = dials
        self.hours = hours
        self.hour, self.first_check_s = dials.hour, dials.first_check_s
        self.clock = Clock()
        self.story = Story(self.clock.seconds)
        self.rng = random.Random(f"world/{seed}")  # noqa: S311 - seeded randomness is the point
        self.offsets = {f"n{n}": dt.timedelta(0) for n in range(1, dials.nodes + 1)}
        self.skew_s = dials.skew_s
        self.path = directory / f"seed-{seed}.db"
        self.forget_files()
        shutil.copyfile(template, self.path)
        self.exchange = Exchange(
            self.clock, self._stream("centre"), self._stream("odd"), self.story, self.day, self._stream("phones")
        )
        self.exchange.phones.tells = self._tell_of_payment
        self.exchange.dials = dials
        if dials.cycles:
            self.exchange.cycles = OldCentre(self.exchange.ledger, self.story)
        self.exchange.connecting = self._connecting
        self.pauses = 0  # still to come, at the worst moment
        self.regional = False  # its region may ask for evidence in another order
        self.his = HisBook(self.clock, self._stream("his"), self._stream("his-odd"), self.story)
        self.his.dials = dials
        self.copies = self._second() if dials.copies else None
        self.bank = BankBook(self.clock, self._stream("bank"), self.story, bank_dials)
        self.cards = CardRoom(self.clock, self._stream("cards"), self.story, self.day)
        self.cards.dials = dials
        self.looker = sqlite3.connect(self.path, isolation_level=None)
        self.watch = Watch(self, self.looker)
        self.purses = PurseRoom(self.clock, self._stream("purses"), self.story, self.looker) if dials.purses else None
        self.ambushes: list[Callable[[], None]] = []
        self.custody = Custody(self, self._stream("custody"), self.looker, dials.keys) if dials.keys else None
        around = Surroundings(
            f"sqlite:///{self.path}",
            self.exchange,
            self.his,
            self._stream("node"),
            self.story,
            self.wall,
            dials,
            self.watch.wrote,
            self.bank,
            cards=self.cards,
            copies=self.copies,
            purses=self.purses,
            custody=self.custody,
        )
        self.around = around
        self.heads: list[tuple[str, int, str]] = []
        self.lost: list[Failure] = []
        self.exchange.leaving = self.watch.leaves
        for book in filter(None, (self.his, self.copies)):
            book.hears, book.delivers = self.watch.his_hears, self.watch.delivers
        self.witness = Witness(self.bank, self.exchange.ledger, self.looker, self.story, self.strike)
        self.nodes = {name: Node(around, name) for name in (f"n{n}" for n in range(1, dials.nodes + 1))}
        self.choice = self._stream("choice")
        self.losses = Losses(self, self._stream("losses"))
        self.callers = Callers(self, self._stream("callers"), self._stream("taps"))
        if self.custody is not None:
            self.custody.callers = self.callers
        self.tills = Tills(self, self._stream("tills"), self.callers)
        self.ward = Ward(self, self._stream("ward"), self.callers, self._struck) if dials.told else None
        self.identities = (
            IdentityDesk(self, self.ward, self.his, self._stream("identities")) if self.ward is not None else None
        )
        self.payers = self._payers()
        self.cycles = self._cycles()
        self.strikes = (dials.crashes + 1) // 2  # between a message's answer and what it means

    def _payers(self) -> Payers | None:
        if self.purses is None:
            return None
        self.purses.dials = self.dials
        return Payers(self, self.purses, self._stream("payers"), self.callers)

    def _cycles(self) -> CycleRuns | None:
        centre = self.exchange.cycles
        if centre is None:
            return None
        centre.strikes = self._struck_after_a_comparison
        return CycleRuns(self, centre, self._stream("cycles"))

    def _second(self) -> HisBook:
        book = HisBook(self.clock, self._stream("copies"), self._stream("copies-odd"), self.story, MARK)
        book.dials = self.dials
        return book

    def _stream(self, name: str) -> random.Random:
        return random.Random(f"{name}/{self.seed}")  # noqa: S311 - seeded randomness is the point

    @property
    def node(self) -> Node:
        """A node that serves now, when there is one."""
        nodes = list(self.nodes.values())
        return self.choice.choice([node for node in nodes if node.ready] or nodes) if len(nodes) > 1 else nodes[0]

    @property
    def phones(self) -> Phones:
        """The people's phones."""
        return self.exchange.phones

    def at(self, name: str) -> Node:
        """The node of that name, as it is now."""
        return self.nodes[name]

    @property
    def shared(self) -> bool:
        """Whether several nodes share the database."""
        return len(self.nodes) > 1

    def day(self) -> dt.datetime:
        """True time; the centre's clock and the callers'."""
        return MIDNIGHT + dt.timedelta(hours=self.hour, seconds=self.clock.seconds())

    def wall(self, name: str) -> dt.datetime:
        """A node's wall clock, which steps; each its own."""
        number = int(name[1:]) - 1
        return self.day() + self.offsets[name] + number * dt.timedelta(seconds=self.skew_s)

    # -- what is done to it

    def strike(self) -> None:
        """Where it hurts: while money is on its way, within a commit's time of it or within the centre's limit."""
        if self.ambushes and self.rng.random() < STRUCK:
            self.clock.callLater(self.rng.random() * self.rng.choice((0.02, 1, 60)), self.ambushes.pop())

    def play(self) -> None:
        """Both phases. Raises ``BrokenRuleError``."""
        for name in self.nodes:
            self._start(name)
        seconds = self.hours * 3600
        self.callers.begin(seconds * 0.7)
        self.tills.begin(seconds)
        for others in (self.ward, self.identities, self.payers, self.custody, self.cycles):
            if others is not None:
                others.begin(seconds)
        strokes = [self._crash] * self.dials.crashes + [self._step_clock] * self.dials.clock_steps
        strokes += [self._pause] * (self.dials.pauses // 2)
        self.pauses = self.dials.pauses - self.dials.pauses // 2
        for stroke in strokes:
            if self.rng.random() < AMBUSHED:
                self.ambushes.append(stroke)
            else:
                self.clock.callLater(self.rng.uniform(0, seconds), stroke)
        self.rng.shuffle(self.ambushes)
        self._run(seconds)
        self.ambushes.clear()
        self.pauses = self.strikes = 0
        self.story.tell("node faults end")
        self.turn(quiet(self.dials))
        self.bank.quiet()
        if self.first_check_s > REST_S / 2 or (
            self.dials.files and self.dials.limit_s > DAY_S
        ):  # nobody pursues what was lost before the books are compared
            self._night(strict=self.dials.named)
        self.rest()
        self._evening()
        self.tills.close_all()
        self.rest()
        self.look((*ALWAYS, *AT_REST))
        for name in self.nodes:
            self._crash(name)  # a last restart: what rests must not wake up again
        self.rest()
        self._ask_everything_again()
        self.look((*ALWAYS, *AT_REST, every_message_has_an_end))
        self.decide()
        self._evening()
        self._sweep()
        self._cards_come_again()
        self._night()
        if self.custody is not None:
            Forgetting(self, self.custody).play()

    def _cards_come_again(self) -> None:
        """What a card proves of its doubts, and what two persons decide of the rest."""
        if self.payers is not None and self.purses is not None:
            ensureDeferred(self.payers.finish()).addErrback(self.lost.append)
            self.rest()
            self._raise_what_was_lost()
            a_purse_is_what_was_debited(self.books(), self.purses, decided=True)

    def _sweep(self) -> None:
        """The windows are asked for what is still to be billed, now that nothing is open and everybody is who he is."""
        if self.ward is not None and self.identities is not None:
            books = self.books()
            for _ in range(SWEEPS):
                for what in (self.identities.clear, self.ward.sweep):
                    ensureDeferred(what()).addErrback(self.lost.append)
                    self.rest()
                if not any(is_disputed(heard) for _, heard in self.ward.swept):
                    break
            self._raise_what_was_lost()
            what_is_open_can_be_billed(books, self.ward)

    def decide(self) -> None:
        """People decide what no machine could establish; what follows from it comes to rest."""
        operators = Operators(self, self.exchange.ledger, self._stream("desk"))
        for _ in range(ROUNDS):
            books = self.books()
            if not waiting(books):
                break
            ensureDeferred(operators.clear(books)).addErrback(self.lost.append)
            self.rest()
        self._raise_what_was_lost()
        self.look((*ALWAYS, *AT_REST, nobody_decides_alone, nothing_waits_for_a_person))

    def _evening(self) -> None:
        """An old centre's cycles are compared, so that it goes on taking messages."""
        if self.cycles is not None:
            self.cycles.evening(self.rest)
            self._raise_what_was_lost()

    def _night(self, *, strict: bool = True) -> None:
        if self.cycles is not None:
            CycleNight(self, self.exchange.ledger, self.dials, self._look_at_the_cycles, self.cycles).play()
            return
        Night(self, self.exchange.ledger, self.dials, self._look_after_the_night, strict).play()

    # -- the night

    def let_pass(self, seconds: float) -> None:
        """Let time pass, whether anything happens or not."""
        until = self.clock.seconds() + seconds
        self._run(until)
        self.clock.advance(max(0.0, until - self.clock.seconds()))

    def turn(self, dials: Dials) -> None:
        """From now on it is so."""
        self.exchange.dials = self.his.dials = self.cards.dials = self.around.dials = self.dials = dials
        if self.copies is not None:
            self.copies.dials = dials
        if self.purses is not None:
            self.purses.dials = dials
        for node in self.nodes.values():
            node.journal.dials = dials

    def end_all(self) -> None:
        """Every node is gone."""
        for node in self.nodes.values():
            if node.life.alive:
                node.kill()

    def begin_one(self) -> None:
        """One node starts."""
        self._rise(next(iter(self.nodes)))

    def begin_all(self) -> None:
        """Every node starts."""
        for name in self.nodes:
            self._rise(name)

    def one(self) -> Node:
        """The one node."""
        return next(iter(self.nodes.values()))

    def end_one(self) -> None:
        """It crashes, and rises again."""
        self._crash(next(iter(self.nodes)))

    def _look_at_the_cycles(self) -> None:
        self.look(ALWAYS)
        books = self.books()
        both_say_the_same(books)
        if self.exchange.cycles is not None:
            look_at_the_cycles(books, self.exchange.cycles)

    def _look_after_the_night(self) -> None:
        self.look(ALWAYS)
        books = self.books()
        both_say_the_same(books)
        the_totals_sent_are_the_days_own(books)

    def rest(self) -> None:
        """Until nothing is left to happen; nodes that renew their leases for ever are looked at now and then."""
        until = self.clock.seconds() + (SHARED_REST_S if self.shared else REST_S)
        if not self.shared:
            self._run(until)
        while self.shared and self.clock.seconds() < until:
            self._run(self.clock.seconds() + LOOK_S)
            books = self.books()
            if at_rest(books) and legs_rest(books) and all(node.ready for node in self.nodes.values()):
                break

    def _tell_of_payment(self, notice: OrderStands, tries: int = 3) -> None:
        """The channel tells a node; one that is not taken comes again, a few times."""
        node = self.node

        async def tell() -> None:
            try:
                await MobileNotices(node.engine, node.statements).taken(notice)
            except Fault:
                self._tell_again(notice, tries)

        def begin() -> None:
            ensureDeferred(tell()).addErrback(self.lost.append)

        if node.ready:
            node.life.do(begin)
        else:
            self._tell_again(notice, tries)

    def _tell_again(self, notice: OrderStands, tries: int) -> None:
        if tries > 1:
            self.clock.callLater(30, self._tell_of_payment, notice, tries - 1)

    def _struck(self, name: str) -> None:
        """A node that took something dies before, or while, it acts on it."""
        if self.strikes:
            self.strikes -= 1
            self.clock.callLater(self.rng.random() * self.rng.choice((0, 0.005, 0.05, 1)), self._crash, name)

    def _struck_after_a_comparison(self, life: object) -> None:
        """A node dies between what it compared and the sign-out, or before it has written down that it signed out."""
        name = next((name for name, node in self.nodes.items() if node.life is life), "")
        if name and self.rng.random() < STRUCK:
            self._struck(name)

    def _start(self, name: str) -> None:
        node = self.nodes[name]
        node.failed = lambda: self._crash(name)

        def started(_: object) -> None:
            if not node.ready:
                return
            books = self.books()
            nothing_in_flight_of_an_earlier_life(books, shared=self.shared)

        done = ensureDeferred(node.start())
        done.addCallback(started)
        done.addErrback(self.lost.append)

    def _any(self) -> str:
        return self.rng.choice(list(self.nodes)) if self.shared else "n1"

    def harm(self, name: str, *, pause: bool) -> None:
        """That node dies, or stands still."""
        (self._pause if pause else self._crash)(name)

    def _crash(self, name: str = "") -> None:
        name = name or self._any()
        node = self.nodes[name]
        if not node.life.alive:
            return
        self.story.fault("crash", f"node {name}")
        node.kill()
        self.look(ALWAYS)
        self.clock.callLater(self.rng.uniform(0.5, 200), self._rise, name)

    def _rise(self, name: str) -> None:
        self.nodes[name] = Node(self.around, name)
        self._start(name)

    def _connecting(self, life: object) -> None:
        """Where it hurts: a node stands still between an intent and its first byte."""
        name = next((name for name, node in self.nodes.items() if node.life is life), "")
        if name and self.pauses and self.rng.random() < AT_CONNECT:
            self.pauses -= 1
            self._pause(name)

    def _pause(self, name: str = "") -> None:
        """A node stands still, for less or for more than its lease, and goes on as if nothing had been."""
        name = name or self._any()
        life = self.nodes[name].life
        if life.alive and not life.paused:
            seconds = LEASE_S * self.rng.choice((0.3, 1, 1.5, 4)) * self.rng.uniform(0.8, 1.3)
            self.story.fault("pause", f"node {name} for {seconds:.1f} s")
            life.paused = True
            self.clock.callLater(seconds, self._wake, name, life)

    def _wake(self, name: str, life: Mortal) -> None:
        self.story.tell(f"node {name} wakes")
        life.wake()

    def _step_clock(self) -> None:
        name = self._any()
        self.offsets[name] += dt.timedelta(hours=self.rng.choice((-1, 1)))
        self.story.fault("clock-step", f"clock {name} {self.offsets[name]}")
        if self.dials.tells_time and self.offsets[name]:
            self.clock.callLater(self.rng.uniform(60, 7200), self._set_clock, name)

    def clocks_right(self) -> None:
        """A person at the desk saw what the clocks show."""
        for name in self.offsets:
            self._set_clock(name)

    def _set_clock(self, name: str) -> None:
        """Somebody read the alarm and set it right."""
        self.offsets[name] = dt.timedelta(0)
        self.story.tell(f"clock {name} set right")

    def _ask_everything_again(self) -> None:
        for asked in self.callers.asked:
            done = ensureDeferred(self.callers.ask_at_the_end(asked))
            done.addErrback(self.lost.append)
        self._run(self.clock.seconds() + (LOOK_S if self.shared else REST_S))

    def _run(self, until: float) -> None:
        """Let time pass until nothing is left to happen, at most until then."""
        for _ in range(MAX_STEPS):
            calls = self.clock.getDelayedCalls()
            if not calls:
                return
            when = min(call.getTime() for call in calls)
            if when > until:
                self.clock.advance(max(0.0, until - self.clock.seconds()))
                return
            self.clock.advance(max(0.0, when - self.clock.seconds()))
            self._raise_what_was_lost()
        self.story.require("live", f"no rest after {MAX_STEPS} steps", holds=False)

    def _raise_what_was_lost(self) -> None:
        if self.story.broken is not None:
            raise self.story.broken
        for failure in (*self.callers.broken, *self.lost):
            self.story.require("ours", f"{failure.value!r}", holds=False)

    # -- the books

    def books(self) -> Books:
        """Everybody's, as they are now."""
        return Books(
            self.story,
            self.exchange.ledger,
            self.his,
            self.watch.left,
            self.watch.originals,
            self.heads,
            read_tables(str(self.path)),
        )

    def look(self, checks: tuple[object, ...]) -> None:
        """Everything that must hold now."""
        books = self.books()
        for check in checks:
            check(books)  # type: ignore[operator]
        a_card_that_was_not_read_whole_is_unknown_at_the_centre(books, self.cards)
        a_card_that_was_reported_lost_pays_nothing(books, self.losses)
        if self.copies is not None and set(AT_REST) <= set(checks):
            each_destination_is_told_each_fact_once(books, self.copies)
            what_is_delivered_it_has(books, self.copies)
        if self.ward is not None and set(AT_REST) <= set(checks):
            look_at_what_was_told(books, self.ward)
        if self.purses is not None:
            a_purse_is_what_was_debited(books, self.purses)
        if self.custody is not None:
            look_at_the_seals(books, self.custody)
        batches_are_their_rows(books)
        each_certainty_is_one_row(books)
        look_at_the_phones(books, self.exchange.phones, rests=set(AT_REST) <= set(checks))
        look_at_the_bank(books, self.bank, rests=set(AT_REST) <= set(checks))
        if self.regional:
            doubts_are_pursued_in_order(books, self.dials)
        for table in ("journal", "feed"):
            if rows := books.of(table):
                self.heads.append((table, rows[-1]["sequence"], rows[-1]["hash"]))

    def forget_files(self) -> None:
        """Nothing of an earlier run of this seed."""
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        """Leave nothing behind."""
        self.looker.close()
        for node in self.nodes.values():
            if node.life.alive:
                node.kill()
        self.forget_files()
