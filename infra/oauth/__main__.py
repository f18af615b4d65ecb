"""The command `python -m infra.oauth`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from infra import commands
from infra.oauth.connect import connect
from infra.oauth.endpoint import EndpointFailed
from infra.oauth.flows import NotConnected
from infra.vault.vault import VaultError


def main(arguments: Sequence[str]) -> int:
    expected = (NotConnected, EndpointFailed, VaultError)
    return commands.run("oauth", connect(arguments, os.environ), *expected, after="; nothing was stored")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
