"""The module for Tryton: that it can be installed, and what it does in Tryton that no adapter sees."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import psycopg

from tests.servers.tryton import MODULE, PYTHON, ROOT, TrytonDatabase, TrytonServer
from tests.support.crm.entries import entry
from tests.support.crm.tryton import adapter


def test_the_module_installs_with_its_views_and_is_found_by_tryton(tryton_server: TrytonServer, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(MODULE, source, ignore=shutil.ignore_patterns("__pycache__"))  # building leaves files beside it
    offline = ["--quiet", "--disable-pip-version-check", "--no-index", "--no-deps", "--no-build-isolation"]
    tryton_server.run(["-m", "pip", "install", *offline, "--target", str(target), str(source)])
    package = target / "trytond_mailroom"
    files = {str(path.relative_to(package)) for path in package.rglob("*.*") if path.suffix in (".py", ".xml", ".cfg")}
    there = MODULE / "trytond_mailroom"
    assert files == {
        str(path.relative_to(there)) for path in there.rglob("*.*") if path.suffix in (".py", ".xml", ".cfg")
    }
    found = "import trytond.tools as t; print(t.import_module('mailroom').__file__)"
    done = subprocess.run(
        [str(PYTHON), "-c", found], env={"PYTHONPATH": str(target)}, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(package / "__init__.py")


async def test_the_user_that_the_page_makes_has_all_that_is_needed(tryton: TrytonDatabase) -> None:
    page = (ROOT / "docs" / "tryton.md").read_text()
    script = page.partition("<<'END'\n")[2].partition("\nEND\n")[0]
    # The database that tests have has a user of that name already.
    key = tryton.console(script.replace('"login": "mailroom"', '"login": "another"')).split()[-1]
    async with adapter(tryton.url, key) as crm:
        await crm.check()
        await crm.push(entry(tryton.party("Anna")))


def test_the_forms_show_mail_and_activities(tryton: TrytonDatabase) -> None:
    for model in ("party.party", "sale.opportunity"):
        view = tryton.rest("POST", f"{model}/fields_view_get", {"view_type": "form"})
        for field in ("correspondences", "activities"):
            assert f'name="{field}"' in view["arch"]


async def test_of_an_erased_party_no_words_stay(tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna Lind", "anna@example.com")
    async with adapter(tryton.url, tryton.key) as crm:
        await crm.push(entry(anna))
    tryton.rest("PUT", f"party.party/{anna}", {"active": False})
    tryton.script(
        "party, = Model.get('party.party').find([('id', '=', int(ARGUMENT)), ('active', '=', False)])\n"
        "erase = Wizard('party.erase', models=[party])\n"
        "erase.form.party = party\n"
        "erase.execute('erase')",
        anna,
    )
    with psycopg.connect(tryton.uri) as connection:
        rows = connection.execute(
            "select subject, sender, recipients, text, message_id from mailroom_correspondence"
        ).fetchall()
    assert rows == [(None,) * 5]


async def test_a_copy_of_a_party_has_none_of_its_mail(tryton: TrytonDatabase) -> None:
    anna = tryton.party("Anna Lind", "anna@example.com")
    async with adapter(tryton.url, tryton.key) as crm:
        await crm.push(entry(anna))
    copied = tryton.script(
        "print(Model.get('party.party')._proxy.copy([int(ARGUMENT)], {}, {})[0])",
        anna,
    )
    assert tryton.correspondences(copied.strip()) == []
    assert len(tryton.correspondences(anna)) == 1
