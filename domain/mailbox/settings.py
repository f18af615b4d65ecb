"""What an account is told to do: its settings, how they are checked, and how a change of them is merged."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from ipaddress import ip_address
from typing import Annotated, Any, Literal, LiteralString, TypeVar

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from domain.addresses import normal_address
from domain.refusal import Refused

IMPLICIT_TLS_PORT = 995  # RFC 8314
PLAIN_PORT = 110  # RFC 1939
RECENT_PREFIX = "recent:"  # R67
MOST_PROBLEMS = 5  # that a refusal names: its text goes into histories, which have limits
LONGEST_NAME = 80
NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}\Z")
ZONE = re.compile(r"[A-Za-z0-9._-]{1,15}")  # what RFC 4007, section 11.2, leaves open: the name of an interface
SECRET_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,199}\Z")
HOST_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)\Z")

SPECIAL_USE_DOMAIN_NAMES.clear()  # corp.local and mail.test have mailboxes too; whether they are reached, the network says

Parsed = TypeVar("Parsed", bound=BaseModel)


class Strict(BaseModel):
    """Unknown fields are refused by name, values are never converted, and error texts never echo a value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


def normal_account_address(text: str) -> str:
    """The form that a workflow id takes: local part and domain in lower case, the domain in A-labels.

    Raises PydanticCustomError where `text` is not one address (RFC 5321, section 4.1.2).
    """
    try:
        parts = validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise PydanticCustomError(
            "invalid_field", "is not an e-mail address: write one address such as jane@example.com"
        ) from None
    return f"{parts.local_part}@{parts.ascii_domain}".lower()


def _host(text: str) -> str:
    host = text.strip().rstrip(".").lower()
    with suppress(ValueError):
        address = str(ip_address(host))
        if "%" not in address or ZONE.fullmatch(address.partition("%")[2]):  # Python takes any text for a zone id
            return address
    try:
        host = host.encode("idna").decode("ascii") if not host.isascii() else host
    except UnicodeError:
        host = ""
    if not host or len(host) > 253 or not all(HOST_LABEL.match(label) for label in host.split(".")):
        raise PydanticCustomError(
            "invalid_field", "is not a host name: write it as pop.example.com, without port or path"
        )
    return host


def _secret(text: str) -> str:
    scheme, _, name = text.partition(":")
    if scheme not in ("vault", "env", "file") or not SECRET_NAME.match(name):
        # The text may be the password itself: it must be said, and it must not be repeated.
        raise PydanticCustomError(
            "secret_not_allowed",
            "takes a reference (vault:NAME, env:NAME or file:NAME), never a password. If a password was written here, it "
            "is now in this workflow's history: change it at the provider, store the new one with "
            "`python -m infra.vault set NAME`, and refer to it as vault:NAME",
        )
    if scheme == "env" and not name.startswith("MAILROOM_SECRET_"):
        raise PydanticCustomError(
            "secret_not_allowed", "may name only environment variables that begin with MAILROOM_SECRET_"
        )
    return text


def _line(text: str) -> str:
    if not text or any(character in text for character in "\r\n\0"):
        raise PydanticCustomError("invalid_field", "must be one line of text, without line breaks or NUL")
    return text


def _name(text: str) -> str:
    if not NAME.match(text):
        raise PydanticCustomError(
            "invalid_field", "must be a name of at most 63 lower-case letters, digits, dots, dashes and underscores"
        )
    return text


Address = Annotated[str, Field(max_length=320), AfterValidator(normal_account_address)]
Host = Annotated[str, Field(max_length=255), AfterValidator(_host)]
SecretReference = Annotated[str, AfterValidator(_secret)]
Line = Annotated[str, Field(max_length=320), AfterValidator(_line)]
Name = Annotated[str, AfterValidator(_name)]
Provider = Literal["google", "microsoft", "exchange", "yahoo", "zoho", "generic"]
AfterStore = Literal["leave", "delete", "delete_after_days"]


