"""Readers at agents, read by the daemon over real TLS."""

from __future__ import annotations

import datetime as dt
import threading
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred, gatherResults

from middleware.domain.card import CardRead
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from readers.apdu import Exchange
from readers.cards.social_security_read import CardContext, Reading
from readers.remote.certificates import Authority, fingerprint_of
from readers.remote.messages import Closed
from simulators.card import PEOPLE, CardFaults
from tests.readers.remote.kit import CardSlots, Site, site
from tests.support.fakes import card_read

R = "window-1/R"


async def ready(s: Site, name: str = "window-1", person: str = "employee", faults: CardFaults | None = None) -> CardSlots:
    """An agent with a card in its one reader, seen by the daemon."""
    slots = CardSlots("R")
    s.agent(name, slots)
    slots.insert("R", person, faults)
    await s.until_state(f"{name}/R", "card-present")
    return slots


@pytest_twisted.ensureDeferred
async def test_a_card_at_an_agent_is_read_whole_under_the_agents_name(certificates: Path) -> None:
    async with site(certificates, agents={"window-1": ""}) as s:
        slots = CardSlots("R")
        s.agent("window-1", slots)
        await s.until_state(R, "empty")
        slots.insert("R")
        await s.until_state(R, "card-present")
        read = await s.read(R)
        slots.withdraw("R")
        await s.until_state(R, "empty")

        assert isinstance(read, CardRead)
        assert (read.id_number.reveal(), read.reader) == (PEOPLE["employee"].id_number, R)
        assert read.atr_historical
        assert s.events == [("inserted", R), ("removed", R)]
        assert s.readers.health().condition is Condition.GOOD


