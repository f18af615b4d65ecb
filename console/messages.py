"""A message as a person reads it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from console.reading import Reader
from console.terminal import Row, Terminal, size
from domain.core.refusal import Refused
from domain.message.body import Attachment, attachments, html_source, plain_text
from domain.message.index import index

MESSAGE = """
    select m.id, m.address, m.folder, m.labels, m.flags, m.subject, m.sent_at, m.stored_at, m.size, m.state, m.kind,
        m.parse_error, m.uidl, m.message_id, exists (select from private_messages p where p.message = m.id) as private
    from messages m where m.id = %(id)s
"""
RAW = "select raw from raw_messages where id = %(id)s"
LONGEST_NAME = 200  # bytes, of the 255 that file systems have
_UNSAFE = re.compile(r"[^\w .()+,=@~-]")


async def message(reader: Reader, number: int) -> Row:
    """The row of a message; raises Refused where there is none."""
    row = await reader.row(MESSAGE, id=number)
    if row is None:
        raise Refused(
            "unknown_message",
            f"there is no message {number}: `mailroom search` finds messages, and an erased one is no more",
        )
    return row


async def raw_of(reader: Reader, row: Row) -> bytes:
    """Its bytes; raises Refused of one that could not be taken from the server."""
    if row["state"] != "stored":
        raise Refused(
            "not_stored",
            f"message {row['id']} is in quarantine, {row['parse_error']}: nothing of it is here; `mailroom quarantine` says more",
        )
    found = await reader.row(RAW, id=row["id"])
    if found is None or found["raw"] is None:
        raise Refused(
            "lost_bytes",
            f"the bytes of message {row['id']} are not there: docs/reconcile.md says how to have them again",
        )
    return bytes(found["raw"])


async def read(
    reader: Reader, terminal: Terminal, number: int, *, as_html: bool, as_raw: bool, folder: Path | None
) -> None:
    row = await message(reader, number)
    raw = await raw_of(reader, row)
    if as_raw:
        terminal.answer(None, lambda: terminal.raw(raw))
    elif folder is not None:
        _save(terminal, raw, number, folder)
    elif as_html:
        source = html_source(raw).encode()
        terminal.answer(None, lambda: terminal.raw(source))
    else:
        _show(terminal, row, raw)


def _show(terminal: Terminal, row: Row, raw: bytes) -> None:
    indexed = index(raw)
    people: dict[str, list[str]] = {}
    for who in indexed.participants:
        people.setdefault(who.field, []).append(f"{who.name} <{who.address}>" if who.name else who.address)
    parts = attachments(raw)
    text = plain_text(raw)
    heads = [
        ("From", people.get("from")),
        ("To", people.get("to")),
        ("Cc", people.get("cc")),
        ("Bcc", people.get("bcc")),
        ("Reply-To", people.get("reply-to")),
        ("Date", row["sent_at"]),
        ("Subject", row["subject"]),
    ]
    where = [
        ("account", row["address"]),
        ("folder", [row["folder"], *row["labels"]]),
        ("kind", None if row["kind"] == "personal" else row["kind"]),
        ("private", row["private"]),
        ("header", row["parse_error"]),
        ("size", size(row["size"])),
    ]
    listed = [_listed(part) for part in parts]

    def show() -> None:
        terminal.facts(heads + where)
        terminal.line()
        terminal.text(text or "(no text that can be read: --html, --raw or --save DIR)")
        if parts:
            terminal.heading("Attachments")
            terminal.table(
                listed,
                [
                    ("name", lambda one: one["name"] or "(no name)"),
                    ("type", lambda one: one["type"]),
                    ("size", lambda one: size(one["bytes"])),
                ],
                empty="",
            )

    answer = {name.lower(): value for name, value in heads} | dict(row) | {"text": text, "attachments": listed}
    terminal.answer(answer, show)


def _listed(part: Attachment) -> dict[str, Any]:
    return {"name": part.name, "type": part.content_type, "bytes": len(part.data)}


def _save(terminal: Terminal, raw: bytes, number: int, folder: Path) -> None:
    """Writes the message and its attachments; nothing that is there already is written over."""
    folder.mkdir(parents=True, exist_ok=True)
    saved = [_written(folder, f"message-{number}.eml", raw)]
    for position, part in enumerate(attachments(raw), 1):
        saved.append(_written(folder, safe_name(part.name) or f"attachment-{position}", part.data))
    listed = [{"file": str(path), "bytes": path.stat().st_size} for path in saved]
    terminal.answer(
        {"saved": listed},
        lambda: terminal.table(
            listed, [("saved", lambda one: one["file"]), ("size", lambda one: size(one["bytes"]))], empty=""
        ),
    )


def _written(folder: Path, name: str, data: bytes) -> Path:
    stem, dot, ending = name.rpartition(".") if "." in name[1:] else (name, "", "")
    for number in range(1, 1000):
        path = folder / (name if number == 1 else f"{stem} ({number}){dot}{ending}")
        try:
            with path.open("xb") as file:
                file.write(data)
        except FileExistsError:
            continue
        return path
    raise Refused("file_exists", f"{folder / name} and 999 more of that name are there already: save to another folder")


def safe_name(name: str) -> str:
    """What a sender calls a file, as a name in one folder: no path, nothing hidden, nothing that a shell or terminal obeys."""
    last = _UNSAFE.sub("_", re.split(r"[/\\]", name)[-1]).lstrip("-. ").rstrip(" .")
    stem, dot, ending = last.rpartition(".") if "." in last[-12:] else (last, "", "")
    room = LONGEST_NAME - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending
