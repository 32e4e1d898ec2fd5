"""cainfo with a person's password: only the centre can read it, it is in nothing that lasts, and without it nothing leaves."""

from __future__ import annotations

import base64

import attrs
import pytest
import pytest_twisted
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from twisted.internet import reactor

from adapters.insurance.opening import centre_of
from adapters.insurance.profile import load_profile, mistakes
from adapters.insurance.profile_gateway import GatewayForm, SignatureForm
from adapters.insurance.signing.opening import signers_of
from adapters.insurance.signing.password import PasswordSeal, password_key
from daemon.conformance.stand import options_of
from middleware.domain.fault import Fault
from middleware.domain.identity import Password
from middleware.domain.order import SettleOrder
from middleware.domain.outcome import Answered, Refused
from middleware.doors.local_api.mapping import settle_order
from middleware.doors.local_api.methods import METHODS
from middleware.engine.repeats import as_asked
from simulators.centre.refusals import Refusal
from simulators.centre.server import CentreSimulator, china_now
from tests.adapters.insurance.requests import MESSAGE_ID, REQUESTS

SECRET = "739154"
CENTRE = rsa.generate_private_key(65537, 1024)  # as short as the one that was seen: tests are quick
PUBLIC = CENTRE.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
SETTLE = attrs.evolve(REQUESTS["2207"], password=Password(SECRET))


def opened(cainfo: str) -> str:
    return CENTRE.decrypt(base64.b64decode(cainfo), padding.PKCS1v15()).decode()


def seal(**changes) -> PasswordSeal:
    return attrs.evolve(PasswordSeal(password_key(PUBLIC, "k"), "999900", b""), **changes)


def test_only_the_centre_reads_it_and_no_two_look_alike() -> None:
    one, other = seal().cainfo(SETTLE), seal().cainfo(SETTLE)

    assert one != other
    assert opened(one) == opened(other) == SECRET
    assert opened(seal(suffix=b"token").cainfo(SETTLE)) == SECRET + "token"


def test_what_moves_no_money_and_who_is_insured_in_another_province_carries_none() -> None:
    elsewhere = attrs.evolve(SETTLE, visit=attrs.evolve(SETTLE.visit, insured_region="430100"), password=None)

    assert [seal().cainfo(REQUESTS[code]) for code in ("1101", "2206", "2208", "2601")] == [""] * 4
    assert seal().cainfo(elsewhere) == ""


def test_without_a_password_nothing_is_made() -> None:
    with pytest.raises(Fault, match=r"centre\.password"):
        seal().cainfo(REQUESTS["2207"])


@pytest.mark.parametrize(
    "pem",
    [
        b"x",
        ec.generate_private_key(ec.SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    ],
)
def test_a_key_that_is_none_is_said_at_the_start(pem, tmp_path) -> None:
    (tmp_path / "key").write_bytes(pem)
    (tmp_path / "key").chmod(0o400)
    options = attrs.evolve(options_of("http://127.0.0.1:1/"), password_key=str(tmp_path / "key"))
    profile = attrs.evolve(
        load_profile("999900-national"), signature=SignatureForm(scheme="password"), gateway=GatewayForm()
    )

    with pytest.raises(Fault, match=r"centre\.password_key"):
        signers_of(profile, options, lambda: "n")
    with pytest.raises(Fault, match=r"centre\.password_key"):
        signers_of(profile, attrs.evolve(options, password_key=""), lambda: "n")


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"signature": {"scheme": "password", "user_id": "x"}}, "signature.user_id"),
        ({"signature": {"scheme": "sm2", "with_token": True}}, "signature.with_token"),
        ({"signature": {"scheme": "password", "with_token": True}}, "signature.with_token"),
        ({"signature": {"scheme": "password", "with_token": True}, "gateway": {"scheme": "tif"}}, None),
    ],
)
def test_a_key_that_means_nothing_there_is_a_mistake(keys, wrong) -> None:
    found = {
        one.path for one in mistakes({"name": "x", "region": "999900", "reversible": [], "dialect": "national", **keys})
    }

    assert found == ({wrong} if wrong else set())


def test_it_is_in_no_repr_no_digest_and_no_answer_of_the_door() -> None:
    given = {"request_id": "s1", "settlement_id": "S1", "total": "60.37", "cash": "1.58", "password": SECRET}
    params = METHODS["settlement.settle"].read(given)
    order = settle_order(params)
    same = SettleOrder(order.settlement_id, order.total, order.cash)

    assert order.password is not None
    assert order.password.reveal() == SECRET
    assert SECRET not in repr(params) + repr(order) + repr(SETTLE)
    assert as_asked(order) == as_asked(same)
    assert SECRET not in as_asked(order)
    with pytest.raises(Fault) as caught:
        METHODS["settlement.settle"].read(given | {"password": SECRET * 9})
    assert SECRET not in caught.value.detail


@pytest_twisted.ensureDeferred
async def test_the_centre_hears_it_with_the_settlement_alone_and_a_wrong_one_is_its_refusal(tmp_path) -> None:
    (tmp_path / "key").write_bytes(PUBLIC)
    (tmp_path / "key").chmod(0o400)
    profile = attrs.evolve(
        load_profile("999900-national"), signature=SignatureForm(scheme="password", signtype="RSA"), gateway=GatewayForm()
    )
    simulator = CentreSimulator(reactor, require_sign_in=False)
    heard = []
    handle = simulator.business.handle

    def checked(head, nodes):
        heard.append((head["infno"], head["signtype"], opened(head["cainfo"]) if head["cainfo"] else ""))
        if head["infno"] == "2207" and opened(head["cainfo"]) != SECRET:
            raise Refusal("1012", "密码不正确")
        if head["infno"] == "2207":
            raise Refusal("2061")  # the password is right, the bill is not there: what is tested is the envelope
        return handle(head, nodes)

    simulator.business.handle = checked
    simulator.start()
    options = attrs.evolve(options_of(simulator.national_url), password_key=str(tmp_path / "key"))
    centre = centre_of(options, reactor, china_now, profile)
    centre.start()
    try:
        ends = []
        for serial, request in enumerate((REQUESTS["1101"], SETTLE, attrs.evolve(SETTLE, password=Password("000000")))):
            call = await centre.prepare(f"{MESSAGE_ID[:-1]}{serial}", request, china_now())
            ends.append(await centre.send(call, lambda: None, lambda _late: None))
        with pytest.raises(Fault, match=r"centre\.password"):
            await centre.prepare(MESSAGE_ID, attrs.evolve(SETTLE, password=None), china_now())
    finally:
        await centre.stop()
        await simulator.stop()

    assert heard == [("1101", "RSA", ""), ("2207", "RSA", SECRET), ("2207", "RSA", "000000")]
    assert isinstance(ends[0], Answered)
    assert [one.code for one in ends[1:] if isinstance(one, Refused)] == ["2061", "1012"]
    assert SECRET not in repr(ends)
