"""How an address stands in a notice: in its line, in its sentence, beside what. All lines are lowered."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from domain.bounces.notice_ends import BARE_RULE, QUOTED, RULE
from domain.bounces.notice_words import AND, BEFORE_OTHERS, BEFORE_RECIPIENT, SENDER_AFTER, fails
from domain.bounces.reasons import REPLY_CODE
from domain.mime.addresses import normal_address

LONGEST_SENTENCE = 600
MOST_WORDS_OF_TITLE = 5
MOST_LINES_BEFORE_ORIGIN = 2
MOST_LINES_BESIDE = 5  # over which a sentence goes, before and after an address

ADDRESS = re.compile(
    r"<(?:(?:smtp|mailto|rfc822):)?(?P<angle>(?:\"[^\"<>\n]{1,64}\"|[^\s<>@\"]{1,64})@[^\s<>@\"]{1,255})>"
    r"|(?<![\w.+@/-])(?P<bare>[a-z0-9!#$%&'*+?^_`{|}~-][\w!#$%&'*+?^`{|"
    r"}~.-]{0,63}@[a-z0-9](?:[a-z0-9.-]{0,252}[a-z0-9])?)(?![@\w])",
    re.ASCII,
)
_ORIGIN = re.compile(
    r"(?:\((?:expanded|generated|forwarded|originally(?: addressed| sent)?(?: to)?|was|aka)(?: from| by)?[:\s]{0,4}|"
    r"\bgenerated (?:from|by) )<?[^\s<>()@]{1,64}@[^\s<>()@]{1,255}>?(?:\s?\))?"
)
_LABEL = re.compile(r"^[\s>*|#-]{0,12}(?P<name>[^\s:<>@\"][^:：<>@\"\n]{0,38}?)\s{0,6}[:：=]\s{0,3}")
_FIRST = re.compile(
    r"[\s>*#|`•·-]{0,12}(?:\d{1,3}[.)]|\d{1,2}\s)?[\s>*\"'\[(]{0,12}(?:(?:smtp|rfc822|to|mailto)[:;=])?[\s<\"'\[(]{0,4}"
)
_ID = re.compile(r"\s{0,8}[^\s=]{1,60}:")
_BULLET = re.compile(r"\s{0,12}(?:[*•·#-]|\d{1,3}[.)])")
_SENTENCE_ENDS = re.compile(r"(?<!\b\d)(?<!\b\d\d)[.!?](?=[\s\"')\]>»]|$)|[。！？]")
_MACHINE_ENTRY = re.compile(r"\s{0,8}<[^\s<>]{3,300}>:\s")
_WIDE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_CLOSING = " \t>)'\"]"


@dataclass(frozen=True)
class Place:
    """An address in its line."""

    at: int
    line: str
    one: re.Match[str]
    address: str

    @cached_property
    def before(self) -> str:
        return self.line[: self.one.start()]

    @cached_property
    def after(self) -> str:
        return self.line[self.one.end() :]

    @cached_property
    def rest(self) -> str:
        """What follows in the line, without the marks between."""
        return self.after.strip(f"{_CLOSING}.,:;|-：")

    @property
    def local(self) -> str:
        return str(self.one["angle"] or self.one["bare"]).rpartition("@")[0]

    @property
    def in_angles(self) -> bool:
        return self.one["angle"] is not None

    @property
    def colon(self) -> bool:
        """Whether one follows it."""
        return self.after.lstrip(_CLOSING).startswith((":", "："))

    @property
    def first(self) -> bool:
        """Whether its line begins with it, but for marks."""
        return _FIRST.fullmatch(self.before) is not None or (self.in_angles and _ID.fullmatch(self.before) is not None)

    @cached_property
    def alone(self) -> bool:
        """Whether it is the only address of its line."""
        own = self.one[0].strip("<>")
        return all(one[0].strip("<>") == own for one in ADDRESS.finditer(self.line))

    @property
    def of_a_machine(self) -> bool:
        """Whether it stands at the beginning as <jane@example.com>: does, and nobody writes so."""
        return _MACHINE_ENTRY.match(self.line) is not None

    @property
    def beside_a_name(self) -> bool:
        """Whether a line is somebody's name and address."""
        name = self.before.strip(" \t<(['\"*•·-")
        if self.after.strip(f"{_CLOSING},;") or not name or len(self.before) > 70 or words_in(name) > 6:
            return False
        enclosed = self.in_angles or self.before.rstrip().endswith(("(", "[", "'", '"'))
        return enclosed and not fails(name) and not BEFORE_OTHERS.search(self.before[-60:])

    @property
    def shape(self) -> tuple[bool, ...]:
        """How an entry of a list looks: indented, with a bullet, in angles, with a colon, with words beside it."""
        bullet = _BULLET.match(self.before) is not None
        return self.before[:1].isspace(), bullet, self.in_angles, self.colon, bool(self.rest)


