"""Certificates for agents and daemon, for sites without an authority of their own: P-256, signed by a key of this folder.

The folder's ``ca.key`` lets in whatever it signs: it belongs on no cashier's computer.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from readers.remote.options import good_name

CA_DAYS = 3650
DAYS = 825
_EARLY = dt.timedelta(hours=1)  # a cashier's clock may be behind


class Authority:
    """The authority of one folder, made at first use. Raises ``ValueError`` and ``OSError`` with the file's name."""

    def __init__(self, folder: Path, now: dt.datetime) -> None:
        self._folder = folder
        self._now = now
        self.file = folder / "ca.pem"
        key_file = folder / "ca.key"
        if key_file.exists():
            key = load_pem_private_key(key_file.read_bytes(), None)
            if not isinstance(key, ec.EllipticCurvePrivateKey):
                raise ValueError(f"{key_file} is not a key of ours")
            self._key = key
            self._name = x509.load_pem_x509_certificate(self.file.read_bytes()).subject
            return
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _named("Yikatong reader agents")
        folder.mkdir(parents=True, exist_ok=True)
        basic = x509.BasicConstraints(ca=True, path_length=0)
        certificate = self._builder(self._name, self._key, CA_DAYS).add_extension(basic, critical=True)
        _write_key(key_file, self._key)
        self.file.write_bytes(certificate.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))

    def for_daemon(self, hosts: tuple[str, ...]) -> tuple[Path, Path]:
        """Certificate and key files of a daemon that agents reach under these names or addresses."""
        if not hosts:
            raise ValueError("give at least one name or address of the daemon")
        names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
        return self._issue("daemon", _named(hosts[0][:64]), ExtendedKeyUsageOID.SERVER_AUTH, names)

    def for_agent(self, name: str) -> tuple[Path, Path]:
        """Certificate and key files of the agent with that name; existing files are never overwritten."""
        if not good_name(name):
            raise ValueError(f"not a name for an agent: {name!r}")
        return self._issue(name, _named(name), ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _issue(
        self, stem: str, subject: x509.Name, usage: x509.ObjectIdentifier, names: x509.SubjectAlternativeName | None
    ) -> tuple[Path, Path]:
        certificate_file, key_file = self._folder / f"{stem}.pem", self._folder / f"{stem}.key"
        if certificate_file.exists() or key_file.exists() or stem == "ca":
            raise ValueError(f"{certificate_file} exists; move it away first")
        key = ec.generate_private_key(ec.SECP256R1())
        builder = self._builder(subject, key, DAYS)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        _write_key(key_file, key)
        certificate_file.write_bytes(builder.sign(self._key, hashes.SHA256()).public_bytes(Encoding.PEM))
        return certificate_file, key_file

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, days: int) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - _EARLY)
            .not_valid_after(self._now + dt.timedelta(days=days))
        )


def fingerprint_of(certificate: Path) -> str:
    """SHA-256 of a certificate file, as [remote_readers] agents wants it."""
    return x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256()).hex()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    """A new file that only its owner can read."""
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
