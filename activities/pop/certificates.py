"""What a POP3 server presents that we do not trust (whom we trust: infra/network/tls.py)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence

from activities.pop.connection import PopConnection, ProtocolViolation, ServerRefused, Timeouts


async def presented_chain(
    host: str | Sequence[str], port: int, *, starttls: bool, timeout: float, server_name: str | None = None
) -> list[bytes]:
    """The certificates that a server presents, DER, its own first, whether they are valid or not (R91).

    A connection of its own, that trusts anybody and so sends nothing but STLS. Raises as `PopConnection.open` does when
    the server presents none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    addresses = [host] if isinstance(host, str) else host
    connection = PopConnection(
        addresses,
        port,
        tls="starttls" if starttls else "implicit",
        context=context,
        timeouts=Timeouts(connect=timeout, greeting=timeout, reply=timeout),
        server_name=server_name or addresses[0],
    )
    try:
        async with asyncio.timeout(timeout):
            await connection.connect()
    except (ServerRefused, ProtocolViolation, OSError, EOFError):
        if not connection.certificates:
            raise
    finally:
        await connection.abort()
    return connection.certificates
