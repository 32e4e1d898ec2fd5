"""The agent's way to the daemon: TCP, TLS 1.2 at least, and both sides prove who they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import endpoints, ssl
from twisted.internet.defer import Deferred, fail

from readers.remote.options import AgentOptions


def context_of(options: AgentOptions) -> Any:
    """What TLS needs, from the files as they are now. Raises ``ValueError`` that names the files."""
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from cryptography.x509 import load_pem_x509_certificates
    from OpenSSL import SSL

    try:
        trusted = [
            ssl.Certificate.loadPEM(one.public_bytes(Encoding.PEM))
            for one in load_pem_x509_certificates(options.daemon_ca.read_bytes())
        ]
        own = load_pem_x509_certificates(options.certificate.read_bytes())
        return ssl.optionsForClientTLS(
            options.host,
            trustRoot=ssl.trustRootFromCertificates(trusted),  # type: ignore[no-untyped-call]
            extraCertificateOptions={
                "privateKey": load_pem_private_key(options.private_key.read_bytes(), password=None),
                "certificate": own[0],
                "extraCertChain": own[1:],
                "raiseMinimumTo": ssl.TLSVersion.TLSv1_2,
            },
        )
    except (OSError, ValueError, TypeError, SSL.Error) as exc:
        # The library's text may quote the file's content; the type says enough.
        raise ValueError(f"cannot use TLS files {_names(options)}: {type(exc).__name__}") from None


def connector(options: AgentOptions, reactor: Any) -> Callable[[Any, float], Deferred[Any]]:
    """For ``Agent``. Files are read at each attempt: a renewed certificate is used without a restart."""

    def connect(factory: Any, timeout_s: float) -> Deferred[Any]:
        try:
            context = context_of(options)
        except ValueError as exc:
            return fail(exc)
        plain = endpoints.HostnameEndpoint(reactor, options.host, options.port, timeout=timeout_s)
        connecting: Deferred[Any] = endpoints.wrapClientTLS(context, plain).connect(factory)
        return connecting

    return connect


def _names(options: AgentOptions) -> str:
    files: tuple[Path, ...] = (options.certificate, options.private_key, options.daemon_ca)
    return ", ".join(map(str, files))
