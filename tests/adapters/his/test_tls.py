"""The link over TLS: both sides prove who they are, and nothing leaves before the HIS has."""

from __future__ import annotations

import datetime as dt
import ipaddress
from pathlib import Path

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor, ssl
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from adapters.his.hl7v2.adapter import Hl7His
from adapters.his.hl7v2.checker import InlineChecker
from adapters.his.hl7v2.options import Hl7Options, Tls
from middleware.domain.fault import Fault
from middleware.domain.health import Condition
from middleware.domain.outcome import Answered, NotSent
from simulators.his import HisSimulator
from simulators.ports import free_port
from tests.adapters.his.messages import registration
from tests.adapters.his.test_delivery import until

DAY = dt.timedelta(days=1)


class Authority:
    """A certificate authority that lives as long as a test."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._certificate = self._sign(self._key, self._name, authority=True)
        self.file = self._write(f"{name}.pem", self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str) -> tuple[Path, Path]:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(key, x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]), authority=False)
        plain = serialization.NoEncryption()
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        public = certificate.public_bytes(serialization.Encoding.PEM)
        return self._write(f"{name}.crt", public), self._write(f"{name}.key", pem)

    def _sign(self, key, subject, *, authority: bool):
        now = dt.datetime.now(dt.UTC)
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - DAY)
            .not_valid_after(now + DAY)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(names, critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        path.write_bytes(content)
        return path


def server(authority: Authority, trusted: Authority) -> HisSimulator:
    certificate, key = authority.issue("his")
    mine = ssl.PrivateCertificate.loadPEM(certificate.read_bytes() + key.read_bytes())
    return HisSimulator(reactor, free_port(), tls=mine.options(ssl.Certificate.loadPEM(trusted.file.read_bytes())))


def client(port: int, tls: Tls) -> Hl7His:
    options = Hl7Options(port=port, tls=tls, ack_timeout_s=3.0, retry_first_s=0.05, retry_most_s=0.1)
    return Hl7His(options, reactor, checker=InlineChecker())


class Quiet(Factory):
    """Plain TCP that accepts and says nothing; ``left`` fires when its first client has gone."""

    noisy = False
    protocol = Protocol

    def __init__(self):
        self.left = Deferred()

    def buildProtocol(self, address):
        protocol = super().buildProtocol(address)
        protocol.connectionLost = lambda reason: self.left.called or self.left.callback(None)
        return protocol


@pytest_twisted.ensureDeferred
async def test_with_certificates_on_both_sides_messages_flow(tmp_path):
    authority = Authority(tmp_path, "ca")
    simulator = server(authority, authority)
    certificate, key = authority.issue("daemon")
    his = client(simulator.start(), Tls(enabled=True, ca_file=authority.file, certificate_file=certificate, key_file=key))
    his.start()
    try:
        await until(lambda: his.health().condition is Condition.GOOD)
        assert isinstance(await his.deliver(registration()), Answered)
    finally:
        await his.stop()
        await simulator.stop()


@pytest_twisted.ensureDeferred
async def test_a_his_that_cannot_prove_itself_gets_nothing(tmp_path):
    simulator = server(Authority(tmp_path, "false"), Authority(tmp_path, "any"))
    tls = Tls(enabled=True, ca_file=Authority(tmp_path, "true").file)
    his = client(simulator.start(), tls)
    his.start()
    try:
        outcome = await his.deliver(registration())

        assert outcome == NotSent("his.unreachable", "TLS handshake failed")
        assert his.counts["sent"] == 0
        assert simulator.received == []
    finally:
        await his.stop()
        await simulator.stop()


@pytest_twisted.ensureDeferred
async def test_a_port_that_accepts_and_says_nothing_is_given_up(tmp_path):
    # No simulator of a HIS: one ClientHello in sixty holds by chance what is a block to it, and it answers that.
    quiet = Quiet()
    port = reactor.listenTCP(free_port(), quiet, interface="127.0.0.1")
    options = Hl7Options(port=port.getHost().port, tls=Tls(enabled=True), connect_timeout_s=1.0, retry_first_s=5.0)
    his = Hl7His(options, reactor, checker=InlineChecker())
    his.start()
    try:
        assert await his.deliver(registration()) == NotSent("his.unreachable", "no handshake in time")
        await quiet.left
    finally:
        await his.stop()
        await port.stopListening()


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_that_cannot_be_used_is_a_fault_of_the_configuration(tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(Fault) as caught:
        client(2575, Tls(enabled=True, ca_file=path))

    assert caught.value.code == "system.config"
    assert caught.value.detail.startswith("his.tls: ")
