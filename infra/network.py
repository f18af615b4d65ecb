"""Which hosts a worker may connect to: public ones, and those that MAILROOM_ALLOW_HOSTS names."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from domain.refusal import Refused

Address = IPv4Address | IPv6Address

RESOLVER_SECONDS = 30.0
NAT64 = ipaddress.ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Setting:
    """Which setting names a host, and which one says that it is spoken to without TLS; and what to give there instead."""

    host: str
    tls: str
    public: str
    secure: str


INCOMING = Setting(
    "incoming.host",
    "incoming.tls",
    "give the mail server's public name",
    "use implicit (port 995) or starttls (port 110)",
)
URL = Setting("url", "url", "give a public address", "give an https:// URL")


async def permitted_addresses(
    host: str, port: int, allow: Sequence[str], *, tls: str, setting: Setting = INCOMING
) -> list[str]:
    """The addresses of `host`, in the resolver's order; connect to these: a second look-up might answer otherwise.

    `allow` is WorkerSettings.allow_hosts: names, addresses and CIDRs. Raises Refused `host_not_allowed` when the host
    is not allowed and any of its addresses is not public (field `setting.host`), or when it is not allowed and `tls` is
    "none" (field `setting.tls`); socket.gaierror when it does not resolve.
    """
    name = host.strip().lower().removesuffix(".")
    addresses = await _resolve(name, port)
    if name in allow:
        return addresses
    networks = _networks(allow)
    outside = [address for address in addresses if not _is_in(address, networks)]
    if tls == "none" and outside:
        raise Refused(
            "host_not_allowed",
            f"{setting.tls}: {host} would be sent secrets in clear text, which only hosts in MAILROOM_ALLOW_HOSTS may be: "
            f"{setting.secure}",
            field=setting.tls,
        )
    for address in outside:
        if not is_public(address):
            raise Refused(
                "host_not_allowed",
                f"{setting.host}: {host} has the address {address}, which is not a public one: {setting.public}, or have the "
                "operator add the host to MAILROOM_ALLOW_HOSTS",
                field=setting.host,
            )
    return addresses


def is_public(address: str) -> bool:
    """Whether an address belongs to the Internet at large: not private, loopback, link-local, multicast or reserved."""
    return all(
        one.is_global and not (one.is_multicast or one.is_reserved or one.is_unspecified)
        for one in _spoken_to(ipaddress.ip_address(address))
    )


def _spoken_to(address: Address) -> list[Address]:
    """Every address that a packet to `address` may end up at: IPv6 can carry an IPv4 address in four ways."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    if address in NAT64:
        return [IPv4Address(int(address) & 0xFFFFFFFF)]
    return [address, *([address.sixtofour] if address.sixtofour else []), *(address.teredo or ())]


def _networks(allow: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    networks = []
    for entry in allow:
        try:
            networks.append(ipaddress.ip_network(entry))
        except ValueError:
            continue  # a host name
    return networks


def _is_in(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    given = ipaddress.ip_address(address)
    mapped = given.ipv4_mapped if isinstance(given, IPv6Address) else None
    return any((mapped or given) in network for network in networks)


async def _resolve(name: str, port: int) -> list[str]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(RESOLVER_SECONDS):
            answers = await loop.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # an empty or over-long label: no name that could exist
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in answers))
