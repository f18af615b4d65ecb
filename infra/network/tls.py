"""Whom we trust over TLS: the system's authorities and those that the operator names."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from typing import Literal

Protocol = Literal["POP", "SMTP", "HTTP"]


def trusting(protocol: Protocol, ca_file: str | None) -> ssl.SSLContext:
    """What connections are checked against: the system's CAs and those in `ca_file`, the host name, TLS 1.2 or later.

    One for all connections of a `protocol`, because reading the system's CAs takes some 50 ms, in which nothing else runs; not
    one for both, because an HTTP client names its protocol in it (ALPN). A `ca_file` that was replaced is read anew.
    """
    return _context(protocol, ca_file, Path(ca_file).stat().st_mtime_ns if ca_file is not None else 0)


@functools.lru_cache(maxsize=8)
def _context(protocol: Protocol, ca_file: str | None, written_at: int) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    # Python 3.13 turns this on. It refuses private CAs that are merely untidy, and every Python before took them: an
    # upgrade of Python must not cut a mailbox off.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
