"""URLs that people write into settings: taken only where every parser reads the same in them (RFC 3986)."""

from __future__ import annotations

import re
from ipaddress import IPv6Address
from urllib.parse import SplitResult, unquote, urlsplit

# Of RFC 3986, without what no address of a service needs. Parsers leave tabs and line ends out, or take a backslash for a
# slash, each in its own way, so that one speaks to another host than the one that was looked at.
_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)", re.ASCII)
_AUTHORITY = re.compile(
    r"(?:(?P<user>[^@\[\]]*)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?", re.ASCII
)
# Of a path, to which the paths of requests are joined once it is decoded: no percent sign that encodes nothing, none that encodes
# what ends or parts a path, and no control character.
_JOINS_WITH_NOTHING = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|7[Ff]|2[35Ff]|3[Ff])")
LONGEST_HOST = 253


def http_url(text: str) -> SplitResult:
    """An http:// or https:// URL in its parts; raises ValueError for anything that is not written as RFC 3986 has it.

    The host is an address or a name in A-labels; a port is from 1 to 65535. Userinfo, query and fragment are for the
    caller to allow.
    """
    if not _CHARACTERS.fullmatch(text):
        raise ValueError("a character that no URL has")
    parts = urlsplit(text)
    authority = _AUTHORITY.fullmatch(parts.netloc)
    if parts.scheme not in ("http", "https") or authority is None:
        raise ValueError("no http:// or https:// URL")
    host, port = authority["host"], authority["port"]
    if host.startswith("["):
        IPv6Address(host[1:-1])
    elif len(host) > LONGEST_HOST or not all(_LABEL.fullmatch(label) for label in host.removesuffix(".").split(".")):
        raise ValueError("no host name")
    if _JOINS_WITH_NOTHING.search(parts.path):
        raise ValueError("a path that nothing can be joined to")
    unquote(parts.path, errors="strict")
    if port is not None and not 0 < int(port) < 65_536:
        raise ValueError("no port")
    return parts
