"""Certificates for tests: an authority of our own and server certificates that are right or wrong in one way each."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = timedelta(days=1)


@dataclass(frozen=True)
class ServerCertificate:
    """A certificate with its key: `path` holds both in PEM (its issuer's certificate last), for Dovecot and ssl."""

    path: Path
    der: bytes

    def context(self) -> ssl.SSLContext:
        """What a test server listens with."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context


class Authority:
    """A private CA; `ca_file` is what a client is told to trust (MAILROOM_CA_FILE)."""

    def __init__(self, folder: Path, name: str = "Mailroom Test CA", *, issuer: Authority | None = None) -> None:
        """With `issuer` an intermediate one, which that authority vouches for."""
        self.folder = folder
        self.name = name
        self.ca_file = folder / f"{name.lower().replace(' ', '-')}.pem"
        self._key = ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        self._certificate = (
            _builder(_named(name), _named(issuer.name if issuer else name), self._key, now - 30 * DAY, now + 30 * DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0 if issuer else 1), critical=True)
            .add_extension(_ca_usage(), critical=True)
            .sign(issuer._key if issuer else self._key, hashes.SHA256())
        )
        self.ca_file.write_bytes(_pem(self._certificate))

    def good(self) -> ServerCertificate:
        """For localhost, 127.0.0.1 and ::1."""
        return self._issue("good")

    def expired(self) -> ServerCertificate:
        now = datetime.now(UTC)
        return self._issue("expired", not_before=now - 20 * DAY, not_after=now - DAY)

    def not_yet_valid(self) -> ServerCertificate:
        now = datetime.now(UTC)
        return self._issue("not-yet-valid", not_before=now + DAY, not_after=now + 20 * DAY)

    def wrong_host(self) -> ServerCertificate:
        return self._issue("wrong-host", names=[x509.DNSName("pop.elsewhere.example")])

    def _issue(
        self,
        name: str,
        *,
        names: list[x509.GeneralName] | None = None,
        not_before: datetime | None = None,
        not_after: datetime | None = None,
    ) -> ServerCertificate:
        now = datetime.now(UTC)
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = (
            _builder(_named(name), _named(self.name), key, not_before or now - DAY, not_after or now + 20 * DAY)
            .add_extension(x509.SubjectAlternativeName(names or _LOOPBACK_NAMES), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return _written(self.folder / f"{name}.pem", key, certificate, self._certificate)


def self_signed(folder: Path) -> ServerCertificate:
    """For localhost, issued by nobody but itself."""
    now = datetime.now(UTC)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_named("self-signed"), _named("self-signed"), key, now - DAY, now + 20 * DAY)
        .add_extension(x509.SubjectAlternativeName(_LOOPBACK_NAMES), critical=False)
        .sign(key, hashes.SHA256())
    )
    return _written(folder / "self-signed.pem", key, certificate)


def of_an_untrusted_authority(folder: Path) -> ServerCertificate:
    """For localhost, issued by a CA that no client is told of; the CA's own certificate is not sent."""
    (folder / "unknown").mkdir()
    authority = Authority(folder / "unknown", "Nobody Knows This CA")
    return alone(authority.good())


def of_an_intermediate_authority(root: Authority) -> ServerCertificate:
    """For localhost, issued by an authority that `root` vouches for; both certificates are sent."""
    folder = root.folder / "intermediate"
    folder.mkdir()
    return Authority(folder, "Intermediate CA", issuer=root).good()


def alone(certificate: ServerCertificate) -> ServerCertificate:
    """The certificate, without that of its issuer."""
    key_and_leaf = certificate.path.read_bytes().split(b"-----BEGIN CERTIFICATE-----")
    certificate.path.write_bytes(b"-----BEGIN CERTIFICATE-----".join(key_and_leaf[:2]))
    return certificate


_LOOPBACK_NAMES: list[x509.GeneralName] = [
    x509.DNSName("localhost"),
    x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
    x509.IPAddress(ipaddress.ip_address("::1")),
]


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, not_before: datetime, not_after: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(not_before)
        .not_valid_after(not_after)
    )


def _ca_usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _written(path: Path, key: ec.EllipticCurvePrivateKey, *chain: x509.Certificate) -> ServerCertificate:
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + b"".join(_pem(certificate) for certificate in chain))
    return ServerCertificate(path, chain[0].public_bytes(serialization.Encoding.DER))
