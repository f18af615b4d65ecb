"""Each adapter keeps what docs/crm-adapters.md promises of it: promises.py, in each adapter's world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import pytest

from activities.crm.adapters.builtin.adapter import Builtin
from domain.crm.settings import CrmSettings
from infra.database.pool import Pool
from tests.servers.tryton import TrytonDatabase
from tests.servers.zoho_twin import ZohoTwin
from tests.support.crm.promises import Promises, World
from tests.support.crm.tryton import adapter
from tests.support.crm.zoho import connected, running_twin
from tests.support.directory import register_crm, save_record


@dataclass
class BuiltinWorld(World):
    pool: Pool | None = None

    async def add(self, name: str, *addresses: str) -> str:
        assert self.pool is not None
        return (await save_record(self.pool, "contact", name, *addresses, name=name)).record_id

    async def shown(self, contact: str) -> Sequence[str]:
        assert self.pool is not None
        async with self.pool.connection() as connection:
            rows = await (
                await connection.execute(
                    "select lower(direction) from builtin_correspondence where record_id = %s", [contact]
                )
            ).fetchall()
        return [row[0] for row in rows]


@dataclass
class TrytonWorld(World):
    tryton: TrytonDatabase | None = None

    @property
    def database(self) -> TrytonDatabase:
        assert self.tryton is not None
        return self.tryton

    async def add(self, name: str, *addresses: str) -> str:
        return self.database.party(name, *addresses)

    async def give_address(self, contact: str, address: str) -> None:
        more = {"contact_mechanisms": [["create", [{"type": "email", "value": address}]]]}
        self.database.rest("PUT", f"party.party/{contact}", more)

    async def take_away(self, contact: str) -> None:
        self.database.rest("PUT", f"party.party/{contact}", {"active": False})

    async def shown(self, contact: str) -> Sequence[str]:
        return [one["direction"] for one in self.database.correspondences(contact)]


@dataclass
class ZohoWorld(World):
    twin: ZohoTwin | None = None

    @property
    def organisation(self) -> ZohoTwin:
        assert self.twin is not None
        return self.twin

    async def add(self, name: str, *addresses: str) -> str:
        first, _, last = name.rpartition(" ")
        fields = dict(zip(("Email", "Secondary_Email"), addresses, strict=False))
        return self.organisation.add("Contacts", First_Name=first, Last_Name=last, **fields)

    async def give_address(self, contact: str, address: str) -> None:
        self.organisation.change("Contacts", contact, Secondary_Email=address)

    async def take_away(self, contact: str) -> None:
        self.organisation.delete("Contacts", contact)

    async def shown(self, contact: str) -> Sequence[str]:
        emails = self.organisation.emails.get(("Contacts", contact), [])
        return ["sent" if email["sent"] else "received" for email in emails]

    async def pass_time(self) -> None:
        self.organisation.pass_time(minutes=10)


class TestBuiltin(Promises):
    @pytest.fixture
    async def world(self, pool: Pool) -> World:
        await register_crm(pool, "builtin", "crm")
        return BuiltinWorld(Builtin(pool, CrmSettings(name="builtin")), pulls=False, pool=pool)


class TestTryton(Promises):
    @pytest.fixture
    async def world(self, tryton: TrytonDatabase) -> AsyncIterator[World]:
        async with adapter(tryton.url, tryton.key) as crm:
            yield TrytonWorld(crm, tryton=tryton)


class TestZoho(Promises):
    @pytest.fixture
    def twin(self) -> Iterator[ZohoTwin]:
        yield from running_twin()

    @pytest.fixture
    async def world(self, twin: ZohoTwin, pool: Pool) -> AsyncIterator[World]:
        async with connected(pool, twin) as crm:
            yield ZohoWorld(crm, changes_entries=False, twin=twin)