class Incoming(Strict):
    """Where and how the mailbox is reached (R6, R84)."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 0
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    username: Line | None = None
    secret: SecretReference
    auth: Literal["password", "xoauth2"] = "password"

    @model_validator(mode="before")
    @classmethod
    def _port_follows_tls(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("port") is None:
            data = {**data, "port": IMPLICIT_TLS_PORT if data.get("tls", "implicit") == "implicit" else PLAIN_PORT}
        return data

    @model_validator(mode="after")
    def _renewed_tokens_are_kept(self) -> Incoming:
        if problem := unfit_secret(self):
            raise PydanticCustomError("secret_not_allowed", problem)
        return self


def unfit_secret(incoming: Incoming) -> LiteralString | None:
    """What is wrong with the kind of secret for this way of logging in; None where nothing is."""
    if incoming.auth == "xoauth2" and not incoming.secret.startswith("vault:"):
        return (
            "must be vault:NAME with auth: xoauth2, because renewed tokens are written back to it, which env: and file: "
            "cannot take; `python -m infra.oauth connect NAME` makes such an entry"
        )
    return None


class Retrieval(Strict):
    """What is fetched, how fast, and what is left on the server (R18, R49-R52, R62-R71)."""

    interval_minutes: Annotated[int, Field(ge=1, le=60)] = 5
    messages_per_phase: Annotated[int, Field(ge=20, le=5000)] = 150
    start: Literal["all", "from_now", "recent"] = "all"
    order: Literal["oldest_first", "newest_first"] = "oldest_first"
    pace: Literal["full", "steady"] = "full"
    after_store: AfterStore = "leave"
    delete_after_days: Annotated[int, Field(ge=1, le=3650)] | None = None
    recent_mode: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> Retrieval:
        if self.recent_mode and self.after_store != "leave":
            raise PydanticCustomError(
                "recent_mode_conflict",
                "deleting and recent mode exclude each other: in recent mode a deletion on the server is final, so mail "
                "is left there. Set after_store to leave, or turn recent_mode off",
            )
        if self.after_store == "delete_after_days" and self.delete_after_days is None:
            raise PydanticCustomError(
                "missing_field", "delete_after_days is needed with after_store: delete_after_days"
            )
        return self


class AccountSettings(Strict):
    """One account as an operator writes it; `address`, `incoming.host` and `incoming.secret` are required.

    `authserv_id`: the name under which the account's own mail server writes Authentication-Results (RFC 8601); others are not
    believed, and without it none.
    """

    address: Address
    organisation: Name = "default"
    user: Line | None = None
    kind: Literal["pop"] = "pop"
    provider: Provider | None = None
    aliases: Annotated[list[Address], Field(max_length=100)] = []
    incoming: Incoming
    retrieval: Retrieval = Retrieval()
    crm: Annotated[list[Name], Field(max_length=20)] = []
    authserv_id: Line | None = None

    @model_validator(mode="before")
    @classmethod
    def _kind_is_offered(cls, data: Any) -> Any:
        kind = data.get("kind", "pop") if isinstance(data, dict) else "pop"
        if kind in ("imap", "hosted"):  # R7, R21
            raise PydanticCustomError(
                "kind_not_supported",
                "kind: {kind} is not offered{switch}: use kind: pop with the provider's POP server (port 995, TLS)",
                {"kind": kind, "switch": " for external mailboxes" if kind == "imap" else " yet"},
            )
        return data

    @property
    def own_addresses(self) -> frozenset[str]:
        """The account's address and its aliases, as they are compared (R2)."""
        return frozenset(normal_address(address) or address for address in (self.address, *self.aliases))

    @property
    def owner(self) -> str:
        """The user whose quota this account uses (R20)."""
        return self.user or self.address

    @property
    def login_name(self) -> str:
        """What is given to USER: the user name, marked for recent mode where that is on (R67)."""
        username = self.incoming.username or self.address
        return RECENT_PREFIX + username.removeprefix(RECENT_PREFIX) if self.retrieval.recent_mode else username


def parse(model: type[Parsed], payload: Any, *, what: str) -> Parsed:
    """Reads one JSON object as `model`, or raises Refused naming each offending field and the way out."""
    if payload is None:
        payload = {}
    if not isinstance(payload, dict):
        raise Refused("invalid_field", f"{what} takes one JSON object as its input")
    try:
        return model.model_validate_json(json.dumps(payload))
    except ValidationError as error:
        details = _told(error.errors(include_url=False, include_input=False))
        problems = [_problem(detail) for detail in details[:MOST_PROBLEMS]]
        code, field, _ = problems[0]
        said = [text for _, _, text in problems]
        if len(details) > MOST_PROBLEMS:
            said.append(f"and {len(details) - MOST_PROBLEMS} more")
        raise Refused(code, f"{what}: " + "; ".join(said), field=field) from None


def _told(details: list[ErrorDetails]) -> list[ErrorDetails]:
    """Without what only follows from others: a list counts as too short when something in it is wrong."""
    inner = {detail["loc"][:depth] for detail in details for depth in range(len(detail["loc"]))}
    return [detail for detail in details if detail["type"] != "too_short" or detail["loc"] not in inner]


