"""What a socket's or a TLS library's error means: tables of error numbers, certificate codes and TLS reasons, with remedies.

In the texts, {host}, {port}, {at} and the words of a `Service` are filled in (`Service.told`). Certificate codes are OpenSSL's
X509_V_ERR_* numbers, as in `ssl.SSLCertVerificationError.verify_code`.
"""

from __future__ import annotations

import errno

from domain.failures.remedy import FIFTY, LOOKS_DAILY, NOTHING_TO_DO, PASSES_BY_ITSELF, Remedy

UNREACHABLE = frozenset(
    (
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.EHOSTDOWN,
        errno.ENETRESET,
        errno.EAFNOSUPPORT,
        errno.EACCES,  # a firewall on this machine
        errno.EPERM,
    )
)
RESET = frozenset((errno.ECONNRESET, errno.ECONNABORTED, errno.EPIPE, errno.ESHUTDOWN, errno.ENOTCONN))


CONNECTION_REMEDIES: dict[str, Remedy] = {
    "dns": Remedy.of(
        "The server's name {host} could not be resolved. Check its spelling in {settings} "
        "against what the provider documents; if it is right, the name service is in trouble.",
        PASSES_BY_ITSELF,
        FIFTY,
    ),
    "refused": Remedy.of(
        "Nothing accepts connections at {host} port {port}. Check host and port in {settings}: {usual}. If they are right, "
        "the server is down, or {not_offered}: ask your e-mail administrator.",
        PASSES_BY_ITSELF,
        FIFTY,
    ),
    "timeout": Remedy.of(
        "{host} port {port} did not answer in time. It may be down or overloaded, a firewall may be dropping the "
        "connection, or host or port may be wrong in {settings}.",
        PASSES_BY_ITSELF,
        FIFTY,
    ),
    "reset": Remedy.of(
        "The connection to {host} port {port} was cut off by the server or by something on the way.",
        PASSES_BY_ITSELF,
        FIFTY,
    ),
    "unreachable": Remedy.of(
        "There is no way through the network to {host} port {port}. The server or its network may be down, or the machine "
        "that Mailroom runs on may have no route to it.",
        PASSES_BY_ITSELF,
        FIFTY,
    ),
    "closed": Remedy.of(
        "{host} port {port} hung up before the session was finished.",
        PASSES_BY_ITSELF,
        FIFTY,
    ),
}

# Row R88.
ONLY_US = (
    "If others reach this server, it may be refusing only Mailroom's addresses. Hand this to the mail administrator: "
    "connections from {egress} to {host} port {port} fail, last at {at}."
)
UNKNOWN_EGRESS = "the public addresses of the machine that Mailroom runs on"

# Some servers, AOL's among them, hang up instead of refusing a password.
PASSWORD_TOO = (
    "This happened while logging in, and some servers hang up on a wrong password instead of refusing it: if it goes on, "
    "check user name and password too."
)
# Some servers offer PIPELINING and hang up on it.
SENT_TOGETHER = (
    "The server had been sent several commands at once, as it offers (PIPELINING), and some servers hang up on that: the "
    "next session sends them one by one."
)
SLOW_LOGIN = Remedy.of(
    "{host} took the user name and password and then did not answer in time. The server is overloaded, or it is still "
    "opening a large mailbox.",
    NOTHING_TO_DO,
    "If it goes on for more than a day, ask your e-mail administrator.",
)

CERTIFICATE_CAUSES: dict[int, str] = {
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    62: "hostname_mismatch",
    64: "hostname_mismatch",
    2: "untrusted_ca",
    19: "untrusted_ca",
    20: "untrusted_ca",
    21: "untrusted_ca",
    27: "untrusted_ca",
}

