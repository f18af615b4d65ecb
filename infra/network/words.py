"""What a mail server says, as text."""

from __future__ import annotations


def decoded(text: bytes) -> str:
    """A server's words: UTF-8, else gb18030 as Chinese providers write, else whatever can be read of them."""
    for charset in ("utf-8", "gb18030"):
        try:
            return text.decode(charset).strip()
        except UnicodeDecodeError:
            continue
    return text.decode("utf-8", errors="replace").strip()
