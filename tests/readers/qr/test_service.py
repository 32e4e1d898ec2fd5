"""Asking a code service over real HTTP: each way of not answering is its own fault, and nothing is sent twice."""

from __future__ import annotations

import socket

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from middleware.domain.fault import Fault
from readers.media.options import ReaderOptions
from readers.qr.options import CodeOptions
from readers.qr.service import CodeService
from simulators.ecode import CodeServer
from simulators.people import PEOPLE
from tests.readers.waiting import until

READER = ReaderOptions("e-voucher", "service")


class Desk:
    """A code service and whoever asks it."""

    async def __aenter__(self):
        self.server = CodeServer(reactor)
        self.url = self.server.start()
        return self

    async def __aexit__(self, *_):
        await self.server.stop()

    def service(self, **options):
        return CodeService(CodeOptions("e-voucher", self.url, organisation="H99990000001", **options), reactor)


async def fault_of(asking):
    with pytest.raises(Fault) as raised:
        await asking
    return raised.value.code


@pytest_twisted.ensureDeferred
async def test_a_code_is_asked_about_once_and_gives_the_person_with_the_services_token(tmp_path):
    (tmp_path / "token").write_text("s3cret\n")
    async with Desk() as desk:
        service = desk.service(token_file=tmp_path / "token")
        card = await service.identify(READER, "CODE-employee-1")
        assert card.id_number.reveal() == PEOPLE["employee"].id_number
        assert desk.server.tokens == {card.credential.token.reveal(): "employee"}
        assert desk.server.authorisations == ["Bearer s3cret"]
        assert await fault_of(service.identify(READER, "CODE-employee-1")) == "code.refused"  # it is used up
        assert len(desk.server.asked) == 2
        assert service.last is None


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("closed", "code.no_answer"),
        ("half", "code.no_answer"),
        ("error", "code.no_answer"),
        ("garbage", "code.malformed"),
        ("huge", "code.malformed"),
        ("no-token", "code.malformed"),
        ("wrong-check", "card.id_number"),
        ("refuse", "code.refused"),
    ],
)
async def test_each_way_of_not_saying_yes_is_a_fault_and_is_asked_once(fault, code):
    async with Desk() as desk:
        desk.server.fault = fault
        service = desk.service()
        assert await fault_of(service.identify(READER, "CODE-employee-1")) == code
        assert len(desk.server.asked) == 1
        assert (service.last is None) == (code == "code.refused")


@pytest_twisted.ensureDeferred
async def test_silence_is_no_answer_and_says_so():
    async with Desk() as desk:
        desk.server.fault = "silent"
        assert await fault_of(desk.service(timeout_s=0.3).identify(READER, "CODE-employee-1")) == "code.no_answer"


@pytest_twisted.ensureDeferred
async def test_what_never_left_is_said_to_have_never_left():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/ec"
        service = CodeService(CodeOptions("e-voucher", url), reactor)
        assert await fault_of(service.identify(READER, "CODE-employee-1")) == "code.unreachable"


@pytest_twisted.ensureDeferred
async def test_one_question_more_than_the_bound_is_refused_as_busy():
    async with Desk() as desk:
        desk.server.fault = "slow"
        service = desk.service(max_in_flight=1)
        asking = Deferred.fromCoroutine(service.identify(READER, "CODE-employee-1"))
        await until(lambda: bool(desk.server.asked), lambda: "the question")
        assert await fault_of(service.identify(READER, "CODE-resident-2")) == "system.busy"
        desk.server.release.callback(None)
        assert (await asking).id_number.reveal() == PEOPLE["employee"].id_number


@pytest.mark.parametrize("content", ["", "täken"])
def test_a_token_file_without_a_token_is_refused_at_start(tmp_path, content):
    (tmp_path / "token").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match="token_file"):
        CodeService(CodeOptions("e-voucher", "https://codes.example/", token_file=tmp_path / "token"), reactor)


def test_a_ca_file_that_is_no_certificate_is_refused_at_start(tmp_path):
    (tmp_path / "ca.pem").write_text("none")
    with pytest.raises(ValueError, match="ca_file"):
        CodeService(CodeOptions("e-voucher", "https://codes.example/", ca_file=tmp_path / "ca.pem"), reactor)
