"""An e-voucher asked about over the sealed channel, on a real socket: nothing old, forged or not deciphered is believed."""

from __future__ import annotations

import datetime as dt
import json

import pytest
import pytest_twisted
from twisted.internet import reactor

from adapters.insurance.signing.code_channel import CodeChannel
from adapters.insurance.signing.openssl import OpenSslSigningKey, OpenSslVerifyingKey
from adapters.insurance.signing.voucher import Voucher
from daemon.code_channels import channels_of
from middleware.domain.credential import Shown
from middleware.domain.fault import Fault
from readers.media.options import ReaderOptions
from readers.qr.channel import Open
from readers.qr.options import CodeOptions
from readers.qr.service import CodeService
from simulators.ecode import CodeServer
from simulators.ecode.keys import APP_ID as APP
from simulators.ecode.keys import APP_SECRET as SECRET
from simulators.ecode.keys import PRIVATE, PUBLIC, private_pem, public_pem
from simulators.ecode.sealed import SealedSide
from simulators.people import PEOPLE
from tests.adapters.insurance.signing.keys import USER_ID

READER = ReaderOptions("e-voucher", "service")


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


class Desk:
    """Both sides; they share one key pair here, each as its own."""

    def __init__(self, folder, **options):
        self.offset = dt.timedelta(0)
        for name, content in (("secret", SECRET.encode()), ("key", private_pem()), ("theirs", public_pem())):
            (folder / name).write_bytes(content)
            (folder / name).chmod(0o400)
        self.options = {
            "channel": "sealed", "app_id": APP, "app_secret": str(folder / "secret"), "signing_key": str(folder / "key"),
            "channel_key": str(folder / "theirs"), "organisation": "H99990000001", **options,
        }  # fmt: skip

    async def __aenter__(self):
        self.server = CodeServer(reactor, sealed=SealedSide(APP, SECRET, (PRIVATE, PUBLIC), PUBLIC, now))
        options = CodeOptions("e-voucher", self.server.start(), **self.options)
        self.service = CodeService(options, reactor, channels_of(lambda: now() + self.offset)(options))
        return self

    async def __aexit__(self, *_):
        await self.server.stop()

    async def ask(self, code="CODE-employee-1"):
        return await self.service.identify(READER, code)

    async def fault(self, code="CODE-employee-1"):
        with pytest.raises(Fault) as caught:
            await self.ask(code)
        return caught.value


@pytest_twisted.ensureDeferred
async def test_a_person_is_read_over_the_channel_and_nothing_of_the_question_is_in_the_clear(tmp_path):
    async with Desk(tmp_path) as desk:
        sent = []
        wrap = desk.service._channel.wrap
        desk.service._channel.wrap = lambda body: sent.append(wrap(body)) or sent[-1]
        card = await desk.ask()

        assert card.id_number.reveal() == PEOPLE["employee"].id_number
        assert card.credential.shown is Shown.VOUCHER
        assert desk.server.asked[0]["transType"] == "ec.query"
        assert b"CODE-employee-1" not in sent[0]
        assert sorted(json.loads(sent[0])) == [
            "appId", "encData", "encType", "signData", "signType", "timestamp", "version",
        ]  # fmt: skip
        assert (await desk.fault()).code == "code.refused"  # the service's own no: the code is used up


@pytest_twisted.ensureDeferred
@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("bad-signature", "code.not_genuine"),
        ("other-key", "code.undecipherable"),
        ("stale-clock", "code.clock"),
        ("garbage", "code.not_genuine"),
        ("silent", "code.no_answer"),
        ("half", "code.no_answer"),
        ("error", "code.no_answer"),
    ],
)
async def test_each_answer_that_must_not_be_believed_is_a_fault_of_its_own(tmp_path, fault, code):
    async with Desk(tmp_path, timeout_s=0.5 if fault == "silent" else 8.0) as desk:
        desk.server.fault = fault
        found = await desk.fault()

        assert found.code == code
        assert desk.service.last is found
        assert PEOPLE["employee"].name not in found.detail


