from __future__ import annotations

import os

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.hmac import HMAC
from hypothesis import given, settings
from hypothesis import strategies as st

from middleware.store.ciphers import KEY_BYTES, VERSION, KeyedDigest, NotOpenedError, aead, disclose, enclose

# RFC 8998, A.1
SM4 = (
    "sm4-gcm",
    "0123456789ABCDEFFEDCBA9876543210",
    "00001234567800000000ABCD",
    "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2",
    "A" * 16 + "B" * 16 + "C" * 16 + "D" * 16 + "E" * 16 + "F" * 16 + "E" * 16 + "A" * 16,
    (
        "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735"
        "D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D"
    ),
    "83DE3541E4C2B58177E065A9BF7B62EC",
)
# The Galois/Counter Mode of Operation (McGrew, Viega), test case 16
AES = (
    "aes-256-gcm",
    "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    "cafebabefacedbaddecaf888",
    "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    (
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    ),
    (
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
    ),
    "76fc6ece0f4e1768cddf8853bb2d551b",
)


@pytest.mark.parametrize("vector", [SM4, AES], ids=lambda v: v[0])
def test_the_published_vectors(vector):
    name, *hexes = vector
    key, nonce, associated, clear, sealed, tag = map(bytes.fromhex, hexes)
    cipher = aead(name, key)

    assert cipher.encrypt(nonce, clear, associated) == sealed + tag
    assert cipher.decrypt(nonce, sealed + tag, associated) == clear


@settings(max_examples=80, deadline=None)
@given(
    name=st.sampled_from(sorted(KEY_BYTES)),
    data=st.binary(max_size=400),
    context=st.binary(max_size=40),
    flip=st.integers(min_value=0),
)
def test_what_was_enclosed_comes_out_and_a_flipped_bit_never_does(name, data, context, flip):
    cipher = aead(name, bytes(range(KEY_BYTES[name])))
    box = enclose(cipher, data, context, os.urandom)
    bit = flip % (8 * len(box))
    flipped = bytearray(box)
    flipped[bit // 8] ^= 1 << bit % 8

    assert disclose(cipher, box, context) == data
    for wrong in ((bytes(flipped), context), (box, context + b"x"), (box[:-1], context), (b"", context)):
        with pytest.raises(NotOpenedError):
            disclose(cipher, *wrong)


def test_a_box_of_another_version_is_not_tried():
    cipher = aead("aes-256-gcm", bytes(32))
    box = enclose(cipher, b"x", b"", os.urandom)

    assert box[:1] == VERSION
    with pytest.raises(NotOpenedError):
        disclose(cipher, b"\x02" + box[1:], b"")


@pytest.mark.parametrize(("name", "length"), [("aes-256-gcm", 16), ("sm4-gcm", 32), ("rot13", 16)])
def test_a_key_of_the_wrong_length_or_name_is_refused(name, length):
    with pytest.raises(ValueError, match=name):
        aead(name, bytes(length))


@pytest.mark.parametrize(("name", "other"), [("hmac-sm3", hashes.SM3()), ("hmac-sha256", hashes.SHA256())])
def test_keyed_digests_are_those_of_another_library(name, other):
    judge = HMAC(b"k" * 32, other)
    judge.update("号码".encode())

    assert KeyedDigest(name, b"k" * 32).of("号码") == judge.finalize().hex()
