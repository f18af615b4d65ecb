"""How mail of one From address is sent: the settings of its route, as an operator writes them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from domain.core.refusal import Refused
from domain.core.validation import Host, Line, Name, SecretReference, Strict, parse
from domain.mailbox.settings import Address, unfit_secret

SUBMISSION_PORT = 587  # RFC 6409; RFC 8314 prefers 465
SUBMISSIONS_PORT = 465

NOT_YET = {
    "relay": "sending through the operator's relay is not offered yet",
    "hosted": "hosted mailboxes are not offered yet",
    "bulk": "mass mail is not offered yet",
}


class Outgoing(Strict):
    """Where and how the user's own SMTP server is reached (R92)."""

    host: Host
    port: Annotated[int, Field(ge=1, le=65535)] = 0
    tls: Literal["implicit", "starttls", "none"] = "starttls"
    username: Line | None = None
    secret: SecretReference
    auth: Literal["password", "xoauth2"] = "password"

    @model_validator(mode="before")
    @classmethod
    def _port_follows_tls(cls, data: Any) -> Any:
        if isinstance(data, dict) and data.get("port") is None:
            data = {**data, "port": SUBMISSIONS_PORT if data.get("tls") == "implicit" else SUBMISSION_PORT}
        return data

    @model_validator(mode="after")
    def _renewed_tokens_are_kept(self) -> Outgoing:
        if problem := unfit_secret(self):
            raise PydanticCustomError("secret_not_allowed", problem)
        return self


class RouteSettings(Strict):
    """The route of one From address; `address` is an account's, or one of its aliases (R22)."""

    address: Address
    kind: Literal["custom_smtp"] = "custom_smtp"
    organisation: Name = "default"
    outgoing: Outgoing

    @model_validator(mode="before")
    @classmethod
    def _kind_is_offered(cls, data: Any) -> Any:
        kind = data.get("kind", "custom_smtp") if isinstance(data, dict) else "custom_smtp"
        if isinstance(kind, str) and kind in NOT_YET:
            raise PydanticCustomError(
                "kind_not_supported",
                "kind: {kind}: {why}: use kind: custom_smtp with the outgoing server of the mailbox's provider",
                {"kind": kind, "why": NOT_YET[kind]},
            )
        return data

    @property
    def login_name(self) -> str:
        return self.outgoing.username or self.address


def changed(settings: RouteSettings, partial: dict[str, Any]) -> RouteSettings:
    """`settings` with the fields of `partial` laid over it; raises Refused where that makes no sense."""
    base = settings.model_dump(mode="json")
    for field in ("address", "organisation"):
        if partial.get(field, base[field]) != base[field]:
            raise Refused(
                "invalid_field",
                f"change_settings: {field} stays what it is: start a route of another address, or close this one first",
                field=f"settings.{field}",
            )
    outgoing = partial.get("outgoing")
    if isinstance(outgoing, dict):
        usual = SUBMISSIONS_PORT if settings.outgoing.tls == "implicit" else SUBMISSION_PORT
        if "tls" in outgoing and "port" not in outgoing and settings.outgoing.port == usual:
            base["outgoing"]["port"] = None  # a default port follows its TLS mode
        partial = {**partial, "outgoing": {**base["outgoing"], **outgoing}}
    return parse(RouteSettings, {**base, **partial}, what="change_settings")
