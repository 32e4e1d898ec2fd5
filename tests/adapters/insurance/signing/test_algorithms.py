"""SM2, SM3 and SM4 against the standards' own examples, and against arithmetic of another hand."""

from __future__ import annotations

import concurrent.futures
import contextlib

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.insurance.signing import sm
from adapters.insurance.signing.openssl import OpenSslSigningKey, OpenSslVerifyingKey
from adapters.insurance.signing.sm2 import formed, to_der, to_raw
from middleware.domain.fault import Fault
from simulators.centre import gateway
from simulators.ecode.keys import PRIVATE, PUBLIC, private_pem, public_pem
from tests.adapters.insurance.signing.keys import MESSAGE, SIGNATURE, USER_ID


@pytest.fixture(scope="module")
def key() -> OpenSslSigningKey:
    return OpenSslSigningKey(private_pem(), "the key")


@pytest.fixture(scope="module")
def public() -> OpenSslVerifyingKey:
    return OpenSslVerifyingKey(public_pem(), "the key")


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
        (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
    ],
)
def test_sm3_is_that_of_gb_t_32905_appendix_a(data: bytes, digest: str) -> None:
    assert sm.sm3(data).hex() == digest


def test_sm4_is_that_of_gb_t_32907_appendix_a() -> None:
    key = bytes.fromhex("0123456789abcdeffedcba9876543210")

    enciphered = sm.sm4_encrypt(key, key)

    assert enciphered[:16].hex() == "681edf34d206965e86b3e94f536e4246"  # the rest is the padding's block
    assert sm.sm4_decrypt(key, enciphered) == key
    assert sm.is_available()


@given(st.binary(max_size=200))
def test_sm4_gives_back_what_it_took(data: bytes) -> None:
    assert sm.sm4_decrypt(b"k" * 16, sm.sm4_encrypt(b"k" * 16, data)) == data


@given(st.binary(max_size=64))
def test_sm4_of_bytes_that_it_never_gave_is_a_value_error_or_bytes(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(sm.sm4_decrypt(b"k" * 16, data), bytes)


def test_sm2_agrees_to_the_signature_of_gb_t_32918_5_appendix_a(public: OpenSslVerifyingKey) -> None:
    assert public.verify(SIGNATURE, MESSAGE, USER_ID)
    assert gateway.verify(PUBLIC, SIGNATURE, MESSAGE, USER_ID)


@settings(deadline=None, max_examples=15)
@given(st.binary(max_size=100), st.binary(min_size=1, max_size=40))
def test_what_openssl_signs_another_hand_s_arithmetic_agrees_to(
    key: OpenSslSigningKey, data: bytes, user_id: bytes
) -> None:
    signature = key.sign(data, user_id)

    assert len(signature) == 64
    assert gateway.verify(PUBLIC, signature, data, user_id)


@pytest.mark.parametrize(
    ("signature", "data", "user_id"),
    [
        (SIGNATURE, b"another message", USER_ID),
        (SIGNATURE, MESSAGE, b"another user"),
        (SIGNATURE[:-1] + b"\x00", MESSAGE, USER_ID),
        (SIGNATURE[:63], MESSAGE, USER_ID),
        (bytes(64), MESSAGE, USER_ID),
        (b"", MESSAGE, USER_ID),
        (b"\xff" * 64, MESSAGE, USER_ID),
    ],
)
def test_no_other_signature_is_agreed_to(
    public: OpenSslVerifyingKey, signature: bytes, data: bytes, user_id: bytes
) -> None:
    assert not public.verify(signature, data, user_id)
    assert not gateway.verify(PUBLIC, signature, data, user_id)


@given(st.binary(min_size=64, max_size=64))
def test_a_signature_survives_asn_1(raw: bytes) -> None:
    assert to_raw(to_der(raw)) == raw
    assert formed(raw, "raw") == raw
    assert formed(raw, "der") == to_der(raw)


@pytest.mark.parametrize("der", [b"", b"x" * 64, to_der(b"\xff" * 64)[:-1], bytes.fromhex("3006020101") + b"x"])
def test_what_is_no_asn_1_is_a_value_error(der: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        to_raw(der)


def test_one_key_serves_several_threads(key: OpenSslSigningKey, public: OpenSslVerifyingKey) -> None:
    texts = [f"message {number}".encode() for number in range(40)]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        signatures = list(pool.map(lambda text: key.sign(text, USER_ID), texts))

    assert all(public.verify(one, text, USER_ID) for one, text in zip(signatures, texts, strict=True))


def other_curve() -> bytes:
    made = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def enciphered() -> bytes:
    made = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return made.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(b"x"))


@pytest.mark.parametrize(
    "pem", [b"", b"no key", other_curve(), enciphered(), public_pem(), b"x" * 20_000, private_pem()[:100]]
)
def test_what_is_no_sm2_key_is_refused_with_its_place_and_never_its_bytes(pem: bytes) -> None:
    with pytest.raises(Fault) as caught:
        OpenSslSigningKey(pem, "centre.signing_key")

    assert caught.value.code == "system.config"
    assert caught.value.detail.startswith("centre.signing_key: ")


def test_a_key_shows_nothing_of_itself(key: OpenSslSigningKey) -> None:
    assert f"{PRIVATE:x}" not in f"{key!r} {vars(key)}".lower()
