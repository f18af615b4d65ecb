"""The settings of a worker: environment variables, read and checked once when it starts."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict

from domain.urls import http_url

ROLES = ("workflows", "retrieval", "crm", "sending")
LOOPBACK = ("localhost", "127.0.0.0/8", "::1/128")
KEY_BYTES = 32  # AES-256
MAKE_A_KEY = "make one with: openssl rand -base64 32"
# PostgreSQL holds no value of 1 GiB or more, and a message is one value where people read it.
MOST_MESSAGE_BYTES = 1_000_000_000

N = TypeVar("N", int, float)


class SettingsError(Exception):
    """A setting is missing or makes no sense: names the variable and what to set, never a value that may be secret."""


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is told by its environment, except where Temporal is (see infra/temporal/client.py).

    `allow_hosts` holds host names, addresses and CIDRs in lower case; sizes are bytes; `minute_seconds` is the length
    of a minute in seconds. What may hold a password is kept out of the repr.
    """

    database_url: str = field(repr=False)
    key: str | None = field(default=None, repr=False)
    key_file: Path | None = None
    secret_dir: Path | None = None
    roles: frozenset[str] = frozenset(ROLES)
    ca_file: str | None = None
    allow_hosts: tuple[str, ...] = ()
    max_sessions_per_host: int = 8
    max_message_bytes: int = 100 * 1024 * 1024
    quota_bytes: int = 5_000_000_000
    egress_addresses: str = ""
    support: str = "the operator of this Mailroom"
    notify_url: str | None = field(default=None, repr=False)
    minute_seconds: float = 60.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, dev: bool = False) -> WorkerSettings:
        """Reads all of a worker's variables; an empty one counts as unset. `dev` also allows loopback hosts.

        Raises SettingsError for the first that is missing or wrong.
        """

        def text(name: str) -> str | None:
            return environ.get(name, "").strip() or None

        def path(name: str) -> Path | None:
            given = text(name)
            return Path(given).expanduser() if given else None

        database_url = text("DATABASE_URL")
        if database_url is None:
            raise SettingsError(
                "DATABASE_URL is not set: give the PostgreSQL database to use, postgresql://user@host:5432/mailroom, "
                "or run `python worker.py --dev`, which brings its own"
            )
        try:
            conninfo_to_dict(database_url)
        except psycopg.ProgrammingError:  # its words repeat what was given, a password perhaps
            raise SettingsError(
                "DATABASE_URL is not the URL of a PostgreSQL database: write postgresql://user@host:5432/mailroom"
            ) from None
        key = text("MAILROOM_KEY")
        if key is not None:
            decode_key(key, "MAILROOM_KEY")
        ca_file = path("MAILROOM_CA_FILE")
        if ca_file is not None and not ca_file.is_file():
            raise SettingsError(f"MAILROOM_CA_FILE names {ca_file}, which is no file: give CA certificates in PEM")
        allowed = _allowed_hosts(text("MAILROOM_ALLOW_HOSTS"))
        defaults = cls(database_url="")
        return cls(
            database_url=database_url,
            key=key,
            key_file=path("MAILROOM_KEY_FILE"),
            secret_dir=path("MAILROOM_SECRET_DIR"),
            roles=_roles(text("MAILROOM_ROLES")),
            ca_file=str(ca_file) if ca_file else None,
            allow_hosts=(*allowed, *(entry for entry in LOOPBACK if dev and entry not in allowed)),
            max_sessions_per_host=_number(
                environ, "MAILROOM_MAX_SESSIONS_PER_HOST", int, defaults.max_sessions_per_host, least=1
            ),
            max_message_bytes=_number(
                environ,
                "MAILROOM_MAX_MESSAGE_BYTES",
                int,
                defaults.max_message_bytes,
                least=1,
                most=MOST_MESSAGE_BYTES,
            ),
            quota_bytes=_number(environ, "MAILROOM_QUOTA_BYTES", int, defaults.quota_bytes, least=1),
            egress_addresses=text("MAILROOM_EGRESS_ADDRESSES") or defaults.egress_addresses,
            support=text("MAILROOM_SUPPORT") or defaults.support,
            notify_url=_notify_url(text("MAILROOM_NOTIFY_URL")),
            minute_seconds=_number(
                environ, "MAILROOM_MINUTE_SECONDS", float, defaults.minute_seconds, least=0.001, most=3600
            ),
        )

    def vault_key(self) -> bytes:
        """The vault's 32-byte key, from MAILROOM_KEY or else from the file that MAILROOM_KEY_FILE names.

        It is read when it is needed, so a worker whose accounts use no vault secret runs without one.
        Raises SettingsError when there is none or when it is not a key.
        """
        if self.key is not None:
            return decode_key(self.key, "MAILROOM_KEY")
        if self.key_file is None:
            raise SettingsError(
                "the vault has no key: set MAILROOM_KEY_FILE to a file that holds it, or MAILROOM_KEY to the key; "
                + MAKE_A_KEY
            )
        try:
            content = self.key_file.read_text(encoding="ascii")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise SettingsError(
                f"the vault's key cannot be read: MAILROOM_KEY_FILE names {self.key_file} ({reason})"
            ) from None
        except UnicodeDecodeError:
            content = ""
        return decode_key(content.strip(), f"MAILROOM_KEY_FILE ({self.key_file})")


