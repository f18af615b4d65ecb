"""How many of the recipients of bounces are found, beside flufl.bounce on the same mails.

python -m bench.bounces [--mail FOLDER] reads the project's collections, or a folder with mails (*.eml) and whom they did not
reach (expected.tsv: file, address; one line for each recipient), and prints the share of the recipients that are named, and the
addresses that are named and did not bounce. Of the project's there are whole bounces, and notices in words alone with what may
stand below them: quotations, signatures, footers of lists (tests/data/notices.txt); some of these the rules were never mended by
(held out); reports of mail that reached some, and pages of HTML (half of what another wrote). Of bounces and reasons whose
severity is known it prints what was called hard and is not, and the other way round. The peer is measured where `make bench`
has installed it (.venv/peers).
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path

from domain.bounces.reasons import BAD_ADDRESS, STATUS, is_hard, reason_of
from domain.message.index import index
from domain.mime.addresses import normal_address
from tests.support.bounces import bounces
from tests.support.notices import MENDED, Part, from_any_sender, notices
from tests.support.partial_deliveries import Source, deliveries
from tests.support.written_by_another import pages, reasons

Find = Callable[[bytes], set[str]]


@dataclass(frozen=True, slots=True)
class Case:
    """One mail, and whom it did not reach, in normal form."""

    name: str
    raw: bytes
    recipients: frozenset[str]


def ours(raw: bytes) -> set[str]:
    found = index(raw).traits.get("bounce", {})
    return {address for one in found.get("recipients", ()) for address in one["addresses"]}


def flufl() -> Find | None:
    """What GNU Mailman finds: it leaves delays out of this, so both its answers count."""
    sys.path += [str(packages) for packages in Path(sys.prefix).glob("peers/lib/python*/site-packages")]
    try:
        library = importlib.import_module("flufl.bounce")
    except ImportError:
        return None

    def find(raw: bytes) -> set[str]:
        both = library.all_failures(BytesParser(policy=compat32).parsebytes(raw))
        return {normal for some in both for one in some if (normal := normal_address(one.decode("utf-8", "replace")))}

    return find


def collection() -> Iterator[Case]:
    for number, one in enumerate(bounces()):
        yield Case(f"{one.form} {number}", one.raw, one.recipients)


def in_words(part: Part) -> Iterator[Case]:
    for one in notices(part):
        yield Case(f"{one.notice}, {one.name}", one.raw, one.recipients)


def of_few_signs(part: Part) -> Iterator[Case]:
    for one in from_any_sender(part):
        yield Case(f"{one.notice}, {one.name}", one.raw, one.recipients)


def folder(path: Path) -> Iterator[Case]:
    expected: dict[str, set[str]] = {}
    for line in (path / "expected.tsv").read_text("utf-8").splitlines():
        name, _, address = line.partition("\t")
        expected.setdefault(name, set())
        if normal := normal_address(address):
            expected[name].add(normal)
    for name, recipients in expected.items():
        yield Case(name, (path / name).read_bytes(), frozenset(recipients))


def partial(source: Source) -> Iterator[Case]:
    for one in deliveries(source):
        yield Case(one.text, one.raw, one.failed)


def html_of_another() -> Iterator[Case]:
    for one in pages():
        yield Case(one.name, one.raw, one.failed)


def severities() -> Iterator[tuple[str, bool, bool]]:
    """What was said of a recipient whose severity is known, whether that is hard, and whether it was called so."""
    for bounce in bounces():
        for one in index(bounce.raw).traits.get("bounce", {}).get("recipients", ()):
            if one["severity"]:
                yield bounce.form, not BAD_ADDRESS.isdisjoint(bounce.reasons), one["severity"] == "hard"
    for reason in reasons():
        status = STATUS.search(reason.said)
        code = status[0] if status else None
        yield reason.said, reason.hard, is_hard(reason_of(reason.said, code), code, reason.said)


def measure_severity() -> None:
    said = list(severities())
    missed = sum(hard and not ours for _, hard, ours in said)
    wrong = sum(ours and not hard for _, hard, ours in said)
    bad = sum(hard for _, hard, _ in said)
    print(
        f"bounces, severity: of {bad} that are hard {missed} were called soft; of {len(said) - bad} that are not {wrong} were "
        "called hard",
        flush=True,
    )
    for what, hard, ours in said:
        if hard != ours:
            print(f"bounces, severity: called {'hard' if ours else 'soft'}, and is not: {what}")


def measure(what: str, find: Find, cases: Iterable[Case]) -> None:
    mails = recipients = found = others = wrong = 0
    for case in cases:
        named = find(case.raw)
        mails += 1
        recipients += len(case.recipients)
        found += len(case.recipients & named)
        others += len(named - case.recipients)
        wrong += bool(named - case.recipients)
    share = found / recipients if recipients else 0.0
    print(
        f"bounces, {what} names {found} of {recipients} recipients of {mails} mails ({share:.1%}), "
        f"and {others} who did not bounce, in {wrong} mails ({wrong / mails:.1%})",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--mail", type=Path, metavar="FOLDER", help="mails with their expected.tsv instead of the collection"
    )
    given = parser.parse_args()
    cases = {f"of {given.mail}": list(folder(given.mail))} if given.mail else {"whole bounces": list(collection())}
    if not given.mail:
        parts: dict[str, tuple[Part, ...]] = {"": MENDED, ", held out": ("heldout",)}
        apart: tuple[Part, ...] = ("partial", "partial_heldout", "html", "html_heldout")
        cases |= {f"notices, {part.replace('_heldout', ', held out')}": list(in_words(part)) for part in apart}
        for name, some in parts.items():
            cases[f"notices in words{name}"] = [case for part in some for case in in_words(part)]
            cases[f"notices whose header says little{name}"] = [case for part in some for case in of_few_signs(part)]
        cases |= {
            "reports of partial delivery": list(partial("project")),
            "reports of partial delivery that another wrote": list(partial("another")),
            "pages of HTML that another wrote": list(html_of_another()),
        }
        measure_severity()
    peer = flufl()
    if peer is None:
        print("bounces: flufl.bounce is not installed; make bench installs it")
    for what, mails in cases.items():
        measure(f"{what}: Mailroom", ours, mails)
        if peer is not None:
            measure(f"{what}: flufl.bounce", peer, mails)


if __name__ == "__main__":
    main()
