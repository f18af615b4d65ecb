"""OAuth 2: what the vault keeps of a grant, the providers' endpoints, and what an authorisation server's refusal means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from domain.crm.settings import DataCentre
from domain.crm.zoho import DATA_CENTRES, SCOPES, data_centre_of
from domain.directory.records import Profile
from domain.failures import connection_rules as network
from domain.failures.failure import Diagnosis, Kind
from domain.failures.remedy import DAILY_LOOK, LOOKS_DAILY, NOTHING_TO_DO, TEN, Prospect, Remedy
from domain.urls import http_url

COMMAND = "mailroom oauth connect"
RENEWED_BEFORE = 300.0  # seconds before its expiry that an access token counts as old: clocks differ, sessions wait
CODE = re.compile(r"[a-z][a-z0-9_]{1,39}\Z")  # what error codes look like; anything else is not repeated

ProviderName = Literal["google", "microsoft", "zoho", "other"]


def _printable(text: str) -> str:
    if not text or not text.isascii() or not text.isprintable():
        raise PydanticCustomError("not_printable", "is not a line of printable ASCII characters")
    return text


def endpoint_url(text: str) -> str:
    """`text` where it is the URL of an endpoint (RFC 6749, section 3); PydanticCustomError where it is none."""
    try:
        url = http_url(text)
        usable = url.username is None and not url.fragment
    except ValueError:
        usable = False
    if not usable:
        raise PydanticCustomError("not_a_url", "is not the https:// URL of an endpoint")
    return text


Printable = Annotated[str, AfterValidator(_printable)]


class Grant(BaseModel):
    """A mailbox owner's permission as the vault keeps it, and the access token that was last got for it.

    `expires_at` is in seconds since 1970, None where the server does not say. What is secret is not in the repr.
    """

    model_config = ConfigDict(strict=True, frozen=True, hide_input_in_errors=True)

    client_id: Printable = Field(repr=False)
    client_secret: Printable | None = Field(default=None, repr=False)
    refresh_token: Printable = Field(repr=False)
    token_endpoint: Annotated[str, AfterValidator(endpoint_url)]
    scope: Printable
    access_token: Printable | None = Field(default=None, repr=False)
    expires_at: int | None = None

    @property
    def host(self) -> str:
        """The token endpoint's."""
        return urlsplit(self.token_endpoint).hostname or ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """What is to be hidden wherever words of others are shown."""
        return tuple(filter(None, (self.client_secret, self.refresh_token, self.access_token)))

    def lives(self, now: datetime, *, seconds: float = 0.0) -> bool:
        """Whether the access token can still be used in `seconds`, as far as is known."""
        if self.access_token is None:
            return False
        return self.expires_at is None or now.astimezone(UTC).timestamp() + seconds < self.expires_at


class NotAGrant(Exception):
    """A secret that is no grant; the text names what is wrong with which field, and no value."""


def read_grant(text: str) -> Grant:
    """The grant that a vault entry holds; raises NotAGrant."""
    try:
        return Grant.model_validate_json(text)
    except ValidationError as error:
        problems = [
            f"{detail['loc'][0]} {'is missing' if detail['type'] == 'missing' else _wrong(detail['type'], detail['msg'])}"
            for detail in error.errors(include_url=False, include_input=False, include_context=False)
            if detail["loc"]
        ]
    raise NotAGrant("; ".join(problems) or "it is not a JSON object")


def _wrong(kind: str, message: str) -> str:
    return message if kind in ("not_printable", "not_a_url") else "is not of the right type"


