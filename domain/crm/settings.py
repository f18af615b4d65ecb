"""A CRM as it is connected: its settings."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from domain.core.validation import Line, Name, SecretReference, Strict
from domain.directory.records import Profile
from domain.linking.rules import Rules
from domain.urls import http_url

CrmKind = Literal["builtin", "tryton", "zoho"]
DataCentre = Literal["us", "eu", "in", "au", "jp", "ca", "cn", "sa", "uk"]


def _url(text: str) -> str:
    try:
        parts = http_url(text)
        usable = "@" not in parts.netloc and not parts.query and not parts.fragment
    except ValueError:
        usable = False
    if not usable:
        raise PydanticCustomError(
            "invalid_field",
            "is not the address of a CRM: write https://crm.example.com/path, its host in ASCII, without user, password or query",
        )
    return text


Url = Annotated[Line, AfterValidator(_url)]


class CrmSettings(Strict):
    """Input of `CrmConnection`. `profile` says which kinds of records take part (R1).

    `url`: of a Tryton, with its database (`https://crm.example.com/sales`); of Zoho only where another host than its data
    centre's is meant. `secret` is a user application's key for Tryton, an OAuth grant for Zoho. `interval_minutes`: how often the
    directory is pulled; `daily_calls`: how many requests a day may be made at most, where the CRM counts them.
    """

    name: Name
    kind: CrmKind = "builtin"
    profile: Profile = "crm"
    organisation: Name = "default"
    url: Url | None = None
    data_centre: DataCentre | None = None
    secret: SecretReference | None = None
    interval_minutes: Annotated[int, Field(ge=1, le=1440)] = 5
    daily_calls: Annotated[int, Field(ge=100, le=100_000_000)] | None = None
    linking: Rules = Rules()

    @model_validator(mode="after")
    def _whole(self) -> CrmSettings:
        needed = {"builtin": (), "tryton": ("url", "secret"), "zoho": ("data_centre", "secret")}[self.kind]
        for field in needed:
            if getattr(self, field) is None:
                raise PydanticCustomError(
                    "missing_field", "{field} is needed with kind: {kind}", {"field": field, "kind": self.kind}
                )
        return self
