"""The settings of a worker: environment variables, read and checked once when it starts."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
from collections.abc import Callable, Mapping
from dataclasses import field, fields, replace
from pathlib import Path
from typing import Annotated, TypeVar

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import BeforeValidator, TypeAdapter, ValidationInfo
from pydantic.dataclasses import dataclass

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


# How each variable's text is read. pydantic passes on what these raise, so its words are ours.


def _database_url(text: str) -> str:
    try:
        conninfo_to_dict(text)
    except psycopg.ProgrammingError:  # its words repeat what was given, a password perhaps
        raise SettingsError(
            "DATABASE_URL is not the URL of a PostgreSQL database: write postgresql://user@host:5432/mailroom"
        ) from None
    return text


def _key(text: str) -> str:
    decode_key(text, "MAILROOM_KEY")
    return text


def _path(text: str) -> Path:
    return Path(text).expanduser()


def _ca_file(text: str) -> str:
    path = Path(text).expanduser()
    if not path.is_file():
        raise SettingsError(f"MAILROOM_CA_FILE names {path}, which is no file: give CA certificates in PEM")
    return str(path)


def _roles(text: str) -> frozenset[str]:
    roles = {role.strip().lower() for role in text.split(",")} - {""}
    unknown = sorted(roles - set(ROLES))
    if unknown or not roles:
        raise SettingsError(
            f"MAILROOM_ROLES has no such role: {', '.join(unknown) or text}; choose from {','.join(ROLES)}, or leave "
            "it unset for all of them"
        )
    return frozenset(roles)


def _allowed_hosts(text: str) -> tuple[str, ...]:
    entries = [entry.strip().lower().removesuffix(".") for entry in text.split(",")]
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


def _notify_url(text: str) -> str:
    try:
        http_url(text)
    except ValueError:
        raise SettingsError(
            "MAILROOM_NOTIFY_URL is not an http:// or https:// URL: notices are POSTed there as JSON"
        ) from None
    return text


def _number(convert: Callable[[str], N], *, least: float, most: float = math.inf) -> BeforeValidator:
    def read(given: object, info: ValidationInfo) -> object:
        if not isinstance(given, str):
            return given
        try:
            number = convert(given)
        except ValueError:
            number = None
        if number is None or not least <= number <= most or not math.isfinite(number):
            bounds = f"of at least {least:,}" if most == math.inf else f"from {least:,} to {most:,}"
            kind, name = "a whole number" if convert is int else "a number", info.field_name or ""
            unset = f"leave it unset for {getattr(WorkerSettings, name):,}"
            raise SettingsError(f"{_variable(name)} is {given[:40]!r}: give {kind} {bounds}, or {unset}")
        return number

    return BeforeValidator(read)


def _read(parse: Callable[[str], object]) -> BeforeValidator:
    """Reads what comes from the environment; what code gives is what it is already."""
    return BeforeValidator(lambda given: parse(given) if isinstance(given, str) else given)


def _variable(field_name: str) -> str:
    return "DATABASE_URL" if field_name == "database_url" else f"MAILROOM_{field_name.upper()}"


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker is told by its environment, except where Temporal is (see infra/temporal/client.py): each field by the
    variable of its name in capitals, after MAILROOM_.

    `allow_hosts` holds host names, addresses and CIDRs in lower case; sizes are bytes; `minute_seconds` is the length
    of a minute in seconds. What may hold a password is kept out of the repr.
    """

    database_url: Annotated[str, _read(_database_url)] = field(repr=False)
    key: Annotated[str | None, _read(_key)] = field(default=None, repr=False)
    key_file: Annotated[Path | None, _read(_path)] = None
    secret_dir: Annotated[Path | None, _read(_path)] = None
    roles: Annotated[frozenset[str], _read(_roles)] = frozenset(ROLES)
    ca_file: Annotated[str | None, _read(_ca_file)] = None
    allow_hosts: Annotated[tuple[str, ...], _read(_allowed_hosts)] = ()
    max_sessions_per_host: Annotated[int, _number(int, least=1)] = 8
    max_message_bytes: Annotated[int, _number(int, least=1, most=MOST_MESSAGE_BYTES)] = 100 * 1024 * 1024
    quota_bytes: Annotated[int, _number(int, least=1)] = 5_000_000_000
    egress_addresses: str = ""
    support: str = "the operator of this Mailroom"
    notify_url: Annotated[str | None, _read(_notify_url)] = field(default=None, repr=False)
    minute_seconds: Annotated[float, _number(float, least=0.001, most=3600)] = 60.0

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, dev: bool = False) -> WorkerSettings:
        """Reads all of a worker's variables; an empty one counts as unset. `dev` also allows loopback hosts.

        Raises SettingsError for the first that is missing or wrong.
        """
        given = {each.name: environ.get(_variable(each.name), "").strip() for each in fields(cls)}
        if not given["database_url"]:
            raise SettingsError(
                "DATABASE_URL is not set: give the PostgreSQL database to use, postgresql://user@host:5432/mailroom, "
                "or run `python worker.py --dev`, which brings its own"
            )
        settings = TypeAdapter(cls).validate_python({name: text for name, text in given.items() if text})
        loopback = [entry for entry in LOOPBACK if dev and entry not in settings.allow_hosts]
        return replace(settings, allow_hosts=(*settings.allow_hosts, *loopback))

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
