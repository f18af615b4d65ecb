"""Tryton on the run's PostgreSQL: a server for a test process, and for each test a database with a company, users and keys."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import tomllib
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import psycopg
from psycopg import sql

from infra.dev.children import free_port, is_free
from infra.dev.embedded_postgres import binaries
from tests.servers.process import ServerProcess

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv" / "crms" / "bin" / "python"
MODULE = ROOT / "infra" / "tryton"
SETUP = Path(__file__).with_name("tryton_setup.py")
TEMPLATE = "tryton_template"
LOCK = 7227  # of the template, while it is being made
KEY = uuid.uuid5(uuid.NAMESPACE_DNS, "mailroom.example").hex * 4
ADMIN_KEY = uuid.uuid5(uuid.NAMESPACE_DNS, "admin.example").hex * 4
MODULES = ("ir", "res", "party", "sale_opportunity", "mailroom")
CONTEXT = {"company": 1, "companies": [1], "employee": 1}
COMPANY_PARTIES = ("Nordwind GmbH", "Mailroom")  # what each database has from the start


def _made_of() -> str:
    """A digest of all that decides what is in the template."""
    sources = [path for path in MODULE.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    digest = hashlib.sha256()
    for path in (ROOT / "tests" / "crms.lock", Path(__file__), SETUP, *sorted(sources)):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


def _postgresql(program: str, *arguments: str) -> None:
    subprocess.run([str(binaries() / program), *arguments], check=True, timeout=600)


class TrytonServer(ServerProcess):
    """`trytond` on 127.0.0.1, for any database of the PostgreSQL at `postgres`. Used as a context manager.

    The template of its databases takes two minutes of work, so it is kept as a dump in Tryton's environment, under the digest of
    all that it is made of.
    """

    def __init__(self, postgres: str) -> None:
        super().__init__()
        self.postgres = postgres
        self.port = free_port()
        self._folder = tempfile.TemporaryDirectory(prefix="tryton-")

    def _set_up(self) -> None:
        folder = Path(self._folder.name)
        self.settings = folder / "trytond.conf"
        server = self.postgres.rpartition("/")[0]
        # It looks for databases anew whenever it is asked for one that it does not know: sessions, whose time-out says how often
        # it may, are not used here.
        self.settings.write_text(
            f"[database]\nuri = {server}/\n[web]\nlisten = 127.0.0.1:{self.port}\n[session]\ntimeout = 0\n"
        )
        _make_known(folder)
        self.environment = {
            **os.environ,
            "PYTHONPATH": f"{folder}{os.pathsep}{MODULE}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self._make_template()

    def _clean_up(self) -> None:
        self._folder.cleanup()

    def start(self) -> None:
        deadline = time.monotonic() + 60
        while not is_free(self.port):
            if time.monotonic() > deadline:
                raise RuntimeError(f"port {self.port} of a Tryton that has ended stays in use")
            time.sleep(0.05)
        log = open(Path(self._folder.name) / "trytond.log", "ab")  # noqa: SIM115 -- closed below, kept by the process
        with log:
            self._process = subprocess.Popen(
                [str(PYTHON), str(PYTHON.with_name("trytond")), "-c", str(self.settings)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
                start_new_session=True,
            )
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Tryton did not start:\n{self.log()}")
            time.sleep(0.05)

    def kill(self) -> None:
        """Ends the server in the middle of whatever it does (SIGKILL)."""
        self._end(signal.SIGKILL)

    def log(self) -> str:
        return (Path(self._folder.name) / "trytond.log").read_text(errors="replace")[-4000:]

    def run(self, command: Sequence[str], *, text: str = "") -> str:
        """Runs something of Tryton's environment, which reads `text`; answers its output."""
        done = subprocess.run(
            [str(PYTHON), *command],
            env=self.environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=1500,  # a busy machine is no broken one
        )
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)[:200]} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def uri(self, database: str) -> str:
        return f"{self.postgres.rpartition('/')[0]}/{database}"

    def _make_template(self) -> None:
        """Once for a test run, which takes a minute; the other processes wait for it."""
        with psycopg.connect(self.postgres, autocommit=True) as connection:
            connection.execute("select pg_advisory_lock(%s)", [LOCK])
            if connection.execute("select from pg_database where datname = %s", [TEMPLATE]).fetchone() is not None:
                return
            unfinished = f"{TEMPLATE}_unfinished"
            connection.execute(f"drop database if exists {unfinished} with (force)")
            connection.execute(f"create database {unfinished}")
            self._fill_template(unfinished)
            connection.execute(f"alter database {unfinished} rename to {TEMPLATE}")
            connection.execute(f"alter database {TEMPLATE} is_template true")  # no server looks into it any more

    def _fill_template(self, database: str) -> None:
        kept = PYTHON.parents[1] / f"{TEMPLATE}-{_made_of()}.dump"
        if kept.exists():
            _postgresql("pg_restore", "--exit-on-error", "--no-owner", "--dbname", self.uri(database), str(kept))
            return
        password = Path(self._folder.name) / "password"
        password.write_text(uuid.uuid4().hex + "\n")
        self.environment["TRYTONPASSFILE"] = str(password)
        admin = [str(PYTHON.with_name("trytond-admin")), "-c", str(self.settings), "-d", database]
        self.run([*admin, "--email", "admin@nordwind.example", "-u", *MODULES, "--activate-dependencies"])
        self.run([str(SETUP), self.uri(database), str(self.settings), KEY, ADMIN_KEY])
        dump = Path(self._folder.name) / "template.dump"
        _postgresql("pg_dump", "--format=custom", "--file", str(dump), self.uri(database))
        unfinished = kept.with_name(f"{kept.name}.{uuid.uuid4().hex}")
        shutil.copyfile(dump, unfinished)
        unfinished.replace(kept)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}/", timeout=5, trust_env=False).status_code < 500
        except httpx.HTTPError:
            return False


