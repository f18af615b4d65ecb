"""How many names and subjects without a word about their charset are read as they were written, beside charset-normalizer.

python -m bench.charsets prints for each language the share that `domain.charsets.text_of` reads right, the share where the mail
names the charset elsewhere, and the peer's. The texts of tests/data/written_headers.tsv were written when the letters and
pairs of `domain.letters`, which come from translations of programs, were there already.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import charset_normalizer

from domain.charsets import text_of

WRITTEN = Path(__file__).parent.parent / "tests/data/written_headers.tsv"


def written() -> Iterator[tuple[str, str, str]]:
    """Language, charset and text of each header that is not ASCII."""
    for line in WRITTEN.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            language, charsets, text = line.split("\t")
            yield from ((language, charset, text) for charset in charsets.split(","))


def peer(raw: bytes) -> str:
    best = charset_normalizer.from_bytes(raw).best()
    return str(best) if best else ""


def main() -> None:
    of: Counter[str] = Counter()
    right: dict[str, Counter[str]] = {"alone": Counter(), "named elsewhere": Counter(), "charset-normalizer": Counter()}
    for language, charset, text in written():
        raw = text.encode(charset)
        for reader, read in (
            ("alone", text_of(raw)),
            ("named elsewhere", text_of(raw, [charset])),
            ("charset-normalizer", peer(raw)),
        ):
            for what in (language, "all"):
                right[reader][what] += read == text
        of[language] += 1
        of["all"] += 1
    for what in [*(language for language in of if language != "all"), "all"]:
        count = of[what]
        shares = ", ".join(f"{reader} {found[what]}" for reader, found in right.items())
        print(f"charsets, {what}: of {count} read right: {shares}", flush=True)


if __name__ == "__main__":
    main()