def _problem(detail: ErrorDetails) -> tuple[str, str | None, str]:
    field = ".".join(str(part)[:LONGEST_NAME] for part in detail["loc"][:8]) or None
    named = f"{field} " if field else ""
    match detail["type"]:
        case "extra_forbidden":
            return "unknown_field", field, f"{named}is not a field known here: remove it or mend its spelling"
        case "missing":
            return "missing_field", field, f"{named}is missing: add it"
        case "too_short":
            return "invalid_field", field, f"{named}is too short: give at least {detail['ctx']['min_length']}"
        case "too_long":
            return "invalid_field", field, f"{named}is too long: give at most {detail['ctx']['max_length']}"
        case "invalid_field" | "missing_field" | "secret_not_allowed" | "recent_mode_conflict" | "kind_not_supported":
            about = _field_of(detail, field)
            return detail["type"], about, f"{named if field in (about, None) else f'{about}: '}{detail['msg']}"
        case _:
            message = detail["msg"][0].lower() + detail["msg"][1:]
            return "invalid_field", field, f"{named}is not valid: {message}"


def _field_of(detail: ErrorDetails, field: str | None) -> str | None:
    """Rules over several fields are raised at their parent: name the field that has to change."""
    named = {"kind_not_supported": "kind", "recent_mode_conflict": "after_store", "missing_field": "delete_after_days"}
    leaf = detail.get("ctx", {}).get("field") or named.get(detail["type"])
    if leaf is None and field == "incoming" and detail["type"] == "secret_not_allowed":
        leaf = "secret"
    if leaf is None:
        return field
    return f"{field}.{leaf}" if field else leaf


def changed(settings: AccountSettings, partial: dict[str, Any]) -> AccountSettings:
    """`settings` with the fields of `partial` laid over it (R64, R67-R69); raises Refused where that makes no sense."""
    base = settings.model_dump(mode="json")
    incoming = partial.get("incoming")
    if isinstance(incoming, dict) and "tls" in incoming and "port" not in incoming:
        usual = IMPLICIT_TLS_PORT if settings.incoming.tls == "implicit" else PLAIN_PORT
        if settings.incoming.port == usual:
            base["incoming"]["port"] = None  # a default port follows its TLS mode
    retrieval = partial.get("retrieval")
    if isinstance(retrieval, dict) and retrieval.get("recent_mode") is True:
        base["retrieval"]["after_store"] = "leave"  # R69, unless `partial` itself asks for both
    merged = _merge(base, partial)
    after = parse(AccountSettings, merged, what="change_settings")
    if after.address != settings.address:
        raise Refused(
            "address_mismatch",
            "change_settings: an account keeps its address; start another account for another address",
            field="address",
        )
    return after


def moves_elsewhere(settings: AccountSettings, partial: dict[str, Any]) -> Refused | None:
    """The refusal of a change that moves the account to another organisation, with its mail and to its CRMs; None for others.

    Not part of `changed`, because histories in which that was done are to go on.
    """
    if partial.get("organisation", settings.organisation) == settings.organisation:
        return None
    return Refused(
        "invalid_field",
        "change_settings: an account stays with its organisation: `close` it, and start it in the other one, with a secret "
        "that was stored for that",
        field="organisation",
    )


def _merge(base: dict[str, Any], partial: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in partial.items():
        below = merged.get(key)
        merged[key] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def check_login_name(settings: AccountSettings) -> None:
    """Raises Refused where the mark of recent mode was typed: deleting would then be final without anybody having been told.

    Not part of reading settings, because accounts that run with such a name are to go on.
    """
    if (settings.incoming.username or "").startswith(RECENT_PREFIX) and not settings.retrieval.recent_mode:
        raise Refused(
            "recent_mode_conflict",
            f"{RECENT_PREFIX} before a user name is recent mode: write incoming.username without it, and set "
            "retrieval.recent_mode to true if that is wanted",
            field="incoming.username",
        )


def login_differs(before: AccountSettings, after: AccountSettings) -> bool:
    """Whether a change needs a live login first: the server, the user, recent mode or deleting (R64, R68)."""

    def relevant(settings: AccountSettings) -> tuple[Any, ...]:
        retrieval = settings.retrieval
        return settings.incoming, settings.login_name, retrieval.after_store, retrieval.delete_after_days

    return relevant(before) != relevant(after)