class TrytonDatabase:
    """A company's Tryton: `url` as in a connection's settings, `key` of a user with the rights that Mailroom needs.

    Everything else is done as the administrator.
    """

    key = KEY

    def __init__(self, server: TrytonServer) -> None:
        self.server = server
        self.name = f"tryton_{uuid.uuid4().hex}"
        self.url = f"http://127.0.0.1:{server.port}/{self.name}"
        self.uri = server.uri(self.name)
        self._client = httpx.Client(timeout=60, trust_env=False)

    def __enter__(self) -> Self:
        with psycopg.connect(self.server.postgres, autocommit=True) as connection:
            connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(self.name), sql.Identifier(TEMPLATE)
                )
            )
        self.wait_until_loaded()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._client.close()
        with psycopg.connect(self.server.postgres, autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(self.name)))

    def wait_until_loaded(self) -> None:
        """The first request after a start has Tryton load the database's modules. Until then it answers others with 500, and ever
        after, until it is started again, if PostgreSQL dies in that moment."""
        deadline = time.monotonic() + 60
        while True:
            try:
                self.rest("GET", "company.company")
                return
            except (AssertionError, httpx.HTTPError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def party(self, name: str, *addresses: str) -> str:
        """A new party with these e-mail addresses; its id."""
        mechanisms = [["create", [{"type": "email", "value": address} for address in addresses]]] if addresses else []
        return str(self.rest("POST", "party.party", {"name": name, "contact_mechanisms": mechanisms})["id"])

    def parties(self, *people: tuple[str, Sequence[str]]) -> list[str]:
        """Many new parties at once, given by name and addresses; their ids."""
        values = [
            {
                "name": name,
                "contact_mechanisms": [("create", [{"type": "email", "value": address} for address in addresses])],
            }
            for name, addresses in people
        ]
        printed = self.script(
            "import json\nids = Model.get('party.party')._proxy.create(json.loads(ARGUMENT), {})\nprint(json.dumps(ids))",
            json.dumps(values),
        )
        return [str(made) for made in json.loads(printed)]

    def mechanisms(self, party: str) -> dict[str, str]:
        """The ids of a party's active addresses."""
        found = self.rest("GET", f"party.party/{party}", f=["contact_mechanisms.value"])
        return {one["value"]: str(one["id"]) for one in found["contact_mechanisms"]}

    def opportunity(self, party: str | None, description: str = "") -> str:
        """A new lead; its id."""
        values = {"party": party and int(party), "description": description, "employee": CONTEXT["employee"]}
        return str(self.rest("POST", "sale.opportunity", values)["id"])

    def press(self, opportunity: str, button: str) -> None:
        """One of `lead`, `opportunity`, `convert`, `lost`, `cancel`."""
        self.rest("POST", f"sale.opportunity/{opportunity}/{button}", {})

    def replace(self, party: str, by: str) -> None:
        """What the wizard "Replace" does: merges one party into another."""
        self.script(
            "party, by = (Model.get('party.party')(int(one)) for one in ARGUMENT.split())\n"
            "replace = Wizard('party.replace', models=[party])\n"
            "replace.form.source, replace.form.destination = party, by\n"
            "replace.execute('replace')",
            f"{party} {by}",
        )

    def leave_group(self, group: str) -> None:
        """Takes that group's rights from the user whose key is `key`."""
        (user,) = (one for one in self.rest("GET", "res.user", f=["login"]) if one["login"] == "mailroom")
        (found,) = (one for one in self.rest("GET", "res.group", f=["name"]) if one["name"] == group)
        self.rest("PUT", f"res.user/{user['id']}", {"groups": [["remove", [found["id"]]]]})

    def correspondences(self, party: str) -> list[dict[str, Any]]:
        """What the party's form shows, in its order."""
        return self._shown(f"party.party/{party}")

    def correspondences_of_opportunity(self, opportunity: str) -> list[dict[str, Any]]:
        return self._shown(f"sale.opportunity/{opportunity}")

    def count(self, model: str) -> int:
        return len(self.rest("GET", model, f=["id"]))

    def rest(
        self, method: str, path: str, values: Mapping[str, Any] | None = None, *, f: Sequence[str] = ("id",)
    ) -> Any:
        """A request of the administrator's."""
        answer = self._client.request(
            method,
            f"{self.url}/rest/model/{path}",
            params={"f": list(f)},
            headers={
                "Authorization": f"Bearer {ADMIN_KEY}",
                "X-Tryton-Context": urlsafe_b64encode(json.dumps(CONTEXT).encode()).decode(),
            },
            json=values,
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.status_code != 204 else None

    def script(self, code: str, argument: str = "") -> str:
        """Runs `code` in Tryton's environment, on this database, with proteus' Model and Wizard and that ARGUMENT."""
        head = (
            "import sys\nfrom proteus import Model, Wizard, config\n"
            "config.set_trytond(sys.argv[1], config_file=sys.argv[2])\nARGUMENT = sys.stdin.read()\n"
        )
        return self.server.run(["-c", head + code, self.uri, str(self.server.settings)], text=argument)

    def console(self, code: str) -> str:
        """What `trytond-console` prints of `code`."""
        console = str(PYTHON.with_name("trytond-console"))
        return self.server.run([console, "-c", str(self.server.settings), "-d", self.name], text=code)

    def _shown(self, path: str) -> list[dict[str, Any]]:
        fields = ("key", "direction", "subject", "sender", "recipients", "text", "message_id", "account", "sent_at")
        found = self.rest("GET", path, f=[f"correspondences.{field}" for field in fields])
        shown: list[dict[str, Any]] = found["correspondences"]
        return shown


def _make_known(folder: Path) -> None:
    """Tells Tryton's Python of the module where it lies in the project, as an installation of it would."""
    project = tomllib.loads((MODULE / "pyproject.toml").read_text())["project"]
    info = folder / f"{project['name']}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    (info / "entry_points.txt").write_text(
        "".join(
            f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in points.items())
            for group, points in project["entry-points"].items()
        )
    )
