"""What a live login's remedy says: never that somebody goes on trying, and always what became of the command."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from domain.failures.classification import diagnose_error, diagnose_reply
from domain.failures.prospects import OF_COMMANDS, OF_WATCHING, of_command

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FAILURES = [
    ConnectionRefusedError(),
    TimeoutError(),
    ConnectionResetError(),
    EOFError(),
]
REPLIES = [
    "[AUTH] Authentication failed.",
    "[SYS/PERM] POP access is disabled for your domain.",
    "[AUTH] Web login required: https://support.google.com/mail/answer/78754",
    "[SYS/TEMP] Temporary system problem. Please try again later.",
]


@pytest.mark.parametrize("command", OF_COMMANDS)
def test_a_command_is_told_what_became_of_it(command: str) -> None:
    remedies = [diagnose_reply(reply, phase="login").remedy for reply in REPLIES]
    remedies += [diagnose_error(error, phase="connect", host="h", port=995, at=NOON).remedy for error in FAILURES]
    for remedy in remedies:
        said = of_command(remedy, command)
        assert said.endswith(OF_COMMANDS[command])
        assert len(said) > len(OF_COMMANDS[command]) + 40, "the advice itself stays"
        assert not any(sentence in said for sentence in OF_WATCHING)
        assert "goes on trying" not in said
