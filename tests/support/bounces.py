"""The collection of bounces in tests/data/bounces.txt: mails in the forms of many systems, and whom they did not reach."""

from __future__ import annotations

import base64
import quopri
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

COLLECTION = Path(__file__).parents[1] / "data" / "bounces.txt"

HEADER = """Received: from pc (pc.example.com [192.0.2.9]) by mx.example.com; Mon, 2 Mar 2026 10:00:00 +0100
Message-ID: <sent-17@example.com>
Date: Mon, 2 Mar 2026 10:00:00 +0100
From: Jane Smith <me@example.com>
To:
 list@lists.example.net
Cc: colleague@example.com,
 boss@example.com
Subject: Offer
MIME-Version: 1.0"""
RETURNED = f"""{HEADER}

Good morning,

please write to
sales@example.com
or
<info@example.com>: they know more.

--
Jane
me@example.com
_______________________________________________
list mailing list
list@lists.example.net"""


@dataclass(frozen=True, slots=True)
class Bounce:
    """One bounce: whom it did not reach, why (one of several answers that are right), and its bytes."""

    form: str
    recipients: frozenset[str]
    reasons: tuple[str, ...]
    raw: bytes


def bounces() -> Iterator[Bounce]:
    """All of the collection, in its order."""
    for section in COLLECTION.read_text("utf-8").split("\n### ")[1:]:
        rows, _, mail = section.partition("\n>>>\n")
        form, *cases = rows.split("\n")
        for case in cases:
            recipients, status, said, reasons = (one.strip() for one in case.split(" | "))
            yield Bounce(
                form,
                frozenset(recipients.split(", ")),
                tuple(reasons.split(" or ")),
                _filled(mail, form, recipients.split(", "), status, said.replace("\\n", "\n")),
            )


def _filled(mail: str, form: str, recipients: list[str], status: str, said: str) -> bytes:
    first, last = recipients[0], recipients[-1]
    local, _, domain = first.partition("@")
    given = {"to": first, "to2": last, "local": local, "domain": domain, "status": status, "said": said}
    for name, value in (given | {"header": HEADER, "returned": RETURNED}).items():
        mail = mail.replace("{" + name + "}", value)
    way = form.rpartition(" ")[2]
    head, _, body = mail.partition("\n\n")
    if way == "base64":
        return _lines(f"{head}\nContent-Transfer-Encoding: base64\n\n") + base64.encodebytes(_lines(body))
    if way == "quoted-printable":
        return _lines(f"{head}\nContent-Transfer-Encoding: quoted-printable\n\n") + quopri.encodestring(_lines(body))
    charset = way if way in ("gbk", "iso-2022-jp", "koi8-r", "iso-8859-1") else "utf-8"
    return _lines(mail).decode("utf-8").encode(charset, "replace")


def _lines(text: str) -> bytes:
    return text.replace("\n", "\r\n").encode()
