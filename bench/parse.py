"""How fast a message is indexed, beside the standard library's parser on the same bytes.

python -m bench.parse [--messages 1000] prints, for ordinary and for awkward mail, the time of `domain.message.index.index` a
message and its ratio to `email.parser.BytesParser(policy=compat32)`, of the whole message and of its header alone. The
library only splits a header into lines there; `index` decodes words, charsets, addresses, dates and ids as well.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from email.parser import BytesParser
from email.policy import compat32
from pathlib import Path

from bench.mailboxes import USER, mail
from domain.message.index import index

SANDBOX = Path(__file__).parent.parent / "infra/dev/sandbox/mail"


def awkward() -> dict[str, bytes]:
    """Mail that takes some parsers long, by what is wrong with it."""
    head = b"From: Ann <ann@example.org>\nTo: jane@example.com\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=\n"
    nested = b"".join(
        b'Content-Type: multipart/mixed; boundary="%d"\n\n--%d\n' % (depth, depth) for depth in range(1000)
    )
    return {
        "10,000 addresses": b"To: "
        + b",\n ".join(b"a%d@example.org" % n for n in range(10_000))
        + b"\n"
        + head
        + b"\n",
        "nested 1,000 deep": head + nested,
        "5,000 parts": head
        + b'Content-Type: multipart/mixed; boundary="x"\n\n'
        + b"--x\nContent-Type: text/plain\n\nhello\n" * 5000
        + b"--x--\n",
        "a header of 1 MB": head + b"X-Long: " + b"x" * 70 + b"\n " * 14_000 + b"\n\nhello\n",
        "20,000 header fields": head + b"X-Field: value of it\n" * 20_000 + b"\nhello\n",
        "a body of 10 MB": head + b"\n" + b"a line of a body that is very long\n" * 300_000,
    }


def seconds(parse: Callable[[bytes], object], messages: Sequence[bytes]) -> float | None:
    """Of CPU, for all of them once; None for a parser that raises."""
    began = time.process_time()
    try:
        for message in messages:
            parse(message)
    except RecursionError:
        return None
    return time.process_time() - began


def fastest(parse: Callable[[bytes], object], messages: Sequence[bytes], rounds: int) -> float | None:
    """Whatever else the machine does only adds to the other rounds."""
    return min((taken for _ in range(rounds) if (taken := seconds(parse, messages)) is not None), default=None)


def measure(what: str, messages: Sequence[bytes], rounds: int) -> None:
    library = BytesParser(policy=compat32)
    ours = fastest(index, messages, rounds) or 0.0
    whole = fastest(library.parsebytes, messages, rounds)
    header = fastest(lambda raw: library.parsebytes(raw, headersonly=True), messages, rounds)
    print(
        f"parse, {what}: {1e6 * ours / len(messages):.0f} microseconds a message, {ratio(ours, whole)} of the library's full "
        f"parse, {ratio(ours, header)} of its header alone",
        flush=True,
    )


def ratio(ours: float, theirs: float | None) -> str:
    return f"{ours / theirs:.2g}" if theirs else "(RecursionError)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5, help="of which the fastest counts")
    given = parser.parse_args()
    measure("generated mail of 17 kB", list(mail(USER, given.messages)), given.rounds)
    sandbox = [path.read_bytes() for path in sorted(SANDBOX.rglob("*.eml"))]
    measure(f"the sandbox's {len(sandbox)} messages", sandbox * max(given.messages // len(sandbox), 1), given.rounds)
    for what, message in awkward().items():
        measure(what, [message], given.rounds)


if __name__ == "__main__":
    main()
