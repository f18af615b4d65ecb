"""A TCP connection to the first of a server's addresses that answers."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from typing import TypeVar

Made = TypeVar("Made", bound=asyncio.Protocol)


async def reached(protocol: Callable[[], Made], addresses: Sequence[str], port: int, *, seconds: float) -> Made:
    """What `protocol` made, connected to the first address that answers; each gets its share of `seconds`.

    OSError of the last address (socket.gaierror, ConnectionRefusedError, TimeoutError, ...) when none does.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    places: list[str] = []
    async with asyncio.timeout_at(deadline):
        for address in addresses:
            places += [address] if _is_literal(address) else await _look_up(address, port)
    failure: OSError = OSError("there is no address to connect to")
    for position, place in enumerate(places):
        share = (deadline - loop.time()) / (len(places) - position)
        try:
            async with asyncio.timeout(share):
                # TCP_NODELAY is asyncio's default.
                return (await loop.create_connection(protocol, place, port))[1]
        except TimeoutError:
            failure = TimeoutError(f"no connection within {share:.0f} s")
        except OSError as error:
            failure = error
    raise failure


def _is_literal(address: str) -> bool:
    """Whether an address needs no look-up: those wait for a thread, and another account's dead resolver may hold them."""
    try:
        ipaddress.ip_address(address)
    except ValueError:
        return False
    return True


async def _look_up(name: str, port: int) -> list[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except UnicodeError:  # an empty label, or one of more than 63 letters
        raise socket.gaierror(socket.EAI_NONAME, "no host can have that name") from None
    return [str(info[4][0]) for info in found]
