"""Whose a held card is, for how long, and what ends it."""

from __future__ import annotations

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from middleware.domain.order import Caller, Role
from simulators.card.psam import PsamCard, PsamFaults
from simulators.card.secure import FIRST_PIN, SecureCard
from simulators.people import PEOPLE
from tests.readers.waiting import until
from tests.support.keyed import HIS, PSAM, READER, InlineReaders, keyed_desk

THIRD, SECOND = PEOPLE["third-generation"], PEOPLE["employee"]


def readers(person=SECOND, psam=None) -> InlineReaders:
    return InlineReaders(**{READER: SecureCard(person), PSAM: psam})


@pytest_twisted.ensureDeferred
async def test_a_card_is_opened_proved_by_an_hsm_read_and_let_go(tmp_path) -> None:
    from simulators.card.hsm import answer_of

    async with keyed_desk(tmp_path, readers(THIRD), psam_reader="") as desk:
        opened = await desk.call("card.open", reader=READER)
        session = opened["session_id"]
        assert (opened["needs_key"], opened["card"]["algorithm"]) == (True, "03")
        assert await desk.code("card.identity", session_id=session) == "psam.absent"
        made = await desk.call("card.challenge", session_id=session)
        step1 = "|".join((
            made["region_code"], made["historical"], made["algorithm"], "", made["internal_factor"],
            made["internal_source"], made["external_factor"], made["external_source"], "|",
        ))  # fmt: skip
        key = answer_of("read", step1)
        await desk.call("card.prove", session_id=session, internal=key[:16], external=key[33:])
        read = await desk.call("card.identity", session_id=session)
        await desk.call("card.close", session_id=session)

        assert read["holder"]["id_number"] == THIRD.id_number
        assert await desk.code("card.identity", session_id=session) == "card.session_gone"
        assert await desk.code("patient.register", request_id="r1", **REGISTER, card_read_id=read["card_read_id"]) != (
            "card.read_expired"
        )


REGISTER = {
    "department_code": "D01", "department_name": "内科", "specialty": "A03", "doctor_code": "DR01", "doctor_name": "王医生",
    "begun_at": "2026-11-20T09:30:00+08:00",
}  # fmt: skip


@pytest_twisted.ensureDeferred
async def test_files_by_the_psam_and_a_pharmacy_sees_masked_identity(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(THIRD, PsamCard())) as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]
        files = [{"application": "SSSE", "file": "EF06", "tags": ["08"]}]
        found = await desk.call("card.files", session_id=session, files=files)
        assert found["files"] == [{"file": "SSSE/EF06", "items": [{"tag": "08", "text": THIRD.id_number}]}]
        await desk.call("card.close", session_id=session)

        pos = Caller(Role.POS, "pharmacy", "T9")
        opened = await desk.call("card.open", pos, reader=READER)
        read = await desk.call("card.identity", pos, session_id=opened["session_id"])
        assert THIRD.card_number not in str(opened)
        assert read["holder"]["id_number"] == "999999************"


@pytest.mark.parametrize("other", [Caller(Role.HIS, "his", "T2"), Caller(Role.HIS, "his-2", "T1")])
@pytest_twisted.ensureDeferred
async def test_a_session_is_its_accounts_and_desks_alone(tmp_path, other: Caller) -> None:
    async with keyed_desk(tmp_path, readers()) as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]

        assert await desk.code("card.identity", other, session_id=session) == "card.session_gone"
        await desk.call("card.close", other, session_id=session)
        assert await desk.code("card.identity", session_id=session) == "done"


@pytest_twisted.ensureDeferred
async def test_ids_cannot_be_guessed(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers()) as desk:
        ids = set()
        for _ in range(8):
            session = (await desk.call("card.open", reader=READER))["session_id"]
            ids.add(session)
            await desk.call("card.close", session_id=session)

        assert (len(ids), {len(one) for one in ids}) == (8, {32})