@pytest_twisted.ensureDeferred
async def test_a_second_card_is_read_in_one_round_trip_and_each_command_is_sent_to_it_once(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = await ready(s)
        messages: list[str] = []
        peer = next(iter(s.readers._peers))
        send = peer.send
        peer.send = lambda message: (messages.append(type(message).__name__), send(message))[1]  # type: ignore[method-assign]
        first = await s.read(R)
        alone, messages[:] = [name for name in messages if name not in {"Ping", "Pong"}], []
        second = await s.read(R)
        guessed = [name for name in messages if name not in {"Ping", "Pong"}]

        assert first == second
        assert alone == ["Open", *["Run"] * slots.cards["R"].exchanges, "Close"]
        assert guessed == ["Open", "Close"]


@pytest_twisted.ensureDeferred
async def test_cards_that_answer_otherwise_than_guessed_are_read_as_what_they_are(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = await ready(s)
        assert await s.code(R) == "read"
        for person, faults in (("resident", None), ("employee", CardFaults(get_response=True)), ("lost-reply", None)):
            slots.insert("R", person, faults)
            await s.until_state(R, "card-present")
            for _ in range(2):
                read = await s.read(R)
                assert isinstance(read, CardRead), read
                assert read.id_number.reveal() == PEOPLE[person].id_number


@pytest_twisted.ensureDeferred
async def test_after_a_wrong_guess_the_card_is_powered_anew_and_read_command_by_command(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = await ready(s)
        one, two = bytes.fromhex("00A40400077378312E73682E"), bytes.fromhex("00B2080012")
        other, wanted = bytes.fromhex("00B2090012"), [two]
        asked: list[list[bytes]] = []

        def procedure(exchange: Exchange, context: CardContext) -> Reading:
            asked.append([])
            for command in (one, *wanted):
                exchange(command)
                asked[-1].append(command)
            return Reading(card_read())

        s.readers._procedure = procedure
        for wanted[:] in ([two], [two], [other], [other, two]):
            assert await s.code(R) == "read"
        await s.until(lambda: len(slots.released) == 5, "let go")

        # The third read was guessed wrong: it began again and ends as if nothing had been guessed.
        assert asked == [[one, two], [one, two], [one], [one, other], [one, other, two]]
        assert slots.powered == ["R"] * 5


@pytest_twisted.ensureDeferred
async def test_only_reads_are_guessed_and_a_use_sends_each_command_once_and_alone(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = await ready(s)
        assert await s.code(R) == "read"

        def ask(exchange: Exchange, context: CardContext) -> tuple[int, str]:
            return len(exchange(bytes.fromhex("0084000008"))), context.atr_historical

        before = slots.cards["R"].exchanges
        length, historical = await s.readers.use(R, ask)

        assert (length, len(historical) // 2) == (10, 13)
        assert (before, slots.cards["R"].exchanges) == (17, 1)  # a reset counts anew


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (CardFaults(withdraw_at=6), "card.withdrawn"),
        (CardFaults(silent_from=6), "card.mute"),
        (CardFaults(missing_status=0x6A83), "read"),
    ],
)
@pytest_twisted.ensureDeferred
async def test_a_cards_fault_is_the_same_as_at_a_local_reader_guessed_or_not(
    certificates: Path, faults: CardFaults, code: str
) -> None:
    async with site(certificates) as s:
        slots = await ready(s, faults=faults)
        assert await s.code(R) == code
        slots.insert("R")
        assert await s.code(R) == "read"
        slots.insert("R", "employee", faults)
        assert await s.code(R) == code
        slots.insert("R")
        assert await s.code(R) == "read"


@pytest_twisted.ensureDeferred
async def test_a_link_lost_in_the_middle_of_a_read_is_a_clear_fault_and_the_card_is_let_go(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = await ready(s, faults=CardFaults())
        card = slots.cards["R"]
        answer = card.answer

        def cut(apdu: bytes) -> bytes | None:
            if card.exchanges == 5:
                from twisted.internet import reactor

                reactor.callFromThread(s.agents[0]._link.drop, "pulled out")
            return answer(apdu)

        card.answer = cut  # type: ignore[method-assign]
        outcome = await s.read(R)
        await s.until(lambda: slots.released == ["R"], "let go")

        assert isinstance(outcome, Fault)
        assert outcome.code == "reader.link"
        card.answer = answer  # type: ignore[method-assign]
        await s.until(lambda: s.state(R) == "card-present", "back by itself")
        assert await s.code(R) == "read"
        assert s.events == [("inserted", R), ("removed", R), ("inserted", R)]


@pytest_twisted.ensureDeferred
async def test_an_agent_that_is_away_is_said_in_chinese_with_what_to_do_and_its_readers_say_it_too(
    certificates: Path,
) -> None:
    async with site(certificates, agents={"window-1": "", "window-2": ""}) as s:
        await ready(s)
        health = s.readers.health()
        assert (health.condition, health.fault) == (Condition.DEGRADED, "reader.agent_away")
        assert health.detail.startswith("window-2;")
        assert await s.code("window-2/R") == "reader.agent_away"
        await s.agents[0].stop()
        await s.until_state(R, "failed")

        assert await s.code(R) == "reader.agent_away"
        assert s.readers.health().detail.startswith("window-1, window-2;")
        assert s.readers.agents == (0, 2)
        spec = Fault("reader.agent_away").spec
        assert "读卡代理" in spec.zh
        assert "网络" in spec.do_zh
        assert await s.code("elsewhere/R") == "reader.unknown"


@pytest_twisted.ensureDeferred
async def test_a_daemon_that_restarts_is_found_again_by_its_agents(certificates: Path) -> None:
    async with site(certificates) as s:
        await ready(s)
        assert await s.code(R) == "read"
        await s.readers.stop()
        s.readers = s.made()
        s.readers.start()
        await s.until_state(R, "card-present")

        assert await s.code(R) == "read"


@pytest_twisted.ensureDeferred
async def test_an_agent_is_known_by_the_fingerprint_of_its_certificate_and_another_one_of_the_same_name_is_refused(
    certificates: Path, tmp_path: Path
) -> None:
    authority = Authority(certificates, dt.datetime.now(dt.UTC))
    if not (certificates / "till-7.pem").exists():
        authority.for_agent("till-7")
        authority.for_agent("window-9")
    marks = {"window-9": fingerprint_of(certificates / "till-7.pem").upper()}
    async with site(certificates, agents=marks) as s:
        imposter = s.agent("window-9", CardSlots("R"), refused_retry_s=600.0)
        await s.until(
            lambda: imposter._timer is not None and imposter._timer.getTime() - now() > 100, "refused, and patient"
        )
        assert not imposter.connected
        s.agent("window-9", CardSlots("R"), files="till-7")
        await s.until_state("window-9/R", "empty")


def now() -> float:
    from twisted.internet import reactor

    return float(reactor.seconds())


@pytest_twisted.ensureDeferred
async def test_a_certificate_of_another_authority_gets_no_word_in_and_a_daemon_of_another_authority_gets_none_either(
    certificates: Path, tmp_path: Path
) -> None:
    async with site(certificates) as s:
        stranger = s.agent("window-1", CardSlots("R"), folder=tmp_path)
        misled = s.agent("window-1", CardSlots("R"), daemon_ca=tmp_path / "ca.pem")
        await s.until(lambda: stranger._failures > 1 and misled._failures > 1, "both fail")

        assert not stranger.connected
        assert not misled.connected
        assert s.readers.statuses() == ()


@pytest_twisted.ensureDeferred
async def test_the_newest_connection_of_a_certificate_owns_its_readers_and_the_one_before_is_told(
    certificates: Path,
) -> None:
    async with site(certificates) as s:
        await ready(s)
        second = CardSlots("R")
        second.insert("R", "resident")
        first = s.agents[0]
        s.agent("window-1", second)
        await s.until(lambda: not first.connected and s.state(R) == "card-present", "replaced")
        read = await s.read(R)
        await first.stop()

        assert isinstance(read, CardRead)
        assert read.id_number.reveal() == PEOPLE["resident"].id_number


@pytest_twisted.ensureDeferred
async def test_one_reader_has_one_user_at_a_time_and_the_others_wait_their_turn(certificates: Path) -> None:
    async with site(certificates, busy_wait_s=30.0) as s:
        slots = await ready(s)
        reads = [s.begin(R) for _ in range(4)]
        assert s.state(R) == "busy"
        outcomes = await gatherResults(reads)

        assert [type(outcome) for outcome in outcomes] == [CardRead] * 4
        await s.until(lambda: slots.powered == slots.released == ["R"] * 4, "each let go before the next")
    async with site(certificates, busy_wait_s=0.0) as s:
        await ready(s)
        first = s.begin(R)
        assert await s.code(R) == "reader.busy"
        assert isinstance(await first, CardRead)


@pytest_twisted.ensureDeferred
async def test_readers_that_go_and_a_card_service_that_dies_at_the_agent_are_said_at_the_daemon(certificates: Path) -> None:
    async with site(certificates, agents={"window-1": ""}) as s:
        slots = await ready(s)
        slots.fault = "reader.service_down"
        slots.changed()
        await s.until_state(R, "failed")
        assert await s.code(R) == "reader.service_down"
        assert s.readers.health().fault == "reader.service_down"
        slots.fault = ""
        slots.changed()
        await s.until_state(R, "card-present")
        slots.unplug("R")
        await s.until_state(R, "absent")

        assert await s.code(R) == "reader.gone"
        assert [kind for kind, _ in s.events] == ["inserted", "removed", "inserted", "removed"]


@pytest_twisted.ensureDeferred
async def test_a_stop_ends_a_read_with_a_fault_and_waits_for_no_agent(certificates: Path) -> None:
    async with site(certificates) as s:
        slots = await ready(s)
        stuck = s.readers.use(R, lambda exchange, context: exchange(b"\x00\x84\x00\x00\x08") and wait_for_ever(exchange))
        going = ensureDeferred(stuck)
        await s.until(lambda: slots.cards["R"].exchanges > 3, "in the middle")
        await s.readers.stop()
        with pytest.raises(Fault) as caught:
            await going
        assert caught.value.code == "system.stopping"


def wait_for_ever(exchange: Exchange) -> None:
    while True:
        exchange(b"\x00\x84\x00\x00\x08")


@pytest_twisted.ensureDeferred
async def test_a_certificate_that_ends_soon_is_said_before_it_does(tmp_path: Path) -> None:
    long_ago = dt.datetime.now(dt.UTC) - dt.timedelta(days=800)
    Authority(tmp_path, long_ago).for_agent("window-1")
    async with site(tmp_path) as s:
        s.agent("window-1", CardSlots("R"))
        s.agent("window-2", CardSlots("R"))
        await s.until_state("window-1/R", "empty")
        await s.until_state("window-2/R", "empty")
        health = s.readers.health()

        assert (health.condition, health.fault, health.detail) == (
            Condition.DEGRADED,
            "reader.agent_certificate",
            "window-1",
        )


@pytest_twisted.ensureDeferred
async def test_what_does_not_fit_the_link_is_a_fault_and_does_not_end_it(certificates: Path) -> None:
    async with site(certificates) as s:
        await ready(s)
        for command in (b"", b"\x00" * 3, b"\x00" * 300):
            with pytest.raises(Fault) as caught:
                await s.readers.use(R, lambda exchange, _, command=command: exchange(command), limit_s=1e9)
            assert caught.value.code == "reader.link"

        assert await s.code(R) == "read"
        assert s.readers.links_lost == 0


@pytest.mark.parametrize("how", ["link", "card", "stop"])
@pytest_twisted.ensureDeferred
async def test_a_use_that_idles_hears_at_once_that_it_is_over(certificates: Path, how: str) -> None:
    async with site(certificates) as s:
        await ready(s)
        idle, go_on = threading.Event(), threading.Event()

        def procedure(exchange: Exchange, _context: CardContext) -> None:
            exchange(bytes.fromhex("0084000008"))
            idle.set()
            go_on.wait(30)
            exchange(bytes.fromhex("0084000008"))

        using = ensureDeferred(s.readers.use(R, procedure))
        await s.until(idle.is_set, "idle")
        stopping = None
        if how == "link":
            s.agents[0]._link.drop("pulled out")  # type: ignore[union-attr]
        elif how == "card":
            number = next(iter(s.readers._uses))
            s.agents[0]._link._say(Closed(number, "card.withdrawn", ""))  # type: ignore[union-attr]
        else:
            stopping = ensureDeferred(s.readers.stop())
        with pytest.raises(Fault) as caught:
            await using
        go_on.set()
        if stopping is not None:
            await stopping

        assert caught.value.code == {"link": "reader.link", "card": "card.withdrawn", "stop": "system.stopping"}[how]
        await s.until(lambda: not s.readers._running, "its thread has ended")
