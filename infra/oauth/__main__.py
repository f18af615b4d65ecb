"""The command `mailroom oauth`."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from infra import commands
from infra.oauth.connect import connect
from infra.oauth.endpoint import EndpointFailed
from infra.oauth.flows import NotConnected
from infra.vault.vault import VaultError


def main(arguments: Sequence[str] | None = None) -> int:
    expected = (NotConnected, EndpointFailed, VaultError)
    return commands.run(
        "oauth",
        connect(sys.argv[1:] if arguments is None else arguments, os.environ),
        *expected,
        after="; nothing was stored",
    )


if __name__ == "__main__":
    sys.exit(main())
