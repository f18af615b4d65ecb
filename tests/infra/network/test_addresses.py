"""Which hosts may be connected to. Names are resolved without leaving the machine: literals, localhost, and a fake answer."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from typing import Any

import pytest

from domain.core.refusal import Refused
from infra.network.addresses import REFUSED, not_public, permitted_addresses


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """What the resolver answers, by name; literal addresses are themselves."""
    answers: dict[str, list[str]] = {}

    async def getaddrinfo(_loop: Any, host: str, port: int, **_: Any) -> list[Any]:
        return [
            answer
            for address in answers.get(host, [host])
            for answer in socket.getaddrinfo(address, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        ]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    return answers


@pytest.mark.parametrize(
    "address",
    [
        "10.1.2.3", "172.16.0.1", "192.168.1.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fd00::1", "ff02::1", "::ffff:127.0.0.1",
        "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:db8::1", "192.0.2.1", "::7f00:1",
        "2a00::5efe:a00:1", "2a00::200:5efe:a9fe:a9fe",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2", "4000::1", "fe80::1%1",
    ],
)  # fmt: skip
def test_addresses_that_the_internet_does_not_route_are_not_public(address: str) -> None:
    assert not_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "142.250.110.108", "2a00:1450:400c:c0c::6c", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert not_public(address) is None


@pytest.mark.parametrize(("network", "why"), REFUSED)
def test_every_range_of_the_table_is_refused_from_its_first_address_to_its_last(network: str, why: str) -> None:
    addresses = ipaddress.ip_network(network)
    for address in (addresses[0], addresses[-1]):
        told = not_public(str(address))
        assert told in {reason for other, reason in REFUSED if address in ipaddress.ip_network(other)}, address
    assert why == next(reason for other, reason in REFUSED if other == network)


def test_the_narrower_range_says_why() -> None:
    assert not_public("fec0::1") == "site-local, deprecated (RFC 3879)"
    assert not_public("169.254.169.254") == "link-local, and where clouds keep their metadata (RFC 3927)"


async def test_a_public_host_gives_the_addresses_to_connect_to(names: dict[str, list[str]]) -> None:
    names["pop.example.com"] = ["2a00:1450:400c:c0c::6c", "8.8.8.8", "8.8.8.8"]
    addresses = await permitted_addresses("POP.example.com.", 995, (), tls="implicit")
    assert addresses == ["2a00:1450:400c:c0c::6c", "8.8.8.8"]


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.5", "::1", "127.1", "2130706433", "0x7f000001", "localhost"])
async def test_a_private_or_loopback_host_is_refused_however_it_is_written(host: str) -> None:
    with pytest.raises(Refused, match="MAILROOM_ALLOW_HOSTS") as refused:
        await permitted_addresses(host, 995, ("mail.example.com", "192.168.0.0/16"), tls="implicit")
    assert refused.value.refusal.code == "host_not_allowed"
    assert refused.value.refusal.field == "incoming.host"


async def test_one_private_address_among_public_ones_is_enough_to_refuse(names: dict[str, list[str]]) -> None:
    names["rebind.example.com"] = ["8.8.8.8", "169.254.169.254"]
    with pytest.raises(Refused, match=r"169\.254\.169\.254, which is not a public one, but link-local"):
        await permitted_addresses("rebind.example.com", 995, (), tls="implicit")


async def test_a_private_host_is_allowed_by_its_name_its_address_or_its_network(names: dict[str, list[str]]) -> None:
    names["mail.test"] = ["10.0.0.5", "::ffff:10.0.0.6"]
    for allow in (("mail.test",), ("10.0.0.5", "10.0.0.6"), ("10.0.0.0/8",)):
        assert await permitted_addresses("Mail.test", 110, allow, tls="none")
    with pytest.raises(Refused):
        await permitted_addresses("mail.test", 110, ("10.0.0.5",), tls="implicit")


async def test_loopback_is_allowed_by_its_name() -> None:
    assert await permitted_addresses("localhost", 110, ("localhost",), tls="none")


async def test_only_an_allowed_host_may_be_spoken_to_in_clear_text(names: dict[str, list[str]]) -> None:
    names["pop.example.com"] = ["8.8.8.8"]
    with pytest.raises(Refused, match="implicit") as refused:
        await permitted_addresses("pop.example.com", 110, (), tls="none")
    assert refused.value.refusal.field == "incoming.tls"
    assert await permitted_addresses("pop.example.com", 110, (), tls="starttls") == ["8.8.8.8"]
    assert await permitted_addresses("pop.example.com", 110, ("8.8.8.8",), tls="none") == ["8.8.8.8"]


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "two..dots"])
async def test_what_cannot_be_a_name_is_an_error_of_the_resolver(host: str) -> None:
    with pytest.raises(socket.gaierror):
        await permitted_addresses(host, 995, (), tls="implicit")
