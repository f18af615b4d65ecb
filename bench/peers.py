"""The clients that Mailroom is measured beside: each retrieves one mailbox into files and deletes nothing."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.mailboxes import PASSWORD, USER

PATIENCE = 1800  # seconds


@dataclass(frozen=True)
class Retrieved:
    """What came, in how many seconds, and how a client ended that did not get through."""

    messages: int
    seconds: float
    complaint: str = ""


def fetchmail(port: int, folder: Path) -> Retrieved:
    rc = folder / "fetchmailrc"
    rc.write_text(
        f'poll 127.0.0.1 protocol POP3 port {port} user "{USER}" password "{PASSWORD}" keep fetchall no sslcertck sslproto ""\n'
    )
    rc.chmod(0o600)
    out = folder / "mail"
    command = ["fetchmail", "-f", str(rc), "--bsmtp", str(out), "--silent", "--pidfile", str(folder / "pid")]
    seconds, complaint = _timed(command, folder, FETCHMAILHOME=str(folder))
    return Retrieved(out.read_bytes().count(b"\nSubject: message ") if out.exists() else 0, seconds, complaint)


def mpop(port: int, folder: Path) -> Retrieved:
    box = _maildir(folder)
    rc = folder / "mpoprc"
    rc.write_text(
        f"account default\nhost 127.0.0.1\nport {port}\nuser {USER}\npassword {PASSWORD}\nauth user\ntls off\nkeep on\n"
        f"delivery maildir {box}\nuidls_file {folder / 'uidls'}\n"
    )
    rc.chmod(0o600)
    seconds, complaint = _timed(["mpop", "-C", str(rc), "-q"], folder)
    return Retrieved(len(list((box / "new").iterdir())), seconds, complaint)


def getmail(port: int, folder: Path) -> Retrieved:
    box = _maildir(folder)
    rc = folder / "getmailrc"
    # It delivers nothing as root: then another user is named, who must get there.
    user = ""
    if os.geteuid() == 0:
        user = "user = nobody\n"
        folder.chmod(0o755)
        for place in (box, *box.iterdir()):
            shutil.chown(place, "nobody", pwd.getpwnam("nobody").pw_gid)
    rc.write_text(
        f"[retriever]\ntype = SimplePOP3Retriever\nserver = 127.0.0.1\nport = {port}\nusername = {USER}\n"
        f"password = {PASSWORD}\n[destination]\ntype = Maildir\npath = {box}/\n{user}"
        "[options]\nread_all = true\ndelete = false\nverbose = 0\n"
    )
    rc.chmod(0o600)
    seconds, complaint = _timed(["getmail", f"--getmaildir={folder}", f"--rcfile={rc}"], folder)
    return Retrieved(len(list((box / "new").iterdir())), seconds, complaint)


PEERS: dict[str, Callable[[int, Path], Retrieved]] = {"fetchmail": fetchmail, "mpop": mpop, "getmail": getmail}
"""By the name of its program; each is given the port and a new folder. Debian's packages: fetchmail, mpop, getmail6."""


def _maildir(folder: Path) -> Path:
    box = folder / "maildir"
    for name in ("new", "cur", "tmp"):
        (box / name).mkdir(parents=True)
    return box


def _timed(command: list[str], folder: Path, **environ: str) -> tuple[float, str]:
    began = time.perf_counter()
    done = subprocess.run(
        command,
        env={"HOME": str(folder), "PATH": "/usr/bin:/bin", "LC_ALL": "C", **environ},
        timeout=PATIENCE,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode == 0:
        return seconds, ""
    words = (done.stderr or done.stdout).strip().splitlines() or [f"exit {done.returncode}"]
    return seconds, words[-1].strip()[:200]
