"""Headers, envelope and voucher channel, each held by a reader of another hand; what a site forgot is named."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import hmac
import itertools
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.profile import load_profile, mistakes
from adapters.insurance.profile_gateway import GatewayForm, SignatureForm
from adapters.insurance.signing.credentials import read_secret
from adapters.insurance.signing.envelope import Sm2Signer, Unsigned
from adapters.insurance.signing.gateways import CsbGateway, TifGateway
from adapters.insurance.signing.opening import Signers, gateway_window_s, signers_of
from adapters.insurance.signing.openssl import OpenSslSigningKey, OpenSslVerifyingKey
from adapters.insurance.signing.sm import sm4_encrypt
from adapters.insurance.signing.sm2 import to_raw
from adapters.insurance.signing.voucher import NotGenuine, Voucher, sign_text
from middleware.domain.fault import Fault
from simulators.centre import gateway as other
from simulators.ecode.keys import PUBLIC, private_pem, public_pem
from tests.adapters.insurance.fault_server import options
from tests.adapters.insurance.signing.keys import USER_ID

AT = dt.datetime(2026, 3, 2, 1, 30, 15, 100_000, tzinfo=dt.UTC)
PROFILE = load_profile("999900-test")
HEAD = {"infno": "2207", "msgid": "M1", "cainfo": "", "signtype": "", "opter_name": "操作员", "sign_no": ""}


def words() -> Any:
    return map("nonce-{}".format, itertools.count()).__next__


def test_csb_signs_its_own_four_headers_in_order() -> None:
    headers = dict(CsbGateway("callService", "1.0.0", "AK", b"secret", milliseconds=True).headers(AT))

    text = b"_api_access_key=AK&_api_name=callService&_api_timestamp=1772415015100&_api_version=1.0.0"
    assert headers == {
        "_api_name": "callService",
        "_api_version": "1.0.0",
        "_api_timestamp": "1772415015100",
        "_api_access_key": "AK",
        "_api_signature": base64.b64encode(hmac.new(b"secret", text, hashlib.sha1).digest()).decode(),
    }
    assert other.Csb("AK", b"secret")(headers, {}, AT) == ""
    assert other.Csb("AK", b"another")(headers, {}, AT) == "signature mismatch"
    assert other.Csb("AK", b"secret")(headers, {}, AT + dt.timedelta(minutes=31)) == "timestamp expired"


def test_csb_tells_seconds_where_the_region_wants_them() -> None:
    headers = dict(CsbGateway("n", "1", "AK", b"secret", milliseconds=False).headers(AT))

    assert headers["_api_timestamp"] == "1772415015"
    assert other.Csb("AK", b"secret", milliseconds=False)(headers, {}, AT) == ""


def test_tif_signs_time_token_nonce_time_with_a_nonce_of_its_own_each_time() -> None:
    ours, theirs = TifGateway("paas", b"token", "", words()), other.Tif("paas", "token", set())
    first, second = (dict(ours.headers(AT)) for _ in range(2))

    assert first["x-tif-nonce"] != second["x-tif-nonce"]
    assert [theirs(one, {}, AT) for one in (first, second)] == ["", ""]
    assert theirs(first, {}, AT) != ""  # its nonce is used up
    assert first["x-tif-signature"] == hashlib.sha256(b"1772415015tokennonce-01772415015").hexdigest()


def test_tif_has_the_site_s_key_only_where_there_is_one() -> None:
    assert "apikey" not in dict(TifGateway("p", b"t", "", words()).headers(AT))
    assert dict(TifGateway("p", b"t", "K", words()).headers(AT))["apikey"] == "K"


def test_the_envelope_is_signed_without_cainfo_and_input_and_with_its_empty_fields() -> None:
    signed = Sm2Signer(OpenSslSigningKey(private_pem(), ""), "1234567812345678", "raw").signed(HEAD)

    text = "infno=2207&msgid=M1&opter_name=操作员&sign_no=&signtype=SM2"
    assert signed["cainfo"] == signed["cainfo"].upper()
    assert other.verify(PUBLIC, bytes.fromhex(signed["cainfo"]), text.encode(), USER_ID)
    assert other.EnvelopeSignature(PUBLIC)({}, signed, AT) == ""
    assert other.EnvelopeSignature(PUBLIC)({}, {**signed, "msgid": "M2"}, AT) == "cainfo mismatch"


def test_the_envelope_s_signature_may_be_asn_1_and_another_user_s() -> None:
    signed = Sm2Signer(OpenSslSigningKey(private_pem(), ""), "site", "der").signed(HEAD)

    raw = to_raw(bytes.fromhex(signed["cainfo"]))
    assert other.EnvelopeSignature(PUBLIC, "site")({}, {**signed, "cainfo": raw.hex()}, AT) == ""


def test_unsigned_is_empty_or_says_mock() -> None:
    assert Unsigned().signed(HEAD) == HEAD
    assert Unsigned("MOCK").signed(HEAD) == {**HEAD, "signtype": "MOCK"}


# -- the voucher channel


@pytest.fixture(scope="module")
def voucher() -> Voucher:
    keys = OpenSslSigningKey(private_pem(), ""), OpenSslVerifyingKey(public_pem(), "")
    return Voucher("1G7SIC7HV02Q3F60C80A0000", "the-app-secret", *keys, USER_ID)


def test_a_voucher_message_is_enciphered_and_signed_as_the_channel_has_it(voucher: Voucher) -> None:
    data = {"payOrdId": "P1", "total": "60.37", "lines": [{"b": "2", "a": "1"}], "empty": ""}

    sealed = json.loads(voucher.seal(data, AT))

    assert sorted(sealed) == ["appId", "encData", "encType", "signData", "signType", "timestamp", "version"]
    assert (sealed["timestamp"], sealed["encType"], sealed["signType"]) == ("1772415015100", "SM4", "SM2")
    key = sm4_encrypt(b"1G7SIC7HV02Q3F60", b"the-app-secret").hex().upper()[:16].encode()
    assert voucher.key == key
    text = (
        'appId=1G7SIC7HV02Q3F60C80A0000&data={"empty":"","lines":[{"a":"1","b":"2"}],"payOrdId":"P1","total":"60.37"}'
        "&encType=SM4&signType=SM2&timestamp=1772415015100&version=1.0.0&key=the-app-secret"
    )
    assert other.verify(PUBLIC, base64.b64decode(sealed["signData"]), text.encode(), USER_ID)
    assert sealed["encData"] == sealed["encData"].upper()
    assert "60.37" not in json.dumps(sealed)


_VALUES = st.recursive(st.text(max_size=10) | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=5)


@settings(deadline=None, max_examples=25)
@given(st.dictionaries(st.text(max_size=8), _VALUES, max_size=4))
def test_a_voucher_message_opens_to_what_was_sealed(voucher: Voucher, data: dict[str, Any]) -> None:
    assert voucher.unseal(voucher.seal(data, AT)) == data


@settings(deadline=None, max_examples=50)
@given(
    st.binary(max_size=80) | st.text(max_size=40).map(lambda text: json.dumps({"encData": text, "signData": text}).encode())
)
def test_no_bytes_whatever_open_as_a_voucher_message_or_raise_anything_else(voucher: Voucher, body: bytes) -> None:
    with pytest.raises(NotGenuine):
        voucher.unseal(body)


def test_a_voucher_message_that_was_changed_is_not_genuine(voucher: Voucher) -> None:
    sealed = json.loads(voucher.seal({"total": "60.37"}, AT))
    another = json.loads(voucher.seal({"total": "99.99"}, AT))
    changes = {
        "encData": another["encData"],
        "timestamp": "1",
        "version": "2",
        "appId": "x",
        "encType": "none",
        "signData": "",
    }

    for name, value in changes.items():
        with pytest.raises(NotGenuine):
            voucher.unseal(json.dumps({**sealed, name: value}).encode())
    assert voucher.unseal(json.dumps({**sealed, "extra": "not signed"}).encode()) == {"total": "60.37"}


def test_a_message_of_another_application_with_the_same_keys_is_not_genuine(voucher: Voucher) -> None:
    another = attrs.evolve(voucher, app_id=f"{voucher.app_id[:16]}another1")

    assert another.key == voucher.key
    with pytest.raises(NotGenuine, match=r"another application's"):
        voucher.unseal(another.seal({"total": "60.37"}, AT))


def test_what_is_signed_leaves_out_empties_and_the_unsigned() -> None:
    fields = {"b": "2", "a": {"y": 1, "x": "雨"}, "signData": "s", "encData": "e", "extra": "x", "c": "", "d": None}

    assert sign_text(fields, "S") == 'a={"x":"雨","y":1}&b=2&key=S'


# -- from profile and secrets to signers


def secret(folder: Path, content: bytes, mode: int = 0o400, name: str = "secret") -> str:
    path = folder / name
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_a_secret_is_a_file_that_nobody_else_may_read(tmp_path: Path) -> None:
    assert read_secret(secret(tmp_path, b"word\n"), "k") == b"word"
    with pytest.raises(Fault, match=r"chmod 0400"):
        read_secret(secret(tmp_path, b"word", 0o444, "open"), "k")


def test_a_secret_is_a_credential_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Fault, match=r"LoadCredential=csb"):
        read_secret("csb", "k")
    secret(tmp_path, b"word", 0o444, "csb")  # systemd's own folder: its rights are systemd's
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))

    assert read_secret("csb", "k") == b"word"


@pytest.mark.parametrize("content", [b"", b" \n", b"x" * 20_000])
def test_a_secret_that_is_none_is_refused_by_its_key(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(Fault, match=r"centre\.gateway_secret: "):
        read_secret(secret(tmp_path, content), "centre.gateway_secret")
    with pytest.raises(Fault, match=r"No such file"):
        read_secret(str(tmp_path / "none"), "centre.gateway_secret")


CSB = GatewayForm(scheme="csb", api_name="callService")
TIF = GatewayForm(scheme="tif", window_s=60)
SM2 = SignatureForm(scheme="sm2")


def opened(folder: Path, gateway: GatewayForm, signature: SignatureForm, **changes: str) -> Signers:
    given = {"gateway_id": "AK", "gateway_secret": secret(folder, b"secret", name="s")} | changes
    return signers_of(attrs.evolve(PROFILE, gateway=gateway, signature=signature), options("http://x/", **given), words())


def test_each_scheme_of_a_profile_opens_its_signers(tmp_path: Path) -> None:
    pem = secret(tmp_path, private_pem(), name="pem")
    found = opened(tmp_path, CSB, SM2, signing_key=pem)
    assert isinstance(found.gateway, CsbGateway)
    assert isinstance(found.envelope, Sm2Signer)
    assert found.window_s == 1800.0
    found = opened(tmp_path, TIF, SignatureForm(scheme="mock"), gateway_api_key=secret(tmp_path, b"K", name="k"))
    assert isinstance(found.gateway, TifGateway)
    assert found.gateway.api_key == "K"
    assert found.envelope == Unsigned("MOCK")
    assert found.window_s == 60.0
    assert gateway_window_s(PROFILE) is None


@pytest.mark.parametrize(
    ("gateway", "signature", "changes", "named"),
    [
        (CSB, SignatureForm(), {"gateway_id": ""}, "centre.gateway_id is required"),
        (CSB, SignatureForm(), {"gateway_secret": ""}, "centre.gateway_secret is required"),
        (TIF, SignatureForm(), {"gateway_secret": "/nowhere"}, "centre.gateway_secret: No such file"),
        (GatewayForm(scheme="csb"), SignatureForm(), {}, "gateway.api_name of the region's profile is empty"),
        (GatewayForm(), SM2, {}, "centre.signing_key is required"),
    ],
)
def test_what_the_site_did_not_give_is_named_at_the_start(tmp_path, gateway, signature, changes, named) -> None:
    with pytest.raises(Fault) as caught:
        opened(tmp_path, gateway, signature, **changes)

    assert caught.value.code == "system.config"
    assert caught.value.detail.startswith(named)


def test_no_signer_shows_a_secret(tmp_path: Path) -> None:
    found = opened(tmp_path, CSB, SM2, signing_key=secret(tmp_path, private_pem(), name="pem"))

    assert not any(word in f"{found!r} {found.gateway!r} {found.envelope!r}" for word in ("secret", "AK", "PRIVATE"))


SOUND = {"name": "x", "region": "999900", "reversible": []}


@pytest.mark.parametrize(
    ("wrong", "paths"),
    [
        ({"gateway": {"scheme": "tif", "api_name": "x"}}, ["gateway.api_name"]),
        ({"gateway": {"window_s": 60}}, ["gateway.window_s"]),
        ({"gateway": {"scheme": "csp"}}, ["gateway.scheme"]),
        ({"signature": {"user_id": "x"}}, ["signature.user_id"]),
        ({"signature": {"scheme": "sm2", "form": "pem"}}, ["signature.form"]),
        ({"national": {"numbers": "text"}}, ["national"]),
        ({"dialect": "national", "national": {"addresses": {"9102": "http://elsewhere/"}}}, ["national.addresses"]),
        ({"dialect": "national", "national": {"addresses": {"9102": "//elsewhere/x"}}}, ["national.addresses"]),
        ({"dialect": "national", "national": {"addresses": {"0000": "/x"}}}, ["national.addresses"]),
        ({"gateway": "csb", "signature": 1, "national": []}, ["gateway", "national", "national", "signature"]),
    ],
)
def test_a_profile_s_mistakes_about_gateway_signature_and_json_are_all_named(wrong: dict, paths: list[str]) -> None:
    assert mistakes(SOUND) == []
    assert sorted(problem.path for problem in mistakes(SOUND | wrong)) == paths