@pytest_twisted.ensureDeferred
async def test_an_old_answer_sent_again_is_not_the_answer_to_a_new_question(tmp_path):
    async with Desk(tmp_path) as desk:
        await desk.ask("CODE-employee-1")
        desk.server.fault = "replay"
        found = await desk.fault("CODE-retired-2")

        assert found.code == "code.replayed"


@pytest_twisted.ensureDeferred
async def test_the_service_refuses_what_is_too_old_or_came_before_or_is_of_another_application(tmp_path):
    async with Desk(tmp_path) as desk:
        desk.offset = dt.timedelta(hours=-1)
        assert (await desk.fault()).detail.endswith("500103")
        desk.offset = dt.timedelta(0)
        channel, kept = desk.service._channel, []
        wrap = channel.wrap
        channel.wrap = lambda body: kept[0] if kept else kept.append(wrap(body)) or kept[0]
        await desk.ask()
        assert (await desk.fault("CODE-employee-2")).detail.endswith("500104")
        assert len(desk.server.asked) == 1


def channel(window_s=300.0, at=now):
    keys = OpenSslSigningKey(private_pem(), ""), OpenSslVerifyingKey(public_pem(), "")
    return CodeChannel(Voucher(APP, SECRET, *keys, USER_ID), at, window_s)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "code.not_genuine"),
        (b"[]", "code.not_genuine"),
        (b"\xff", "code.not_genuine"),
        (b'{"encData":"00","signData":"","timestamp":"x"}', "code.not_genuine"),
        (b'{"encData":"00","signData":"","timestamp":"1' + b"0" * 30 + b'"}', "code.not_genuine"),
        (b'{"success":false,"code":500159,"message":"x"}', "code.refused"),
        (b'{"success":false,"code":500159,"encData":"00","signData":""}', "code.not_genuine"),
        (b'{"code":0,"data":{}}', "code.not_genuine"),  # in the clear: whoever could write it
    ],
)
def test_what_the_channel_did_not_seal_is_no_answer(body, code):
    with pytest.raises(Fault) as caught:
        channel().unwrap(body)
    assert caught.value.code == code


@pytest.mark.parametrize(("off_s", "good"), [(299, True), (-299, True), (301, False), (-301, False)])
def test_the_window_is_as_wide_as_the_site_says_either_way(off_s, good):
    sealed = SealedSide(APP, SECRET, (PRIVATE, PUBLIC), PUBLIC, lambda: now() + dt.timedelta(seconds=off_s))
    body = sealed.seal({"code": 0}, "")
    if good:
        assert json.loads(channel().unwrap(body)) == {"code": 0}
    else:
        with pytest.raises(Fault, match=r"code\.clock"):
            channel().unwrap(body)


def test_another_applications_answer_is_not_ours():
    other = SealedSide("X" * 24, SECRET, (PRIVATE, PUBLIC), PUBLIC, now)

    with pytest.raises(Fault, match="another application"):
        channel().unwrap(other.seal({"code": 0}, ""))


@pytest.mark.parametrize(
    "keys",
    [
        {"channel": "sealed"},
        {"channel": "sealed", "app_id": APP},
        {"app_id": APP},
        {"channel": "other"},
        {"app_id": "short"},
    ],
)
def test_a_channel_is_configured_whole_or_not_at_all(keys):
    with pytest.raises(ValueError, match=r"channel|app_id"):
        CodeOptions("e-voucher", "https://codes.example/ec", **keys)


def test_a_secret_that_cannot_be_had_is_said_at_the_start_and_an_open_service_needs_none(tmp_path):
    desk = Desk(tmp_path)
    desk.options["app_secret"] = str(tmp_path / "nothing")
    options = CodeOptions("e-voucher", "https://codes.example/ec", **desk.options)

    with pytest.raises(Fault, match=r"codes\.app_secret"):
        channels_of(now)(options)
    assert isinstance(channels_of(now)(CodeOptions("e-voucher", "https://codes.example/ec")), Open)
    assert SECRET not in repr(options)