def is_grant(text: str) -> bool:
    """Whether a secret is a grant, which must never be sent to a mail server as a password."""
    try:
        read_grant(text)
    except NotAGrant:
        return False
    return True


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where a provider is asked. `device` None: it has no device flow, or none for mail.

    `redirect_host` is how it wants the loopback address written (RFC 8252, section 7.3); `parameters` are its own, for the
    page on which the owner agrees. `console`: where the owner gets a code, instead of agreeing on a page.
    """

    token: str
    authorization: str | None
    device: str | None
    scope: str
    redirect_host: str = "127.0.0.1"
    parameters: Mapping[str, str] = field(default_factory=dict)
    console: str | None = None


GOOGLE = Endpoints(
    token="https://oauth2.googleapis.com/token",
    authorization="https://accounts.google.com/o/oauth2/v2/auth",
    device=None,  # Google's device flow does not give out the scope of mail
    scope="https://mail.google.com/",
    # Without both, a second consent brings no refresh token.
    parameters={"access_type": "offline", "prompt": "consent"},
)
MICROSOFT_HOST = "login.microsoftonline.com"


def microsoft(tenant: str) -> Endpoints:
    """Microsoft's, for the accounts of one tenant, or of `common`, `organizations` or `consumers`."""
    base = f"https://{MICROSOFT_HOST}/{tenant}/oauth2/v2.0"
    return Endpoints(
        token=f"{base}/token",
        authorization=f"{base}/authorize",
        device=f"{base}/devicecode",
        scope="https://outlook.office.com/POP.AccessAsUser.All offline_access",
        redirect_host="localhost",
    )


def zoho(data_centre: DataCentre, profile: Profile) -> Endpoints:
    """Zoho's, for a CRM or Recruit whose data lies there."""
    hosts = DATA_CENTRES[data_centre]
    return Endpoints(
        hosts.token_endpoint, authorization=None, device=None, scope=SCOPES[profile], console=hosts.console
    )


def provider_of(token_endpoint: str) -> ProviderName:
    """Whose token endpoint that is."""
    host = urlsplit(token_endpoint).hostname
    if host == urlsplit(GOOGLE.token).hostname:
        return "google"
    if host == MICROSOFT_HOST:
        return "microsoft"
    return "zoho" if data_centre_of(host) else "other"


def connect_command(reference: str, token_endpoint: str) -> str:
    """The command by which the grant of `reference` (vault:NAME) is got anew."""
    return f"{COMMAND} {reference.removeprefix('vault:')} --provider {provider_of(token_endpoint)}"


# What a refusal means --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Trouble:
    """What went wrong at an endpoint of `host`: its HTTP status and error code (RFC 6749, section 5.2), or the cause.

    `cause`: dns, timeout, connection, a certificate's cause as domain/failures/connection_rules.py names it, or `nonsense` for an
    answer that is none. `number` is Microsoft's own number of the error, to look up as AADSTS....
    """

    host: str
    status: int | None = None
    code: str | None = None
    cause: str | None = None
    number: int | None = None

    @property
    def said(self) -> str | None:
        """The server's words that may be shown."""
        if self.status is None:
            return None
        number = f" AADSTS{self.number}" if self.number else ""
        return f"{self.code}{number} (HTTP {self.status})" if self.code else f"HTTP {self.status}"


CODES: Mapping[str, Kind] = {
    # the owner has to agree again; three of them are OpenID Connect's, which Microsoft uses
    "invalid_grant": Kind.AUTHENTICATION,
    "interaction_required": Kind.AUTHENTICATION,
    "consent_required": Kind.AUTHENTICATION,
    "login_required": Kind.AUTHENTICATION,
    "invalid_code": Kind.AUTHENTICATION,  # Zoho's word for it
    # the registered application is at fault, not its user
    "invalid_client": Kind.CONFIGURATION,
    "unauthorized_client": Kind.CONFIGURATION,
    "invalid_scope": Kind.CONFIGURATION,
    # trouble of the server's own
    "temporarily_unavailable": Kind.SERVER_ERROR,
    "server_error": Kind.SERVER_ERROR,
    "slow_down": Kind.THROTTLED,
    "rate_limit_exceeded": Kind.THROTTLED,
}