@pytest.mark.parametrize("limits", [{"session_idle_s": 0.05}, {"session_s": 0.05}])
@pytest_twisted.ensureDeferred
async def test_a_lease_that_is_over_lets_the_card_go(tmp_path, limits) -> None:
    slots = readers()
    async with keyed_desk(tmp_path, slots) as desk:
        # Shorter than the configuration lets anybody set it: the wait is for the card, not for a minute.
        desk.cards._leases = type(desk.cards._leases)(limits.get("session_idle_s", 60), limits.get("session_s", 60))
        session = (await desk.call("card.open", reader=READER))["session_id"]
        await until(lambda: desk.cards.count == 0, lambda: "the lease")

        assert await desk.code("card.identity", session_id=session) == "card.session_gone"
        await until(lambda: not slots.turns[READER].taken, lambda: "the reader is free")
        assert await desk.code("card.open", reader=READER) == "done"


@pytest_twisted.ensureDeferred
async def test_a_held_reader_is_busy_and_whoever_waits_gets_it_in_turn(tmp_path) -> None:
    slots = readers()
    slots.busy_wait_s = 0.0
    async with keyed_desk(tmp_path, slots) as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]
        assert await desk.code("card.read", reader=READER) == "reader.busy"
        assert await desk.code("card.open", reader=READER) == "reader.busy"
        slots.turns[READER]._wait_s = 20.0
        order: list[str] = []
        waiting = []
        for name in ("first", "second"):
            one = Deferred.fromCoroutine(desk.code("driver.iReadCardBas", reader=READER))
            one.addCallback(lambda outcome, name=name: order.append(f"{name} {outcome}"))
            waiting.append(one)
        await desk.call("card.close", session_id=session)
        for one in waiting:
            await one

        assert order == ["first done", "second done"]


@pytest_twisted.ensureDeferred
async def test_a_card_that_is_taken_out_ends_its_session_at_once(tmp_path) -> None:
    slots = readers()
    async with keyed_desk(tmp_path, slots) as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]
        slots.swap(READER, None)
        answer = await desk.ask("card.identity", session_id=session)

        assert answer["error"]["data"]["code"] == "card.session_gone"
        assert answer["error"]["data"]["detail"] == "card.withdrawn"
        slots.swap(READER, SecureCard(SECOND))
        await until(lambda: not slots.turns[READER].taken, lambda: "the reader is free")
        assert await desk.code("card.open", reader=READER) == "done"


@pytest_twisted.ensureDeferred
async def test_a_challenge_is_answered_once(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(THIRD), psam_reader="") as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]
        await desk.call("card.challenge", session_id=session)
        wrong = {"internal": "0" * 16, "external": "0" * 32}
        assert await desk.code("card.prove", session_id=session, **wrong) == "card.not_genuine"
        assert await desk.code("card.prove", session_id=session, **wrong) == "card.session_gone"


@pytest_twisted.ensureDeferred
async def test_every_attempt_is_in_the_journal_with_who_where_and_how_it_ended(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers(THIRD, PsamCard())) as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]
        assert await desk.code("card.verify_pin", session_id=session, pin="0000") == "card.pin_wrong"
        await desk.call("card.verify_pin", session_id=session, pin=FIRST_PIN)
        files = [{"application": "SSSE", "file": "EF06", "tags": ["08"]}]
        await desk.call("card.files", session_id=session, files=files)
        events = [event for event, _ in desk.journal()]
        text = " ".join(line for _, line in desk.journal())

        assert events == ["CardRead", "PinVerifyFailed", "PinVerified", "CardAuthenticated", "CardRead"]
        assert all(word in text for word in ('"terminal":"T1"', '"psam":"99990000000000000001"', "card.files", READER))
        assert [secret for secret in (THIRD.id_number, THIRD.card_id_code, THIRD.name) if secret in text] == []


@pytest_twisted.ensureDeferred
async def test_a_psam_that_the_register_calls_lost_is_refused_and_named_in_the_journal(tmp_path) -> None:
    from middleware.domain.fault import Fault

    async with keyed_desk(tmp_path, readers(THIRD, PsamCard())) as desk:

        async def lost(serial: str) -> None:
            raise Fault("psam.lost", f"PSAM {serial}")

        desk.keyed.psam.allowed = lost
        assert await desk.code("card.read", reader=READER) == "psam.lost"
        ((event, line),) = [one for one in desk.journal() if one[0].startswith("Card")]
        assert (event, '"psam":"99990000000000000001"' in line) == ("CardReadFailed", True)
        assert desk.keyed.psam.health().fault == "psam.lost"


