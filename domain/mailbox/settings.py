"""What an account is told to do: its settings, how they are checked, and how a change of them is merged."""

from __future__ import annotations

from typing import Annotated, Any, Literal, LiteralString, Protocol

from email_validator import SPECIAL_USE_DOMAIN_NAMES, EmailNotValidError, ValidatedEmail, validate_email
from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.core.refusal import Refused
from domain.core.validation import Host, Line, Name, SecretReference, Strict, parse
from domain.mime.addresses import normal_address

IMPLICIT_TLS_PORT = 995  # RFC 8314
PLAIN_PORT = 110  # RFC 1939
RECENT_PREFIX = "recent:"  # R67
SPECIAL_USE_DOMAIN_NAMES.clear()  # corp.local and mail.test have mailboxes too; whether they are reached, the network says


def parts_of_address(text: str) -> ValidatedEmail:
    """Local part and domain of an address, each as it is spelled and as it goes on the wire.

    Raises PydanticCustomError where `text` is not one address (RFC 5321, section 4.1.2).
    """
    try:
        return validate_email(text, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        raise PydanticCustomError(
            "invalid_field", "is not an e-mail address: write one address such as jane@example.com"
        ) from None


def normal_account_address(text: str) -> str:
    """The form that a workflow id takes: local part and domain in lower case, the domain in A-labels. Raises as above."""
    parts = parts_of_address(text)
    return f"{parts.local_part}@{parts.ascii_domain}".lower()


Address = Annotated[str, Field(max_length=320), AfterValidator(normal_account_address)]
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


class LogsIn(Protocol):
    """How a mailbox or a route logs in."""

    @property
    def auth(self) -> str: ...
    @property
    def secret(self) -> str: ...


def unfit_secret(login: LogsIn) -> LiteralString | None:
    """What is wrong with the kind of secret for this way of logging in; None where nothing is."""
    if login.auth == "xoauth2" and not login.secret.startswith("vault:"):
        return (
            "must be vault:NAME with auth: xoauth2, because renewed tokens are written back to it, which env: and file: "
            "cannot take; `mailroom oauth connect NAME` makes such an entry"
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
    aliases: Annotated[list[Address], Field(max_length=100)] = Field(default_factory=list)
    incoming: Incoming
    retrieval: Retrieval = Retrieval()
    crm: Annotated[list[Name], Field(max_length=20)] = Field(default_factory=list)
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