def decode_key(text: str, source: str) -> bytes:
    """The 32 bytes that `text` says in base64 or hexadecimal; raises SettingsError naming `source`, never the text."""
    for decode in (_from_base64, bytes.fromhex):
        try:
            key = decode(text)
        except ValueError:
            continue
        if len(key) == KEY_BYTES:
            return key
    raise SettingsError(f"{source} holds no vault key: 32 bytes in base64 (or hexadecimal) are wanted; {MAKE_A_KEY}")


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except binascii.Error as error:
        raise ValueError from error


def _roles(text: str | None) -> frozenset[str]:
    if text is None:
        return frozenset(ROLES)
    roles = {role.strip().lower() for role in text.split(",")} - {""}
    unknown = sorted(roles - set(ROLES))
    if unknown or not roles:
        raise SettingsError(
            f"MAILROOM_ROLES has no such role: {', '.join(unknown) or text}; choose from {','.join(ROLES)}, or leave "
            "it unset for all of them"
        )
    return frozenset(roles)


def _allowed_hosts(text: str | None) -> tuple[str, ...]:
    entries = [entry.strip().lower().removesuffix(".") for entry in (text or "").split(",")]
    return tuple(_allowed_host(entry) for entry in entries if entry)


def _allowed_host(entry: str) -> str:
    if "/" in entry or ":" in entry:
        try:
            return str(ipaddress.ip_network(entry))
        except ValueError as error:
            raise SettingsError(
                f"MAILROOM_ALLOW_HOSTS: {entry!r} is neither a host name, nor an address, nor a CIDR ({error}); "
                "write, for example, mail.example.com,10.0.0.0/8,fd00::/8 - no ports and no URLs"
            ) from None
    return entry


def _notify_url(text: str | None) -> str | None:
    if text is None:
        return None
    try:
        http_url(text)
    except ValueError:
        raise SettingsError(
            "MAILROOM_NOTIFY_URL is not an http:// or https:// URL: notices are POSTed there as JSON"
        ) from None
    return text


def _number(
    environ: Mapping[str, str],
    name: str,
    convert: Callable[[str], N],
    default: N,
    *,
    least: float,
    most: float = math.inf,
) -> N:
    text = environ.get(name, "").strip()
    if not text:
        return default
    try:
        number = convert(text)
    except ValueError:
        number = None
    if number is None or not least <= number <= most or not math.isfinite(number):
        bounds = f"of at least {least:,}" if most == math.inf else f"from {least:,} to {most:,}"
        kind = "a whole number" if convert is int else "a number"
        raise SettingsError(f"{name} is {text[:40]!r}: give {kind} {bounds}, or leave it unset for {default:,}")
    return number
