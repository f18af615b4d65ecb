"""How many names and subjects without a word about their charset are read as they were written, beside charset-normalizer.

python -m bench.charsets prints for each language the share that `domain.mime.charsets.text_of` reads right, the share where the
mail names the charset elsewhere, and the peer's: of the texts of tests/data/written_headers.tsv, and of everyday subjects of one
word, tests/data/written_words.tsv, which is the hardest. Of these the second half is held out: the costs of
`domain.mime.plausibility` were set on the first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import charset_normalizer

from domain.mime.charsets import text_of

WRITTEN = Path(__file__).parent.parent / "tests/data/written_headers.tsv"
WORDS = Path(__file__).parent.parent / "tests/data/written_words.tsv"


def written() -> Iterator[tuple[str, str, str]]:
    """Language, charset and text of each header that is not ASCII."""
    for line in WRITTEN.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            language, charsets, text = line.split("\t")
            yield from ((language, charset, text) for charset in charsets.split(","))


def words(half: str | None = None) -> Iterator[tuple[str, str, str]]:
    """The same of single words; `half` is "first" or "second"."""
    for line in WORDS.read_text("utf-8").splitlines():
        if not line.startswith("#"):
            of, language, charsets, text = line.split("\t")
            if half in (None, of):
                yield from ((language, charset, text) for charset in charsets.split(","))


def peer(raw: bytes) -> str:
    best = charset_normalizer.from_bytes(raw).best()
    return str(best) if best else ""


def compare(what: str, texts: Iterable[tuple[str, str, str]]) -> None:
    of: Counter[str] = Counter()
    right: dict[str, Counter[str]] = {"alone": Counter(), "named elsewhere": Counter(), "charset-normalizer": Counter()}
    for language, charset, text in texts:
        raw = text.encode(charset)
        for reader, read in (
            ("alone", text_of(raw)),
            ("named elsewhere", text_of(raw, [charset])),
            ("charset-normalizer", peer(raw)),
        ):
            for group in (language, "all"):
                right[reader][group] += read == text
        of[language] += 1
        of["all"] += 1
    for group in [*(language for language in of if language != "all"), "all"]:
        shares = ", ".join(f"{reader} {found[group]}" for reader, found in right.items())
        print(f"charsets, {what}{group}: of {of[group]} read right: {shares}", flush=True)


def main() -> None:
    compare("", written())
    for half in ("first", "second"):
        compare(f"single words, {half} half, ", words(half))


if __name__ == "__main__":
    main()
