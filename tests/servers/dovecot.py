"""A Dovecot POP3 server of a test's own: free ports, its own maildirs, users and mail added while it runs."""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

from infra.dev.children import free_port
from tests.servers.certificates import Authority
from tests.servers.process import ServerProcess

PATIENCE = 60.0  # seconds, for what takes a part of one where nobody else is at work

SETTINGS = """\
protocols = pop3
listen = 127.0.0.1
ssl = yes
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
ssl_cert = <{certificate}
ssl_key = <{certificate}
disable_plaintext_auth = no
auth_mechanisms = plain login{token_mechanisms}
# A refusal takes Dovecot two seconds, and longer with each one, unless it is told otherwise.
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u/Maildir
mail_uid = {mail_user}
mail_gid = {mail_group}
first_valid_uid = 1
default_internal_user = {internal_user}
default_internal_group = {internal_group}
default_login_user = {login_user}
pop3_uidl_format = %08Xu%08Xv
mail_max_userip_connections = 40
passdb {{
  driver = passwd-file
  args = {folder}/passwd
  mechanisms = plain login
}}
{token_passdb}
userdb {{
  driver = static
  args = uid={mail_user} gid={mail_group} home={folder}/mail/%u
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service pop3-login {{
  chroot =
  inet_listener pop3 {{
    port = {port}
  }}
  inet_listener pop3s {{
    port = {tls_port}
    ssl = yes
  }}
}}
service stats {{
  chroot =
}}
{more}
"""

PENALTY = """\
auth_failure_delay = 2 secs
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0600
  }
}
"""
"""Dovecot as it comes: a refusal takes two seconds, and slows every login from its address for 15 seconds (give as `more`)."""

RECENT = """\
auth_username_chars =
auth_username_translation = ":_"
"""
"""Logins in recent mode: `recent:jane@example.com` is the mailbox of the user `recent_jane@example.com` (give as `more`)."""


TOKEN_PASSDB = """\
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {folder}/oauth2.conf
}}
"""
# Dovecot asks the authorisation server about each token (RFC 7662).
TOKEN_SETTINGS = """\
introspection_mode = post
introspection_url = {introspection_url}
force_introspection = yes
username_attribute = username
active_attribute = active
active_value = true
timeout_msecs = 5000
"""


def dovecot_binary() -> str | None:
    """The path of the Dovecot master program, None where Dovecot or its POP3 server is not installed."""
    binary = shutil.which(
        "dovecot", path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin{os.pathsep}/usr/local/sbin"
    )
    has_pop3 = any(
        Path(folder, "dovecot/pop3").exists() for folder in ("/usr/lib", "/usr/libexec", "/usr/local/libexec")
    )
    return binary if binary and has_pop3 else None