ADVICE: Mapping[str, str] = {
    "invalid_client": (
        "it does not know this client id, or the client secret is wrong or has run out: look both up where the "
        "application is registered"
    ),
    "unauthorized_client": (
        "the registered application may not do this: look at its registration (Microsoft: the kinds of accounts it is "
        "for, and 'Allow public client flows')"
    ),
    "invalid_scope": "it does not give this application the permission to read mail by POP: add it to the registration",
    "access_denied": "the owner of the mailbox, or an administrator, did not agree",
    "expired_token": "the code was not entered in time",
}
_CAUSES: Mapping[str, str] = {
    "dns": "its name could not be resolved",
    "timeout": "it did not answer in time",
    "connection": "the connection could not be made, or was cut off",
    "nonsense": "its answer was none of OAuth's",
}
_PROSPECTS: Mapping[Kind, Prospect] = {
    Kind.AUTHENTICATION: TEN,
    Kind.CONFIGURATION: DAILY_LOOK,
    Kind.SERVER_ERROR: NOTHING_TO_DO,
    Kind.PROTOCOL_ERROR: NOTHING_TO_DO,
    Kind.THROTTLED: NOTHING_TO_DO,
    Kind.CERTIFICATE: LOOKS_DAILY,
}


def kind_of(trouble: Trouble) -> Kind:
    """An answer of 5xx is the server's own trouble, whatever it says besides."""
    match trouble:
        case Trouble(cause="nonsense"):
            return Kind.PROTOCOL_ERROR
        case Trouble(cause=cause) if cause in network.CERTIFICATE_REMEDIES:
            return Kind.CERTIFICATE
        case Trouble(status=None):
            return Kind.SERVER_ERROR
        case Trouble(status=429):
            return Kind.THROTTLED
        case Trouble(status=int(status)) if status >= 500 or status == 408:
            return Kind.SERVER_ERROR
        case _:
            return CODES.get(trouble.code or "", Kind.CONFIGURATION)


def explained(trouble: Trouble) -> str:
    """What happened, as the end of a sentence that begins with the host."""
    if trouble.cause in network.CERTIFICATE_REMEDIES:
        return f"its certificate cannot be accepted ({trouble.cause})"
    if trouble.cause is not None:
        return _CAUSES[trouble.cause]
    if trouble.status is not None and 300 <= trouble.status < 400:
        return f"it answered with a redirect ({trouble.said}), which is not followed: give the endpoint's own URL"
    advice = ADVICE.get(trouble.code or "")
    return f"it refused: {trouble.said}" + (f"; {advice}" if advice else "")


def diagnose(trouble: Trouble, reference: str, token_endpoint: str) -> Diagnosis:
    """What it means for an account that no access token is to be had for `reference`."""
    kind = kind_of(trouble)
    what = f"The token endpoint at {trouble.host} gave no access token for {reference}: {explained(trouble)}."
    again = connect_command(reference, token_endpoint)
    match kind:
        case Kind.AUTHENTICATION:
            what = (
                f"The permission to read this mailbox was withdrawn or has run out ({trouble.host} said "
                f"{trouble.code}). {connect_again(reference, again)}"
            )
        case Kind.CONFIGURATION:
            what += f" The mailbox's owner has done nothing wrong. Mend it, then connect again: {again}."
        case Kind.CERTIFICATE:
            what += " Nothing was sent to it. Its administrator has to mend the certificate."
            return Diagnosis(kind, trouble.cause, Remedy.of(what, _PROSPECTS[kind]))
        case _:
            what += " The permission itself is not in doubt."
    return Diagnosis(kind, None, Remedy.of(what, _PROSPECTS[kind]))


def connect_again(reference: str, command: str) -> str:
    return (
        f"Connect again: its owner signs in with `{command}`; then give {reference} with change_credential, which tries "
        "the login, starts the count of failures over and fetches the mail that came in between."
    )


def token_refused(reference: str, token_endpoint: str) -> Diagnosis:
    """What it means that a mail server refuses an access token, and a fresh one too."""
    again = connect_again(reference, connect_command(reference, token_endpoint))
    return Diagnosis(
        Kind.AUTHENTICATION,
        None,
        Remedy.of(
            "The mail server refused the access token, and one that was renewed just then. Either the permission was "
            "withdrawn, or it was given by another account than the one whose user name is in the settings, or it does not "
            f"cover POP, or POP is switched off for this mailbox. {again}",
            TEN,
        ),
    )
