"""Zoho: its data centres with their hosts, the modules of its products, and what its rows say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from domain.crm.settings import DataCentre
from domain.directory.records import Profile, RecordKind


@dataclass(frozen=True, slots=True)
class Hosts:
    """Of one data centre. A user's data lies in one of them; the others know neither the user nor the application."""

    api: str
    accounts: str
    recruit: str

    @property
    def token_endpoint(self) -> str:
        return f"https://{self.accounts}/oauth/v2/token"

    @property
    def console(self) -> str:
        """Where an application is registered, and a code for it got."""
        return f"https://api-console.{self.accounts.removeprefix('accounts.')}/"

    def base(self, profile: Profile) -> str:
        """Where the API of the product is. Recruit has hosts of its own, whatever `api_domain` a token comes with."""
        return f"https://{self.recruit if profile == 'recruit' else self.api}"


DATA_CENTRES: Mapping[DataCentre, Hosts] = {
    "us": Hosts("www.zohoapis.com", "accounts.zoho.com", "recruit.zoho.com"),
    "eu": Hosts("www.zohoapis.eu", "accounts.zoho.eu", "recruit.zoho.eu"),
    "in": Hosts("www.zohoapis.in", "accounts.zoho.in", "recruit.zoho.in"),
    "au": Hosts("www.zohoapis.com.au", "accounts.zoho.com.au", "recruit.zoho.com.au"),
    "jp": Hosts("www.zohoapis.jp", "accounts.zoho.jp", "recruit.zoho.jp"),
    "ca": Hosts("www.zohoapis.ca", "accounts.zohocloud.ca", "recruit.zohocloud.ca"),
    "cn": Hosts("www.zohoapis.com.cn", "accounts.zoho.com.cn", "recruit.zoho.com.cn"),
    "sa": Hosts("www.zohoapis.sa", "accounts.zoho.sa", "recruit.zoho.sa"),
    "uk": Hosts("www.zohoapis.uk", "accounts.zoho.uk", "recruit.zoho.uk"),
}
assert set(DATA_CENTRES) == set(get_args(DataCentre))

PREFIXES: Mapping[Profile, str] = {"crm": "/crm/v8", "recruit": "/recruit/v2"}

SCOPES: Mapping[Profile, str] = {
    "crm": (
        "ZohoCRM.modules.ALL,ZohoCRM.modules.emails.ALL,ZohoCRM.settings.modules.READ,ZohoCRM.settings.fields.READ,"
        "ZohoCRM.settings.related_lists.READ,ZohoSearch.securesearch.READ"
    ),
    "recruit": "ZohoRecruit.modules.ALL,ZohoRecruit.settings.ALL",
}

MODULES: Mapping[Profile, Mapping[RecordKind, str]] = {
    "crm": {"contact": "Contacts", "lead": "Leads", "deal": "Deals"},
    "recruit": {"contact": "Contacts", "candidate": "Candidates"},
}

_PERSON = "First_Name,Last_Name,Full_Name,Email,Secondary_Email,Description,Created_Time,Modified_Time"
FIELDS: Mapping[RecordKind, str] = {
    "contact": _PERSON,
    "candidate": _PERSON,
    "lead": f"{_PERSON},Converted__s,Converted_Contact",
    "deal": "Deal_Name,Contact_Name,Stage,Closing_Date,Description,Created_Time,Modified_Time",
}


def data_centre_of(host: str | None) -> DataCentre | None:
    """Which data centre's host that is."""
    return next(
        (name for name, hosts in DATA_CENTRES.items() if host in (hosts.api, hosts.accounts, hosts.recruit)), None
    )