class Dovecot(ServerProcess):
    """Dovecot on 127.0.0.1: `port` speaks plain POP3 and STLS, `tls_port` implicit TLS trusted with `ca_file`.

    `more` is Dovecot configuration to add, such as "pop3_lock_session = yes". With `introspection_url`, which has a client's
    id and secret in it, users may also log in by XOAUTH2 and OAUTHBEARER. Refusals come at once, unlike Dovecot's
    own two seconds. Used as a context manager; users and mail may be added at any time in between.
    """

    host = "127.0.0.1"

    def __init__(self, *, more: str = "", introspection_url: str = "") -> None:
        super().__init__()
        self.port = free_port()
        self.tls_port = free_port(besides=[self.port])
        # Short, because Dovecot's sockets are below it, and open to the users that Dovecot runs its parts as.
        self.folder = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.ca_file = self.folder
        self._more = more
        self._introspection_url = introspection_url
        self._passwords: dict[str, str] = {}
        self._changes = 0
        self._delivered = 0
        self._lock = threading.Lock()

    def _clean_up(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        binary = dovecot_binary()
        assert binary is not None, "Dovecot is not installed"
        self._process = subprocess.Popen(
            [binary, "-F", "-c", str(self.folder / "dovecot.conf")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        deadline = time.monotonic() + PATIENCE
        while not self._greets():
            if self._process.poll() is not None or time.monotonic() > deadline:
                complaint = self._process.stderr.read().decode(errors="replace") if self._process.stderr else ""
                raise RuntimeError(f"Dovecot did not start: {complaint}{self.log()}")
            time.sleep(0.02)

    def add_user(self, user: str, password: str) -> None:
        """Adds a mailbox; the user name may be a whole address."""
        self.set_password(user, password)
        maildir = self.maildir(user)
        for part in ("tmp", "new", "cur"):
            (maildir / part).mkdir(parents=True, exist_ok=True)
        self._give_mail_to_server(self.folder / "mail" / user)

    def set_password(self, user: str, password: str) -> None:
        """Changes that user's password; returns once the server knows it."""
        with self._lock:
            self._passwords[user] = password
            self._changes += 1
            unfinished = self.folder / "passwd.new"
            unfinished.write_text("".join(f"{name}:{{PLAIN}}{word}\n" for name, word in self._passwords.items()))
            unfinished.chmod(0o644)
            os.utime(unfinished, times=(self._changes, self._changes))  # Dovecot compares whole seconds
            unfinished.replace(self.folder / "passwd")
        deadline = time.monotonic() + PATIENCE
        # Dovecot looks at the file at most once a second.
        while self._process is not None and not self._accepts(user, password):
            if time.monotonic() > deadline:
                raise RuntimeError(f"Dovecot did not take up the password of {user}: {self.log()}")
            time.sleep(0.1)

    def _accepts(self, user: str, password: str) -> bool:
        command = ["doveadm", "-c", str(self.folder / "dovecot.conf"), "auth", "test", user, password]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def deliver(self, user: str, message: bytes) -> None:
        """Puts one message into that mailbox, as the newest."""
        with self._lock:
            self._delivered += 1
            number = self._delivered
        # Dovecot numbers mail in the order of the time in its name. Sizes in the name (as on the wire, and on the disk)
        # spare it from reading each message for LIST.
        body = message.replace(b"\r\n", b"\n")
        wire = len(body) + body.count(b"\n")
        name = f"{1_700_000_000 + number}.M{number:06}P1.test,S={len(body)},W={wire}"
        unfinished = self.maildir(user) / "tmp" / name
        unfinished.write_bytes(body)
        self._give_mail_to_server(unfinished)
        unfinished.rename(self.maildir(user) / "new" / name)

    def count(self, user: str) -> int:
        """How many messages are in that mailbox now."""
        return sum(1 for part in ("new", "cur") for _ in (self.maildir(user) / part).iterdir())

    def forget_uids(self, user: str) -> None:
        """Gives every message of the mailbox another UID and UIDVALIDITY, as a restored backup does."""
        for index in self.maildir(user).glob("dovecot*"):
            index.unlink()
        uidlist = self.maildir(user) / "dovecot-uidlist"
        uidlist.write_text(f"3 V{int(time.time()) + 1000} N1001\n")
        self._give_mail_to_server(uidlist)

    def logins(self, user: str) -> int:
        """How many times that user has logged in so far."""
        return self.log().count(f"Login: user=<{user}>")

    def maildir(self, user: str) -> Path:
        """The folder with that user's new/ and cur/."""
        return self.folder / "mail" / user / "Maildir"

    def log(self) -> str:
        """All that the server has logged."""
        path = self.folder / "dovecot.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def _set_up(self) -> None:
        authority = Authority(self.folder)
        self.ca_file = authority.ca_file
        (self.folder / "passwd").write_text("")
        (self.folder / "mail").mkdir()
        self._give_mail_to_server(self.folder / "mail")
        root = os.geteuid() == 0
        me = pwd.getpwuid(os.geteuid()).pw_name
        settings = SETTINGS.format(
            folder=self.folder,
            certificate=authority.good().path,
            port=self.port,
            tls_port=self.tls_port,
            # Dovecot's own users exist wherever root installed it; without root everything runs as ourselves.
            mail_user="nobody" if root else os.geteuid(),
            mail_group=pwd.getpwnam("nobody").pw_gid if root else os.getegid(),
            internal_user="dovecot" if root else me,
            internal_group="dovecot" if root else grp.getgrgid(os.getegid()).gr_name,
            login_user="dovenull" if root else me,
            token_mechanisms=" xoauth2 oauthbearer" if self._introspection_url else "",
            token_passdb=TOKEN_PASSDB.format(folder=self.folder) if self._introspection_url else "",
            more=self._more,
        )
        (self.folder / "oauth2.conf").write_text(TOKEN_SETTINGS.format(introspection_url=self._introspection_url))
        (self.folder / "dovecot.conf").write_text(settings)

    def _give_mail_to_server(self, path: Path) -> None:
        if os.geteuid() == 0:
            user = pwd.getpwnam("nobody")
            for part in (path, *path.rglob("*")):
                os.chown(part, user.pw_uid, user.pw_gid)

    def _greets(self) -> bool:
        return all(_listens(port) for port in (self.port, self.tls_port))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
