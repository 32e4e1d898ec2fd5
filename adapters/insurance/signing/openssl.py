"""SM2 by the system's OpenSSL 3 (libcrypto): keys are its objects and never become numbers of ours.

``cryptography`` has SM3 and SM4 but no SM2, hence ctypes, on the few functions declared below.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from adapters.insurance.signing.sm2 import to_der, to_raw
from middleware.domain.fault import Fault

LIBRARY = "libcrypto.so.3"
MAX_PEM_BYTES = 1 << 14
_RAW_BYTES = 64
_PTR, _SIZE, _INT, _BYTES = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_char_p
_FUNCTIONS: dict[str, tuple[Any, ...]] = {  # name -> result, arguments
    "BIO_new_mem_buf": (_PTR, _BYTES, _INT),
    "BIO_free": (_INT, _PTR),
    "PEM_read_bio_PrivateKey": (_PTR, _PTR, _PTR, _PTR, _BYTES),
    "PEM_read_bio_PUBKEY": (_PTR, _PTR, _PTR, _PTR, _BYTES),
    "EVP_PKEY_is_a": (_INT, _PTR, _BYTES),
    "EVP_PKEY_free": (None, _PTR),
    "EVP_PKEY_CTX_new": (_PTR, _PTR, _PTR),
    "EVP_PKEY_CTX_free": (None, _PTR),
    "EVP_PKEY_CTX_set1_id": (_INT, _PTR, _BYTES, _SIZE),
    "EVP_MD_CTX_new": (_PTR,),
    "EVP_MD_CTX_free": (None, _PTR),
    "EVP_MD_CTX_set_pkey_ctx": (None, _PTR, _PTR),
    "EVP_sm3": (_PTR,),
    "EVP_DigestSignInit": (_INT, _PTR, _PTR, _PTR, _PTR, _PTR),
    "EVP_DigestSign": (_INT, _PTR, _PTR, ctypes.POINTER(_SIZE), _BYTES, _SIZE),
    "EVP_DigestVerifyInit": (_INT, _PTR, _PTR, _PTR, _PTR, _PTR),
    "EVP_DigestVerify": (_INT, _PTR, _BYTES, _SIZE, _BYTES, _SIZE),
    "ERR_clear_error": (None,),
}


@functools.cache
def _library() -> Any:
    """The library with every function declared; ``Fault("system.config")`` where the machine has none."""
    try:
        library = ctypes.CDLL(LIBRARY)
        for name, (result, *arguments) in _FUNCTIONS.items():
            function = getattr(library, name)
            function.restype, function.argtypes = result, arguments
    except (OSError, AttributeError) as exc:
        raise Fault("system.config", f"SM2 needs OpenSSL 3 ({LIBRARY}): {type(exc).__name__}") from None
    return library


class _Key:
    """A key of OpenSSL, freed with this object."""

    def __init__(self, pem: bytes, reader: str, what: str) -> None:
        self._library = _library()
        if len(pem) > MAX_PEM_BYTES:
            raise Fault("system.config", f"{what}: too long for a PEM key")
        source = self._library.BIO_new_mem_buf(pem, len(pem))
        try:
            # An empty pass phrase: an enciphered key is refused instead of asked about on a terminal.
            self._handle = getattr(self._library, reader)(source, None, None, b"") if source else None
        finally:
            self._library.BIO_free(source)
            self._library.ERR_clear_error()
        if not self._handle:
            raise Fault("system.config", f"{what}: no PEM key that OpenSSL reads (an enciphered one is not read)")
        if self._library.EVP_PKEY_is_a(self._handle, b"SM2") != 1:
            raise Fault("system.config", f"{what}: not a key of the SM2 curve")

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.EVP_PKEY_free(self._handle)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(...)"

    @contextmanager
    def _digest(self, begin: str, user_id: bytes) -> Iterator[Any]:
        """A digest context of this key and user id, ready; a context each call, so that threads share the key only."""
        library = self._library
        context, parameters = library.EVP_MD_CTX_new(), library.EVP_PKEY_CTX_new(self._handle, None)
        try:
            library.EVP_MD_CTX_set_pkey_ctx(context, parameters)
            ready = (
                library.EVP_PKEY_CTX_set1_id(parameters, user_id, len(user_id)) == 1
                and getattr(library, begin)(context, None, library.EVP_sm3(), None, self._handle) == 1
            )
            yield context if ready else None
        finally:
            library.EVP_MD_CTX_free(context)
            library.EVP_PKEY_CTX_free(parameters)
            library.ERR_clear_error()


class OpenSslSigningKey(_Key):
    """A private key; a ``SigningKey``. ``Fault("system.config")`` when the PEM is none of SM2."""

    def __init__(self, pem: bytes, what: str) -> None:
        super().__init__(pem, "PEM_read_bio_PrivateKey", what)
        self._what = what

    def sign(self, data: bytes, user_id: bytes) -> bytes:
        """See ``SigningKey``; ``Fault("system.config")`` when OpenSSL cannot."""
        length = _SIZE(128)
        signature = ctypes.create_string_buffer(length.value)
        with self._digest("EVP_DigestSignInit", user_id) as context:
            if context is None or (
                self._library.EVP_DigestSign(context, signature, ctypes.byref(length), data, len(data)) != 1
            ):
                raise Fault("system.config", f"{self._what}: OpenSSL did not sign")
        return to_raw(signature.raw[: length.value])


class OpenSslVerifyingKey(_Key):
    """A public key; a ``VerifyingKey``. ``Fault("system.config")`` when the PEM is none of SM2."""

    def __init__(self, pem: bytes, what: str) -> None:
        super().__init__(pem, "PEM_read_bio_PUBKEY", what)

    def verify(self, signature: bytes, data: bytes, user_id: bytes) -> bool:
        """See ``VerifyingKey``."""
        if len(signature) != _RAW_BYTES:
            return False
        der = to_der(signature)
        with self._digest("EVP_DigestVerifyInit", user_id) as context:
            return context is not None and (self._library.EVP_DigestVerify(context, der, len(der), data, len(data)) == 1)
