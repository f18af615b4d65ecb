"""The CAs are read once for all connections of a protocol, and again where the operator has replaced theirs."""

from __future__ import annotations

import os
from pathlib import Path

from infra.network.tls import trusting
from tests.servers.certificates import Authority


def authorities(context_of: str) -> int:
    return trusting("POP", context_of).cert_store_stats()["x509_ca"]


def test_connections_of_one_protocol_share_what_they_are_checked_against() -> None:
    assert trusting("POP", None) is trusting("POP", None)
    assert trusting("POP", None) is not trusting("HTTP", None)


def test_a_ca_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    one, other = Authority(tmp_path, "One"), Authority(tmp_path, "Other")
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(one.ca_file.read_bytes())
    before = authorities(str(ca_file))
    ca_file.write_bytes(one.ca_file.read_bytes() + other.ca_file.read_bytes())
    later = ca_file.stat().st_mtime_ns + 1_000_000_000
    os.utime(ca_file, ns=(later, later))
    assert authorities(str(ca_file)) == before + 1