def without_origins(lines: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The lines without those of whom others were made, and these by the others: in "jane@example.com (expanded from
    team@example.com)" or with that in one of the next two lines it is jane's address of which something is said. Where nobody
    stands before, what was made is a program or a file, and the line stays."""
    left: list[str] = []
    made_of: dict[str, str] = {}
    last, last_at = "", -1
    for at, line in enumerate(lines):
        end = 0
        for origin in _ORIGIN.finditer(line) if "@" in line else ():
            for made in places(at, line[end : origin.start()]):
                last, last_at = made.address, at
            if of := next(places(at, origin[0]), None):
                if last and at - last_at <= MOST_LINES_BEFORE_ORIGIN:
                    made_of.setdefault(last, of.address)
                    line = line[: origin.start()] + " " * len(origin[0]) + line[origin.end() :]
                else:
                    last, last_at = of.address, at
            end = origin.end()
        for made in places(at, line[end:]) if "@" in line else ():
            last, last_at = made.address, at
        left.append(line.rstrip() if end else line)
    return left, made_of


def places(at: int, line: str) -> Iterator[Place]:
    """The addresses of a line."""
    for one in ADDRESS.finditer(line):
        address = normal_address((one["angle"] or one["bare"]).strip("'"))
        if address and (one["angle"] or "." in address.rpartition("@")[2]):
            yield Place(at, line, one, address)


def label_of(line: str) -> re.Match[str] | None:
    """The name of the field that a line is, and the colon behind it."""
    return _LABEL.match(line)


def same_label(line: str, other: str) -> bool:
    first, second = _LABEL.match(line), _LABEL.match(other)
    return first is not None and second is not None and first["name"].strip() == second["name"].strip()


def begins_list(line: str) -> bool:
    """Whether a line begins with an address."""
    found = ADDRESS.search(line)
    return found is not None and _FIRST.fullmatch(line[: found.start()]) is not None and not QUOTED.match(line)


class Around(NamedTuple):
    """A line with those that its sentences may go over."""

    text: str
    line_at: int  # in the text
    ends: list[tuple[int, int]]  # of sentences


def around(lines: Sequence[str], at: int, *, begins: bool) -> Around:
    """`begins`: a sentence begins with the line."""
    above: list[str] = []
    for line in () if begins else reversed(lines[max(0, at - MOST_LINES_BESIDE) : at]):
        if _apart(line) or line.rstrip()[-1] in ":：":
            break
        above.insert(0, f"{line.strip()} ")
    below: list[str] = []
    for line in lines[at + 1 : at + MOST_LINES_BESIDE]:
        if _apart(line) or ADDRESS.match(line.strip()):
            break
        below.append(f" {line.strip()}")
    text = "".join((*above, lines[at], *below))
    return Around(text, sum(map(len, above)), [end.span() for end in _SENTENCE_ENDS.finditer(text)])


def line_above(lines: Sequence[str], at: int) -> str:
    """The line above, or the one above that where it is blank."""
    return next((line.strip() for line in reversed(lines[max(0, at - 2) : at]) if line.strip()), "")


def line_below(lines: Sequence[str], at: int) -> str:
    """The next that is not blank, of the next five."""
    return next((line for line in lines[at + 1 : at + 6] if line.strip()), "")


def is_title(lines: Sequence[str], at: int) -> bool:
    """Whether a line is a few words above a list or a rule."""
    text = lines[at].strip()
    label = label_of(text)
    if len(text.split()) > MOST_WORDS_OF_TITLE or text[-1] in ".!?。！？," or (label and text[label.end() :]):
        return False
    if ADDRESS.search(text) or REPLY_CODE.search(text):
        return False
    below = next((line.strip() for line in lines[at + 1 : at + 3] if line.strip()), "")
    return BARE_RULE.fullmatch(below) is not None or begins_list(below)


def sentence_of(place: Place, said: Around) -> tuple[str, str]:
    """What stands before and after an address in its sentence. All addresses of a part of a long one have the same part."""
    start, end = (said.line_at + one for one in place.one.span())
    n = bisect.bisect_right(said.ends, (start, start))
    begin = said.ends[n - 1][1] if n else 0
    stop = next((one[0] for one in said.ends[n:] if one[0] >= end), len(said.text))
    if stop - begin > 2 * LONGEST_SENTENCE:
        part = (start - begin) // LONGEST_SENTENCE
        part -= _edge(said.text, begin, part) > start
        begin, stop = _edge(said.text, begin, part), min(stop, _edge(said.text, begin, part + 1))
    return said.text[begin:start], said.text[end:stop]


def _edge(text: str, begin: int, part: int) -> int:
    """Where a part of a long sentence begins: at a blank."""
    found = text.find(" ", begin + part * LONGEST_SENTENCE) if part else begin
    return len(text) if found < 0 else found


def is_of_others(before: str, said: str) -> bool:
    """Whether another address in a sentence stands as recipients do, and the one behind `before` does not."""
    if BEFORE_RECIPIENT.search(before[-60:]) or AND.search(before[-300:]):
        return False
    return any(
        BEFORE_RECIPIENT.search(said[: other.start()][-60:]) and not SENDER_AFTER.match(said[other.end() :])
        for other in ADDRESS.finditer(said)
    )


def _apart(line: str) -> bool:
    """Whether no sentence goes over a line."""
    return not line.strip() or RULE.match(line.strip()) is not None or _LABEL.match(line) is not None


def said_of(lines: Sequence[str], at: int, end: int, address: str) -> str:
    """What is said from one recipient on, up to the next: no further than the second blank line."""
    said, blanks = [_LABEL.sub("", lines[at])], 0
    for line in lines[at + 1 : min(end, at + 15)]:
        if not line.strip():
            blanks += 1
            if blanks == 2:
                break
        elif not (blanks and RULE.match(line)):
            said.append(line)
    return "\n".join(said).replace(address, " ")


def words_in(text: str) -> int:
    """How many words a text has; where no blanks are written two characters count as one."""
    wide = len(_WIDE.findall(text))
    return len(_WORD.findall(_WIDE.sub(" ", text) if wide else text)) + (wide + 1) // 2
