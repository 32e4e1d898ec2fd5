from __future__ import annotations

import datetime as dt
import ssl
from pathlib import Path

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from clients.python.yikatong_client import ApiError, connect
from middleware.domain.fault import Fault
from middleware.doors.local_api.options import LocalApiOptions
from middleware.listening import tls_context
from simulators.ports import free_port
from tests.middleware.doors.fakes import HIS_TOKEN, in_thread, open_door


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A self-signed certificate for "localhost"."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest_twisted.ensureDeferred
async def test_tls_carries_a_session_and_a_stranger_without_our_certificate_does_not_get_in(tmp_path):
    from twisted.internet import reactor

    server, client = make_certificate(tmp_path, "server"), make_certificate(tmp_path, "client")
    port = free_port()
    options = LocalApiOptions(
        tcp_host="127.0.0.1", tcp_port=port, certificate=server[0], private_key=server[1], client_ca=client[0]
    )
    door = open_door(reactor, options)
    door.api.start()

    def known() -> str:
        context = ssl.create_default_context(cafile=str(server[0]))
        context.load_cert_chain(*map(str, client))
        with connect(host="localhost", port=port, tls=context) as session:
            role = session.hello(HIS_TOKEN)["role"]
            with pytest.raises(ApiError, match="too_long"):
                session.call("card.read", {"reader": "x" * (2 << 20)})
            return role

    def stranger() -> str:
        context = ssl.create_default_context(cafile=str(server[0]))
        with connect(host="localhost", port=port, tls=context) as session:
            return session.hello(HIS_TOKEN)["role"]

    try:
        assert await in_thread(reactor, known) == "his"
        with pytest.raises(OSError):
            await in_thread(reactor, stranger)
    finally:
        await door.api.stop()


def test_files_that_do_not_fit_are_told_at_start(tmp_path):
    one, two = make_certificate(tmp_path, "one"), make_certificate(tmp_path, "two")
    for certificate, key in ((one[0], two[1]), (one[1], one[1]), (tmp_path / "none", one[1]), (one[0], one[0])):
        with pytest.raises(ValueError, match="cannot use TLS files"):
            tls_context(certificate, key)


def test_a_door_whose_certificate_is_unusable_does_not_start(tmp_path):
    from twisted.internet import reactor

    options = LocalApiOptions(tcp_port=free_port(), certificate=tmp_path / "a", private_key=tmp_path / "b")
    with pytest.raises(Fault, match=r"system\.config"):
        open_door(reactor, options).api.start()
