"""The certificates that a server presented, as they are shown to its administrator (R91)."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from domain.core.redaction import cleaned
from domain.failures.failure import Certificate, TlsEvidence

LONGEST_CHAIN = 6
MOST_NAMES = 20


def presented(tls: ssl.SSLObject) -> list[bytes]:
    """The certificates of a connection's other end, in DER, its own first."""
    # Python 3.13 has the whole chain in public; before, the object below has it, as PEM by default.
    if hasattr(tls, "get_unverified_chain"):
        return list(tls.get_unverified_chain())
    inner: Any = getattr(tls, "_sslobj", None)
    if hasattr(inner, "get_unverified_chain"):
        return [ssl.PEM_cert_to_DER_cert(certificate.public_bytes()) for certificate in inner.get_unverified_chain()]
    own = tls.getpeercert(binary_form=True)
    return [own] if own else []


def evidence(chain: Sequence[bytes], *, host: str, port: int, at: datetime) -> TlsEvidence:
    """What is kept of a presented chain (DER); what is no certificate is left out."""
    described = [certificate for der in chain[:LONGEST_CHAIN] if (certificate := _described(der))]
    return TlsEvidence(host=host, port=port, at=at, chain=tuple(described))


def _described(der: bytes) -> Certificate | None:
    try:
        parsed = x509.load_der_x509_certificate(der)
    except ValueError:
        return None
    try:
        names = parsed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        hosts = tuple(cleaned(str(name.value))[:255] for name in names)[:MOST_NAMES]
    except (x509.ExtensionNotFound, ValueError):
        hosts = ()
    return Certificate(
        subject=cleaned(parsed.subject.rfc4514_string())[:500],
        issuer=cleaned(parsed.issuer.rfc4514_string())[:500],
        not_before=parsed.not_valid_before_utc,
        not_after=parsed.not_valid_after_utc,
        sha256=parsed.fingerprint(hashes.SHA256()).hex(),
        names=hosts,
    )
