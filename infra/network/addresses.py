"""Which hosts a worker may connect to: public ones, and those that MAILROOM_ALLOW_HOSTS names."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address

from domain.core.refusal import Refused

Address = IPv4Address | IPv6Address

RESOLVER_SECONDS = 30.0
NAT64 = ipaddress.ip_network("64:ff9b::/96")
ISATAP = 0x00005EFE  # in an interface's id, whatever its bit for "universal" says (RFC 5214, section 6.1)

# What is not the Internet at large, and why: IANA's registries of special-purpose addresses and of address space (RFC 6890 and
# those that update it), the narrower range first. Of IPv6, only 2000::/3 is given out. Permitted are the registries' ranges that
# are reached all over the Internet: AS112 (192.31.196.0/24, 192.175.48.0/24, 2620:4f:8000::/48; RFC 7534 and 7535), which answers
# questions about private addresses, and AMT (192.52.193.0/24, RFC 7450), the relays of multicast.
REFUSED: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "this host (RFC 791)"),
    ("10.0.0.0/8", "private use (RFC 1918)"),
    ("100.64.0.0/10", "a provider's own network (RFC 6598)"),
    ("127.0.0.0/8", "loopback (RFC 1122)"),
    ("169.254.0.0/16", "link-local, and where clouds keep their metadata (RFC 3927)"),
    ("172.16.0.0/12", "private use (RFC 1918)"),
    ("192.0.0.0/24", "protocol assignments (RFC 6890)"),
    ("192.0.2.0/24", "documentation (RFC 5737)"),
    ("192.88.99.0/24", "6to4 relays, deprecated (RFC 7526)"),
    ("192.168.0.0/16", "private use (RFC 1918)"),
    ("198.18.0.0/15", "benchmarks (RFC 2544)"),
    ("198.51.100.0/24", "documentation (RFC 5737)"),
    ("203.0.113.0/24", "documentation (RFC 5737)"),
    ("224.0.0.0/4", "multicast (RFC 5771)"),
    ("240.0.0.0/4", "reserved, and broadcast (RFC 1112, RFC 919)"),
    ("::1/128", "loopback (RFC 4291)"),
    ("::/128", "unspecified (RFC 4291)"),
    ("64:ff9b:1::/48", "a network's own translation (RFC 8215)"),
    ("100::/64", "discarded (RFC 6666)"),
    ("2001::/23", "protocol assignments, Teredo and ORCHID among them (RFC 2928)"),
    ("2001:db8::/32", "documentation (RFC 3849)"),
    ("3fff::/20", "documentation (RFC 9637)"),
    ("5f00::/16", "segment routing (RFC 9602)"),
    ("fc00::/7", "unique local (RFC 4193)"),
    ("fe80::/10", "link-local (RFC 4291)"),
    ("fec0::/10", "site-local, deprecated (RFC 3879)"),
    ("ff00::/8", "multicast (RFC 4291)"),
    ("::/3", "not given out as public addresses (RFC 4291)"),
    ("4000::/2", "not given out (RFC 4291)"),
    ("8000::/1", "not given out (RFC 4291)"),
)
_REFUSED = tuple((ipaddress.ip_network(network), why) for network, why in REFUSED)


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
OUTGOING = Setting(
    "outgoing.host",
    "outgoing.tls",
    "give the mail server's public name",
    "use implicit (port 465) or starttls (port 587)",
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
        if why := not_public(address):
            raise Refused(
                "host_not_allowed",
                f"{setting.host}: {host} has the address {address}, which is not a public one, but {why}: {setting.public}, or "
                "have the operator add the host to MAILROOM_ALLOW_HOSTS",
                field=setting.host,
            )
    return addresses


def not_public(address: str) -> str | None:
    """Why an address is not one of the Internet at large, by `REFUSED`; None where it is."""
    for one in _spoken_to(ipaddress.ip_address(address)):
        for network, why in _REFUSED:
            if one.version == network.version and one in network:
                return why
    return None


def _spoken_to(address: Address) -> list[Address]:
    """Every address that a packet to `address` may end up at: IPv6 can carry an IPv4 address in five ways."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped:
        return [address.ipv4_mapped]
    last = IPv4Address(int(address) & 0xFFFFFFFF)
    if address in NAT64:
        return [last]
    isatap = (int(address) >> 32) & 0xFDFFFFFF == ISATAP
    carried = [address.sixtofour, *(address.teredo or ()), last if isatap else None]
    return [address, *(one for one in carried if one is not None)]


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
