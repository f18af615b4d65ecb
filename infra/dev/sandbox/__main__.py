"""`python -m infra.dev.sandbox`: a POP3 and an SMTP server on loopback, with two mailboxes of sample mail."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.error import CannotListenError
from twisted.python import log

from infra.dev.sandbox.maildrops import open_maildrops
from infra.dev.sandbox.pop import PopFactory, read_password
from infra.dev.sandbox.smtp import SmtpFactory

LOOPBACK = "127.0.0.1"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.dev.sandbox", description=__doc__)
    parser.add_argument("--state", type=Path, required=True, help="folder of the mailboxes; made if it is not there")
    parser.add_argument("--pop-port", type=int, required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--password-file", type=Path, required=True, help="holds the password of both mailboxes")
    options = parser.parse_args(arguments)
    try:
        if not read_password(options.password_file):
            return _fail(f"{options.password_file} is empty: write the mailboxes' password into it")
        options.state.mkdir(parents=True, exist_ok=True)
        maildrops = open_maildrops(options.state)
        reactor.listenTCP(options.pop_port, PopFactory(maildrops, options.password_file), interface=LOOPBACK)
        reactor.listenTCP(options.smtp_port, SmtpFactory(maildrops, options.password_file), interface=LOOPBACK)
    except (OSError, CannotListenError) as error:
        return _fail(str(error))
    log.startLogging(sys.stderr, setStdout=False)
    sys.stdout.write("sandbox: ready\n")
    sys.stdout.flush()
    reactor.run()
    return 0


def _fail(problem: str) -> int:
    sys.stderr.write(f"sandbox: {problem}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
