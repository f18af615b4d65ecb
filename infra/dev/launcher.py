"""Becomes a service process, after writing down who it is: `python -I launcher.py OWNER RECORD COMMAND...`.

The process records its own pid and creation time before it turns into the service, so there is no moment at which a
service runs and nothing tells its owner's successor about it. Run as a script; imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import signal
import sys

import psutil


def main(owner: int, record: str, command: list[str]) -> None:
    """Writes RECORD and replaces this process by `command`; ends instead once the process OWNER is gone."""
    _end_without(owner)  # a dead owner's successor may have recorded its own service already
    me = psutil.Process()
    unfinished = f"{record}.{me.pid}"
    with open(unfinished, "w") as file:
        json.dump({"pid": me.pid, "created": me.create_time()}, file)
    os.replace(unfinished, record)
    _end_without(owner)  # its successor may have looked before there was a record
    # Python ignores SIGPIPE, and an ignored signal stays ignored across exec.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execvp(command[0], command)


def _end_without(owner: int) -> None:
    if os.getppid() != owner:
        sys.exit("the process that was to own this service has ended")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
