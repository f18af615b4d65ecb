"""The command `python -m infra.oauth`."""

from __future__ import annotations

import asyncio
import os
import sys

import psycopg

from domain.refusal import Refused
from infra.oauth.connect import connect
from infra.oauth.endpoint import EndpointFailed
from infra.oauth.flows import NotConnected
from infra.settings import SettingsError
from infra.vault import VaultError


def main() -> int:
    try:
        return asyncio.run(connect(sys.argv[1:], os.environ))
    except (NotConnected, EndpointFailed, Refused, SettingsError, VaultError) as error:
        print(f"oauth: {error}; nothing was stored", file=sys.stderr)
    except psycopg.Error as error:
        print(f"oauth: the database of DATABASE_URL does not work: {error}; nothing was stored", file=sys.stderr)
    except KeyboardInterrupt:
        print("oauth: interrupted; nothing was stored", file=sys.stderr)
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main())
