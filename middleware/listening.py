"""Where a socket may be opened, and under what protection: one rule for every listener of the house."""

from __future__ import annotations

import ipaddress
import socket
from pathlib import Path
from typing import Any

from twisted.internet.interfaces import ITCPTransport

KEEPALIVE_IDLE_S, KEEPALIVE_INTERVAL_S, KEEPALIVE_PROBES = 60, 10, 3


def is_loopback(host: str) -> bool:
    """Whether ``host`` can only be reached from this machine. A name other than "localhost" counts as beyond."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def check_listen(host: str, certificate: Path | None, private_key: Path | None) -> None:
    """A listener beyond loopback has TLS, and TLS has both its files; ``ValueError`` says what is missing."""
    if (certificate is None) != (private_key is None):
        raise ValueError("certificate and private_key go together: give both or neither")
    if certificate is None and not is_loopback(host):
        raise ValueError(
            f"a bind beyond loopback needs TLS: set certificate and private_key, or bind 127.0.0.1, not {host}"
        )


def tls_context(certificate: Path, private_key: Path, client_ca: Path | None = None) -> Any:
    """A context factory for ``listenSSL``: TLS 1.2 at least; with ``client_ca`` only clients that it signed come in.

    ``certificate`` is PEM and may hold the chain, own certificate first. Raises ``ValueError`` that names the file.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
    from OpenSSL import SSL
    from twisted.internet import ssl

    try:
        # pyOpenSSL takes these and deprecates its own; Twisted's annotations still name the old ones.
        certificates: list[Any] = list(x509.load_pem_x509_certificates(certificate.read_bytes()))
        key: Any = load_pem_private_key(private_key.read_bytes(), password=None)
        trust = None
        if client_ca is not None:
            known = x509.load_pem_x509_certificates(client_ca.read_bytes())
            trusted = [ssl.Certificate.loadPEM(one.public_bytes(Encoding.PEM)) for one in known]
            trust = ssl.trustRootFromCertificates(trusted)  # type: ignore[no-untyped-call]
        options = ssl.CertificateOptions(
            privateKey=key,
            certificate=certificates[0],
            extraCertChain=certificates[1:],
            trustRoot=trust,
            raiseMinimumTo=ssl.TLSVersion.TLSv1_2,
        )
        options.getContext()  # now, so that a key that does not fit is told at start and not at the first client
    except (OSError, ValueError, TypeError, SSL.Error) as exc:
        # The library's text may quote the file's content; the type says enough.
        raise ValueError(f"cannot use TLS files {certificate} and {private_key}: {type(exc).__name__}") from exc
    return options


def notice_when_gone(transport: Any) -> None:
    """For a connection that is kept: small writes leave at once, and a dead peer is noticed in 90 s.

    By itself TCP takes two hours, and some networks forget a link in ten minutes.
    """
    if not ITCPTransport.providedBy(transport):
        return
    transport.setTcpNoDelay(True)
    transport.setTcpKeepAlive(True)
    below = getattr(transport, "transport", transport)  # over TLS the socket is one layer down
    handle = below.getHandle() if hasattr(below, "getHandle") else None
    if not isinstance(handle, socket.socket):
        return
    times = (("TCP_KEEPIDLE", KEEPALIVE_IDLE_S), ("TCP_KEEPINTVL", KEEPALIVE_INTERVAL_S), ("TCP_KEEPCNT", KEEPALIVE_PROBES))
    for name, value in times:
        if hasattr(socket, name):
            handle.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