@pytest_twisted.ensureDeferred
async def test_a_psam_that_was_pulled_is_found_again(tmp_path) -> None:
    slots = readers(THIRD, PsamCard())
    async with keyed_desk(tmp_path, slots) as desk:
        assert await desk.code("card.read", reader=READER) == "done"
        slots.swap(PSAM, None)
        assert await desk.code("card.read", reader=READER) == "psam.absent"
        slots.swap(PSAM, PsamCard(PsamFaults(only_80=True)))
        assert await desk.code("card.read", reader=READER) == "done"


@pytest_twisted.ensureDeferred
async def test_stopping_lets_all_cards_go(tmp_path) -> None:
    async with keyed_desk(tmp_path, readers()) as desk:
        session = (await desk.call("card.open", reader=READER))["session_id"]
        await desk.cards.stop()

        assert desk.cards.count == 0
        assert await desk.code("card.identity", HIS, session_id=session) == "card.session_gone"


@pytest_twisted.ensureDeferred
async def test_the_psams_slot_is_no_counters_reader(tmp_path) -> None:
    slots = readers(THIRD, PsamCard())
    async with keyed_desk(tmp_path, slots) as desk:
        listed = await desk.call("reader.list")
        assert [one["name"] for one in listed["readers"]] == [READER]
        assert await desk.code("card.read", reader=PSAM) == "reader.unknown"
        heard: list[str] = []
        end = desk.keyed.watch(lambda event: heard.append(event.reader))
        slots.swap(PSAM, PsamCard())
        slots.swap(READER, SecureCard(THIRD))
        end()
        assert heard == [READER]


@pytest_twisted.ensureDeferred
async def test_a_psam_that_nobody_asks_is_let_go_and_taken_again(tmp_path) -> None:
    slots = readers(THIRD, PsamCard())
    async with keyed_desk(tmp_path, slots) as desk:
        assert await desk.code("card.read", reader=READER) == "done"
        assert slots.turns[PSAM].taken
        desk.keyed.psam._let_go()
        await until(lambda: not slots.turns[PSAM].taken, lambda: "let go")
        assert await desk.code("card.read", reader=READER) == "done"
        assert desk.keyed.psam.health().condition == "good"


@pytest_twisted.ensureDeferred
async def test_a_blocked_pin_is_unblocked_and_reloaded_by_typed_steps(tmp_path) -> None:
    from simulators.card.hsm import answer_of

    card = SecureCard(SECOND)
    card.pin_tries = 0
    named = f"{SECOND.region}|{card.atr[-14:-1].hex()}|"
    async with keyed_desk(tmp_path, InlineReaders(**{READER: card}), psam_reader="") as desk:
        session = {"session_id": (await desk.call("card.open", reader=READER))["session_id"]}

        async def command(business: str, header: str, pin: str = "") -> str:
            made = await desk.call("card.unblock_factor", **session)
            step = f"{made['algorithm']}|{made['key_address']}|{made['factor']}|{header}|"
            return answer_of(business, step, pin, named)

        await desk.call("card.unblock_pin", **session, data=await command("unblock", "8424000004"))
        assert (card.pin_tries, card.pin) == (6, FIRST_PIN)
        early = await command("reload", "842400010C", "864213")
        assert await desk.code("card.unblock_pin", **session, data=early, reload=True) == "card.access_denied"
        made = await desk.call("card.challenge", **session, key="reload")
        step = f"{made['algorithm']}|{made['key_address']}|{made['external_factor']}|{made['external_source']}|"
        await desk.call("card.prove", **session, external=answer_of("proof", step, card=named).upper())
        await desk.call("card.unblock_pin", **session, data=await command("reload", "842400010C", "864213"), reload=True)
        assert card.pin == "864213"
        assert [event for event, _ in desk.journal() if event.startswith("Pin")] == [
            "PinUnblocked", "PinReloadFailed", "PinReloaded",
        ]  # fmt: skip