# Rows R90 and R91.
CERTIFICATE_EVIDENCE = Remedy.of(
    "The certificates that {host} port {port} presented on {at} are kept with this failure, to be handed to the mail "
    "administrator. Until it is mended no password is sent, and there is no switch to ignore it.",
    LOOKS_DAILY,
)
_PRIVATE_CA = (
    "If this server's certificates are issued by your organisation itself, the operator of Mailroom can trust that "
    "authority with MAILROOM_CA_FILE."
)
CERTIFICATE_REMEDIES: dict[str, str] = {
    "self_signed": (
        "The server's certificate is self-signed, so nobody vouches that this is the right server. Ask the mail "
        f"administrator for a certificate from a public certificate authority. {_PRIVATE_CA}"
    ),
    "expired": (
        "A certificate of the server, its own or one above it, has expired. Ask the mail administrator to renew it."
    ),
    "not_yet_valid": (
        "The server's certificate is not valid yet. Either the server was given it too early or a clock is wrong: check "
        "the clock of the machine that Mailroom runs on, then ask the mail administrator."
    ),
    "hostname_mismatch": (
        "The server's certificate is for other names than {host}. Use one of the names that the certificate was issued "
        "for as the host, with change_settings, or ask the mail administrator for a certificate that names {host}."
    ),
    "untrusted_ca": (
        "The server's certificate does not lead to a certificate authority that is trusted. Most often the server leaves "
        "out the intermediate certificate: ask the mail administrator to install the whole chain. Otherwise it comes from "
        f"a private authority, or from a proxy that looks into encrypted traffic. {_PRIVATE_CA}"
    ),
    "other": (
        "The server's certificate cannot be accepted ({reason}). Ask the mail administrator for a new one from a public "
        "certificate authority."
    ),
}
# TLS that cannot work as configured, by `ssl.SSLError.reason`; every other reason is a connection cut off.
_PLAINTEXT = Remedy.of(
    "{host} port {port} does not speak TLS from the first byte. Set it to STARTTLS (usually port {starttls_port}), or to "
    "the port that the provider documents for implicit TLS (usually {implicit_port}), with change_settings.",
    LOOKS_DAILY,
)
_OUTDATED = Remedy.of(
    "{host} port {port} offers only outdated encryption, TLS 1.1 or older or ciphers that are no longer safe. Ask the mail "
    "administrator to allow TLS 1.2 or newer.",
    LOOKS_DAILY,
)
_UNKNOWN_NAME = Remedy.of(
    "The server at {host} port {port} does not know the name {host}. Check the host in {settings} "
    "against what the provider documents.",
    LOOKS_DAILY,
)
TLS_REMEDIES: dict[str, Remedy] = {
    "WRONG_VERSION_NUMBER": _PLAINTEXT,
    "RECORD_LAYER_FAILURE": _PLAINTEXT,
    "PACKET_LENGTH_TOO_LONG": _PLAINTEXT,
    "HTTP_REQUEST": _PLAINTEXT,
    "UNKNOWN_PROTOCOL": _PLAINTEXT,
    "UNSUPPORTED_PROTOCOL": _OUTDATED,
    "TLSV1_ALERT_PROTOCOL_VERSION": _OUTDATED,
    "LEGACY_SIGALG_DISALLOWED_OR_UNSUPPORTED": _OUTDATED,
    "WRONG_SIGNATURE_TYPE": _OUTDATED,
    "DH_KEY_TOO_SMALL": _OUTDATED,
    "EE_KEY_TOO_SMALL": _OUTDATED,
    "WRONG_SSL_VERSION": _OUTDATED,
    "NO_CIPHERS_AVAILABLE": _OUTDATED,
    "NO_SHARED_CIPHER": _OUTDATED,
    "UNSAFE_LEGACY_RENEGOTIATION_DISABLED": _OUTDATED,
    "TLSV1_ALERT_INSUFFICIENT_SECURITY": _OUTDATED,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": _OUTDATED,
    "SSL/TLS_ALERT_HANDSHAKE_FAILURE": _OUTDATED,
    "TLSV1_UNRECOGNIZED_NAME": _UNKNOWN_NAME,
}

OTHER_PROTOCOL_REMEDY = Remedy.of(
    "{host} port {port} answers, but it speaks {protocol}, not {protocol_name}. Check host and port in "
    "{settings}: {usual}. If they are right, ask your e-mail administrator whether {service} is offered.",
    LOOKS_DAILY,
)
VIOLATION_REMEDY = Remedy.of(
    "What {host} port {port} sent is not {protocol_name} as it is written down, so the session was ended before "
    "anything could be misread.",
    PASSES_BY_ITSELF,
    "If it goes on for more than a day, give the reference of this failure to support.",
)
OTHER_SERVICE = (
    "It happened in the server's very first words, so another service than {service} may be answering there: check host "
    "and port in {settings}."
)
