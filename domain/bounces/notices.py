"""Bounces in no standard form: whom a notice names as not reached.

An address counts only where the notice says of it that it failed: in a sentence that says so, in a list that such a sentence
opens, in a field for recipients, or with a reason beside it. Where the mail begins that comes back, or whatever else follows,
nobody is named: that is its writer's, and names whom it likes.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field

from domain.bounces.arrival_words import OTHERS
from domain.bounces.claims import Claim, Form, Named, claim_of, is_consistent, recipients_of
from domain.bounces.entries import answered, beside, said_in_record, said_in_row, stands_in_row
from domain.bounces.notice_ends import BARE_RULE, QUOTED, RULE, begins_other, heads_copy
from domain.bounces.notice_places import (
    ADDRESS,
    Around,
    Place,
    around,
    begins_list,
    is_of_others,
    is_title,
    label_of,
    line_above,
    line_below,
    places,
    sentence_of,
    without_origins,
)
from domain.bounces.notice_words import (
    AFTER_RECIPIENT,
    BEFORE_OTHERS,
    CONTACT,
    COPY,
    EXPANDED,
    INTRODUCES_OTHERS,
    OF_RECIPIENT,
    QUOTED_BY,
    RECIPIENT,
    ROLE,
    SAID_BY,
    SENDER_AFTER,
    SENDER_BEFORE,
    SENDER_LABEL,
    TO_LABEL,
    WRITE_TO,
    fails,
    lowered,
)
from domain.bounces.polarity import Said, Sentences, judged, only_denies
from domain.bounces.reasons import REPLY_CODE, STATUS, says_why

MOST_ADDRESSES = 300  # of a notice that are looked at
MOST_TITLES = 100  # lines above others that are looked at
MOST_PROSE = 300  # lines that are asked whether they say that something failed, while nobody is named
MOST_TIMES = 3  # that the same address is looked at in a line
MOST_BLANKS = 3  # in the name of a field
LONGEST_PROSE = 200  # about two lines: what says that something failed

_CODED = re.compile(r"(?:^|[\s\"(])[45][0-5]\d(?:[ -][45]\.\d{1,3}\.\d{1,3})?[\s:<\"(]{1,4}$")
_RCPT = re.compile(r"rcpt(?! from)")
_COLUMNS = re.compile(r"[|\t]|\s{2,}")
_KIND = re.compile(r"(?:smtp|rfc-?822)\s?[=;]\s?$")  # of an address: in X.400's names, in fields of RFC 3464
_BESIDE = re.compile(r"\s{2,}\S|\t|\s{0,2}[\[(<]|\s{0,2}\.\.\.|[\s,;>)\"'-]{1,4}[45][0-5.]")
_BOXES = str.maketrans("│┃║─━═┌┬┐├┼┤└┴┘╔╦╗╠╬╣╚╩╝", "|||--=" + "+" * 18)  # as tables are drawn


def named_in(notice: str, excluded: Collection[str]) -> list[Named]:
    """Whom a notice says not to have reached, each with what it says of them; of nobody in `excluded`."""
    lines, written = without_origins(lowered(notice).translate(_BOXES).split("\n"))
    reader = _Reader(lines, notice.split("\n"), excluded, written)
    reader.sentences = Sentences(excluded)
    reader.read()
    got = reader.got.keys() | {written[one] for one in reader.got if one in written}
    written = {made: of for made, of in written.items() if of not in got}
    return recipients_of(reader.claims or reader.answers, reader.got, written, reader.lines[: reader.ended])


@dataclass(slots=True)
class _Reader:
    """Goes through a notice line by line: what was said up to here decides whether an address counts."""

    lines: list[str]  # lowered
    given: list[str]
    excluded: Collection[str]
    written: dict[str, str]  # to whom was written first, of whom others were made
    claims: dict[str, Claim] = field(default_factory=dict)
    answers: dict[str, Claim] = field(default_factory=dict)
    got: dict[str, int] = field(default_factory=dict)  # who got the mail, and in which line that is said
    failed: bool = False  # something was said to have failed
    opened: bool = True  # a list of those whom something did not reach
    headed: bool = False  # by a title
    reached: bool = False  # those below were, a title says
    listed: tuple[bool, ...] | None = None  # how its last entry stands there
    fresh: bool = True  # a paragraph begins
    doubtful: bool = False  # somebody was named, and it is not understood what is said of them
    closed: bool = False  # the notice has ended, unless what follows is like what was before
    ended: int = 0
    prose: str = ""  # of this paragraph, its end
    addresses: int = 0
    titles: int = 0
    told: int = 0
    judged: dict[str, bool] = field(default_factory=dict)
    sentences: Sentences = field(default_factory=Sentences)
    around: tuple[tuple[int, bool], Around] = ((-1, False), Around("", 0, []))

    def read(self) -> None:
        for at, line in enumerate(self.lines):
            if self.addresses > MOST_ADDRESSES:
                return
            self.ended = at + 1
            text = line.strip()
            if not text:
                self.fresh, self.prose = True, ""
            elif BARE_RULE.fullmatch(text):
                self._rule(at)
            elif self._named and ((QUOTED.match(line) and not _is_row(text)) or (self.fresh and heads_copy(text))):
                self.ended = at
                return
            else:
                if self._named and self.fresh and begins_other(text) and not self._says_why(text):
                    self.opened, self.closed = False, True
                self._line(at, line)
                self.fresh = False

    @property
    def _named(self) -> bool:
        return bool(self.claims) or self.doubtful

    def _rule(self, at: int) -> None:
        underlines = not self.fresh and self.opened and not any(one.at == at - 1 for one in self.claims.values())
        if not underlines:
            self.opened, self.closed = False, self.closed or self._named
        self.listed, self.fresh, self.prose = None, True, ""

    def _line(self, at: int, line: str) -> None:
        label = label_of(line)
        if label and STATUS.search(label["name"]):
            label = None
        claim: tuple[Place, Form] | None = None
        times: dict[str, int] = {}  # each address was looked at in this line
        for place in places(at, line):
            times[place.address] = times.get(place.address, 0) + 1
            if place.address in self.excluded or times[place.address] > MOST_TIMES:
                continue
            if claimed := self.claims.get(place.address):
                if claimed.with_others and claimed.at != at and beside(place):
                    del self.claims[place.address]  # its own entry knows better
                    self.got[place.address] = at
                continue
            self.addresses += 1
            if self.addresses > MOST_ADDRESSES:
                break
            form, said = self._form(place, label)
            new = claim_of(place, form, said) if form else None
            if new and form == Form.ANSWER:
                self.answers.setdefault(place.address, new)
            elif new and form and is_consistent(self.claims, self.lines, place, form, new.sentence, closed=self.closed):
                self.claims[place.address] = new
                claim = claim or (place, form)
        if claim:
            self._after_claim(*claim)
        else:
            self._after_prose(at, line, label)

    # --- one address

    def _form(self, place: Place, label: re.Match[str] | None) -> tuple[Form | None, Said | None]:
        """How an address is named as one that failed, and in which sentence; None: it is not."""
        if SENDER_BEFORE.search(place.before[-12:]) or SENDER_AFTER.match(place.after):
            return None, None
        if EXPANDED.search(self._just_before(place)):
            return Form.ENTRY, None  # of a program or a file
        told = beside(place)
        if self._arrived(place, told):
            self.got[place.address] = place.at
            return None, None
        if _RCPT.search(place.before[-14:]):  # what a client said
            return (None if answered(place) else Form.ANSWER), None
        apart = None if told is not None and _COLUMNS.search(place.line.strip()) else self._told_apart(place)
        if apart and apart.arrived is not False:
            return None, apart
        if apart and (said := self._in_sentence(place))[0]:
            return said
        if label and label.end() <= place.one.start():
            name = label["name"].strip()
            if TO_LABEL.match(name) and (told is False or said_in_record(self.lines, place) is False):
                return Form.FIELD, None
            if SENDER_LABEL.match(name) or TO_LABEL.match(name):
                return None, None
            failing = fails(name) or judged(name, status=True) is False
            if (RECIPIENT.search(name) and name.count(" ") <= MOST_BLANKS) or failing:
                return (Form.FIELD if self._near_failure(place.at) else Form.ANSWER), None
        if _KIND.search(place.before[-12:]):
            return Form.ENTRY, None
        if place.first:
            if QUOTED_BY.match(place.after):
                return None, None
            if form := self._entry(place):
                return form, said_in_row(place)
        elif self.opened and self.headed and place.beside_a_name:
            return Form.LISTED, None
        if (told is False and stands_in_row(place)) or self._heads_record(place):
            return Form.ENTRY, said_in_row(place)
        return self._in_sentence(place)

    def _told_apart(self, place: Place) -> Said | None:
        """What is said of an address whose line speaks of others too and says that something failed; None for any other."""
        if place.alone or not self._says_why(place.line):
            return None
        said = self._said_of(place)[1]
        return said if said.parted else None

    def _heads_record(self, place: Place) -> bool:
        """Whether fields or further lines below an address say that it failed."""
        goes_on = self._goes_on() and not label_of(self.lines[place.at - 1])
        if not place.first or goes_on or said_in_record(self.lines, place) is not False:
            return False
        below = next((line for line in self.lines[place.at + 1 : place.at + 3] if line.strip()), "")
        return below[:1].isspace() or label_of(below) is not None

    def _arrived(self, place: Place, told: bool | None) -> bool:
        """Whether it is said of an address that it got the mail: beside it, in its record or the answer below, above it."""
        if told and not (label_of(place.before) and said_in_record(self.lines, place) is False):
            return True
        if told is False:
            return False
        if (
            place.first
            and self.lines[place.at - 1].rstrip().endswith((",", ";", "、"))
            and place.at - 1 in self.got.values()
        ):
            return True  # of the same list
        record = said_in_record(self.lines, place)
        if record is not None:
            return record
        return self.reached and not self._says_why(place.line)

    def _just_before(self, place: Place) -> str:
        if place.before.strip() or not place.at:
            return place.before[-40:]
        return f"{self.lines[place.at - 1]} "[-40:]

    def _near_failure(self, at: int) -> bool:
        return self.failed or self._says_why(" ".join(self.lines[at : at + 6]))

    def _entry(self, place: Place) -> Form | None:
        """The form of an address that its line begins with, if it is in none of the sentences."""
        at, rest, colon = place.at, place.rest, place.colon
        if not self.fresh and INTRODUCES_OTHERS.search(self.prose[-40:]):
            return None
        if ROLE.search(place.local) and not (
            (rest and self._says_why(rest)) or (place.in_angles and colon) or fails(line_above(self.lines, at))
        ):
            return None
        beside = rest and self._says_why(rest[:300], any_reason=colon) and not CONTACT.match(rest)
        if beside and (colon or _BESIDE.match(place.after) or REPLY_CODE.search(rest) or STATUS.search(rest)):
            return Form.ENTRY
        if beside or self._goes_on():
            return None  # of a sentence
        if place.in_angles and (colon or EXPANDED.search(place.after)) and self.failed:
            return Form.ENTRY
        listed = self.opened and self.listed in (None, place.shape) and (self.headed or not self.doubtful)
        if listed and (not rest or colon or AFTER_RECIPIENT.match(place.after)):
            return Form.LISTED
        if rest:
            return None
        if (self.fresh or self.opened) and not self.closed and self._reason_below(at):
            return Form.ENTRY
        return Form.ENTRY if not self.claims and self._goes_on_below(at) else None

    def _goes_on(self) -> bool:
        """Whether a sentence goes on from the line before."""
        above = self.prose.rstrip()
        if not above or self.fresh or self.listed is not None:
            return False
        return above[-1] not in ":：.!?。！？)]>*-=_|" and len(above) > 20

    def _goes_on_below(self, at: int) -> bool:
        """Whether an address stands by itself in the middle of a sentence that says what failed."""
        below = next((line.strip() for line in self.given[at + 1 : at + 3] if line.strip()), "")
        if not below[:1].islower() or BEFORE_OTHERS.search(f"{line_above(self.lines, at)} "[-60:]):
            return False
        return self._says_why(lowered(below))

    def _reason_below(self, at: int) -> bool:
        said: list[str] = []
        for line in self.lines[at + 1 : at + 4]:
            if not line.strip() or BARE_RULE.fullmatch(line.strip()) or QUOTED.match(line):
                break
            said.append(line)
        return self._says_why(" ".join(said))

    def _in_sentence(self, place: Place) -> tuple[Form | None, Said | None]:
        (before, after), said = self._said_of(place)
        if SAID_BY.search(before[-24:]) or WRITE_TO.search(before[-40:]):
            return None, None
        told = said.arrived is False and said.parted
        if not told and BEFORE_OTHERS.search(before[-60:]) and not OF_RECIPIENT.search(before[-20:]):
            return None, None
        role = ROLE.search(place.local) is not None
        if role and CONTACT.search(before[-80:]):
            return None, None
        if said.arrived:
            self.got[place.address] = place.at
            return None, None
        whole = f"{before} {after}"
        if said.parted and said.arrived is None and ADDRESS.search(whole):
            return None, said  # of some it says that they got it, and not of whom
        beside_got = (
            not self.fresh and any(place.at - at <= 1 for at in self.got.values())
        ) or place.at in self.got.values()
        failed = said.arrived is False or (beside_got and only_denies(whole))
        if not _CODED.search(before[-20:]) and (failed or self._fails(ADDRESS.sub(" ", whole))):
            of_others = said.arrived is None and is_of_others(before, whole)
            if of_others or self._opens_list(place.at, after):
                return None, said
            return Form.SENTENCE, said
        if REPLY_CODE.search(place.line) or STATUS.search(place.before):
            return (None if role else Form.ANSWER), said
        self.doubtful = True
        return None, None

    def _said_of(self, place: Place) -> tuple[tuple[str, str], Said]:
        """What stands before and after an address in its sentence, and what that says of it."""
        begins = not place.before.strip() and not self._goes_on()
        before, after = sentence_of(place, self._around_line(place.at, begins=begins))
        return (before, after), self.sentences.said_of(before, place.one[0], after)

    def _around_line(self, at: int, *, begins: bool) -> Around:
        if (at, begins) != self.around[0]:
            self.around = (at, begins), around(self.lines, at, begins=begins)
        return self.around[1]

    def _opens_list(self, at: int, after: str) -> bool:
        """Whether a sentence that says of some address what failed is about those in the lines below."""
        if not after.rstrip().endswith((":", "：")):
            return False
        return begins_list(line_below(self.lines, at))

    def _after_claim(self, place: Place, form: Form) -> None:
        self.failed, self.prose = True, ""
        if form in (Form.LISTED, Form.ENTRY):
            self.listed = place.shape
        else:
            self.opened = form == Form.FIELD and place.line.rstrip().endswith((",", ";"))
            self.listed = None

    def _after_prose(self, at: int, line: str, label: re.Match[str] | None) -> None:
        self.prose = f"{self.prose} {line.strip()}"[-LONGEST_PROSE:]
        heading = self.titles < MOST_TITLES and line.rstrip().endswith((":", "：", "-", "=", "*", "|"))
        titled = heading or is_title(self.lines, at)
        told = self._told_above(at, line, titled=titled)
        if told:
            self.reached, self.opened, self.listed = True, False, None
            return
        if titled and told is False and self.reached:
            self.reached, self.opened, self.headed, self.listed = False, True, True, None
            self.failed = True
            return
        self.reached = self.reached and not self._fails(line)
        titles = heading and RECIPIENT.search(line) is not None and not COPY.search(line)
        titles = titles and not (self.claims and OTHERS.search(line) and not self._fails(line))
        if not self.claims:
            if self.fresh or heading or not (self.opened and self.failed):
                self.told += 1
                says = self.told <= MOST_PROSE and self._fails(self.prose)
                self.failed = self.failed or says
                if says or titles:
                    self.opened, self.headed = True, heading
                elif self.fresh:
                    self.opened = False
            return
        within = self.listed is not None and (not self.fresh or line[:1].isspace())
        if self.fresh and titles and (not (label and line[label.end() :].strip()) or self._fails(line)):
            self.closed = self.closed and not self._fails(line)
            self.opened, self.headed, self.listed = not self.closed, True, None
        elif self.fresh and not within:
            self.opened = False

    def _told_above(self, at: int, line: str, *, titled: bool) -> bool | None:
        """What a line above a list says of those in it; None for any other line."""
        ruled = RULE.match(line) is not None
        if ADDRESS.search(line) or not (titled or ruled or begins_list(line_below(self.lines, at))):
            return None
        self.titles += 1
        if self.titles > MOST_TITLES:
            return None
        title = line if ruled else re.split(r"[.!?] ", self.prose.rstrip())[-1]
        return judged(title.strip(" -=*|:：#"), status=titled)

    def _fails(self, text: str) -> bool:
        """Whether words say that something failed, or why; each is asked once."""
        text = " ".join(text.split())
        if text not in self.judged:
            self.judged[text] = fails(text) or says_why(text)
        return self.judged[text]

    def _says_why(self, text: str, *, any_reason: bool = False) -> bool:
        coded = REPLY_CODE.search(text) or STATUS.search(text)
        return bool(coded) or self._fails(text) or (any_reason and says_why(text, any_reason=True))


def _is_row(text: str) -> bool:
    """Whether a line is the row of a table that is drawn, and no quotation."""
    return text[-1] == "|" and text.count("|") > 2
