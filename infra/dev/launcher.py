"""Becomes a service process, after writing down who it is: `python -I launcher.py OWNER RECORD COMMAND...`.

The process records its own pid and birth before it turns into the service, so there is no moment at which a
service runs and nothing tells its owner's successor about it. Run as a script; imports nothing of the project.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

import psutil

BOOT = Path("/proc/sys/kernel/random/boot_id")


def birth(process: psutil.Process) -> str:
    """When that process was created, by a clock that nobody sets: with its pid it is this process and no other, ever.

    The time of day will not do. On Linux it is boot time plus uptime, and the boot time moves with every correction of the
    clock: a server would be a stranger to its owner, and run on, after a correction of seconds (a laptop that slept, a
    virtual machine that was moved). Elsewhere the system keeps what it wrote down when the process began.

    Raises psutil.NoSuchProcess, and OSError, if there is none.
    """
    if not sys.platform.startswith("linux"):
        return str(process.create_time())
    # The name of a program, in brackets, may hold spaces and brackets itself (proc_pid_stat(5), fields 2 and 22).
    ticks = Path(f"/proc/{process.pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    boot = ""
    with suppress(OSError):
        boot = BOOT.read_text().strip()
    return f"{boot} {ticks}"


def main(owner: int, record: str, command: list[str]) -> None:
    """Writes RECORD and replaces this process by `command`; ends instead once the process OWNER is gone."""
    _end_without(owner)  # a dead owner's successor may have recorded its own service already
    me = psutil.Process()
    unfinished = f"{record}.{me.pid}"
    with open(unfinished, "w") as file:
        json.dump({"pid": me.pid, "born": birth(me)}, file)
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
