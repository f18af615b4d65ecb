"""What a page of HTML shows, as lines of text: a block is a line, a row of a table too, and what is hidden is not read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.bounces.html_tags import tags_and_texts

MOST_NESTED = 40  # rows of tables; deeper ones are read as blocks
DEEPEST = 300  # element of which is known which one ends
LONGEST_CELL = 400  # characters of one that is a field and not a part of the page
MOST_WORDS_OF_NAME = 5  # of a field
MOST_CLASSES = 20  # of an element; parts of a selector; rules that hide the same class

_BLANKS = re.compile(r"\s+")
_ENDS_ADDRESS = re.compile(r"[^\s@]@[^\s@]+\.[a-z0-9-]+$", re.IGNORECASE | re.ASCII)
_BEGINS_ADDRESS = re.compile(r"[\w.+-]{1,64}@[\w-]+\.\w", re.ASCII)
_BREAKS = frozenset(
    (
        *("p", "br", "div", "tr", "li", "ul", "ol", "dl", "dt", "dd", "table", "td", "th", "caption", "pre", "hr"),
        *("h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "section", "article", "address", "header", "footer"),
        *("main", "nav", "aside", "center", "form", "fieldset", "figure", "details", "summary", "body"),
    )
)
_APART = frozenset(
    (
        "p",
        "ul",
        "ol",
        "dl",
        "table",
        "pre",
        "hr",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "blockquote",
        "form",
        "fieldset",
        "section",
        "article",
        "address",
        "header",
        "footer",
        "main",
        "nav",
        "aside",
    )
)
_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr")
)
_NEVER_SHOWN = frozenset(
    (
        *("style", "script", "template", "title", "noframes", "iframe", "object", "svg", "math", "datalist", "select"),
        *("audio", "video", "canvas"),
    )
)
_INLINE = frozenset(("b", "i", "font", "span", "a", "em", "strong", "u"))
_CLOSED_BY_NEXT = {  # HTML leaves their end tags out
    "p": frozenset(_BREAKS - {"br", "body"}),
    "li": frozenset(("li",)),
    "dt": frozenset(("dt", "dd")),
    "dd": frozenset(("dt", "dd")),
    "td": frozenset(("td", "th", "tr")),
    "th": frozenset(("td", "th", "tr")),
    "tr": frozenset(("tr",)),
}

_ZERO = r"\s{0,4}:\s{0,4}0(?:\.0{1,4})?(?:px|pt|em|rem|%|cm|in|vw|ex)?\s{0,4}(?:!important\s{0,4})?(?=;|$)"
_HIDES = re.compile(
    r"(?:^|;)\s{0,8}(?:display\s{0,4}:\s{0,4}none|mso-hide\s{0,4}:\s{0,4}all|content-visibility\s{0,4}:\s{0,4}hidden|"
    r"clip\s{0,4}:\s{0,4}rect\(\s{0,4}[01](?:px)?[\s,]{1,4}[01](?:px)?[\s,]{1,4}[01](?:px)?[\s,]{1,4}[01](?:px)?\s{0,4}\)|"
    r"clip-path\s{0,4}:\s{0,4}(?:inset\(\s{0,4}(?:50|100)%|circle\(\s{0,4}0)|"
    r"color\s{0,4}:\s{0,4}transparent|text-indent\s{0,4}:\s{0,4}-\d{3,6}|(?:left|top|right)\s{0,4}:\s{0,4}-\d{4,6}|"
    rf"opacity{_ZERO}|(?:transform\s{{0,4}}:\s{{0,4}}scale\(0))"
)
_NO_SIZE = re.compile(rf"(?:^|;)\s{{0,8}}(max-height|height|max-width|width){_ZERO}")
_CUTS_OFF = re.compile(r"(?:^|;)\s{0,8}overflow(?:-[xy])?\s{0,4}:\s{0,4}(?:hidden|clip)")
_FONT = re.compile(r"(?:^|;)\s{0,8}font(?:-size)?\s{0,4}:\s{0,4}(?P<size>[^;]{1,80})")
_VISIBILITY = re.compile(r"(?:^|;)\s{0,8}visibility\s{0,4}:\s{0,4}(?P<value>[a-z]{1,20})")
_NOUGHT = re.compile(r"(?:^|\s)0(?:\.0{1,4})?(?:px|pt|em|rem|%|cm|in|vw|ex)?(?=$|[\s/!])")
_SIZE = re.compile(r"(?:^|\s)(?:\d|\.\d|small|medium|large|x{1,2}-|smaller|larger)")
_RULE = re.compile(r"([^{}]{1,300})\{([^{}]{0,2000})\}")
_SELECTOR = re.compile(r"(?=.)(?:[a-z][a-z0-9]{0,10})?(?:[.#][\w-]{1,80}){0,4}")
_MARK = re.compile(r"[.#]?[\w-]+")
_COMMENT = re.compile(r"/\*[^*]{0,2000}\*/|<!--|-->")
_FIRST_CELL_NAMES = re.compile(r"[^@\n]{2,60}[^\s:：@]")


def words_of(page: str) -> str:
    """The text that a page shows."""
    words = _Words()
    for one in tags_and_texts(page):
        if isinstance(one, str):
            words.data(one)
        elif one.ends:
            words.end_of(one.name)
        else:
            words.begin_of(one.name, one.attributes)
    return re.sub(r"\n\s*\n+", "\n\n", words.text())


@dataclass(slots=True)
class _Open:
    """An element that has begun: whether it is hidden with all in it, and what it inherits: text of no size, not visible."""

    tag: str
    hidden: bool
    sizeless: bool
    invisible: bool
    marks: frozenset[str] = frozenset()  # its tag, classes and id, as style sheets write them

    @property
    def unseen(self) -> bool:
        return self.hidden or self.sizeless or self.invisible


@dataclass(slots=True)
class _Row:
    """A row of a table that has begun: where its words begin, what its cells say, where the open one begins."""

    start: int
    cells: list[str]
    cell: int | None = None


class _Words:
    """Blanks at the edges of a text part it from its neighbours, and so does an address: <a>jane@example.com</a>User unknown."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self._open: list[_Open] = []
        self._at: dict[str, list[int]] = {}  # where each tag stands in these
        self._marks: dict[str, int] = {}  # of these: how many have each tag, class and id
        self._deeper = 0  # elements that have begun below the deepest
        self._rows: list[_Row | None] = []  # None: a table begins
        self._term: int | None = None  # where the name of a definition begins
        self._in_style = False
        self._hiding: dict[str, list[tuple[frozenset[str], frozenset[str]]]] = {}

    def text(self) -> str:
        while self._rows:
            self._end_row()
            if self._rows:
                self._rows.pop()
        return "".join(self.words)

    # --- what is seen

    def begin_of(self, tag: str, attributes: Mapping[str, str]) -> None:
        if self._open and tag in _CLOSED_BY_NEXT.get(self._open[-1].tag, ()):
            self.end_of(self._open[-1].tag)
        if len(self._open) == DEEPEST:
            self._deeper += tag not in _VOID
        elif tag not in _VOID:
            self._in_style = tag == "style"
            self._at.setdefault(tag, []).append(len(self._open))
            self._open.append(self._begun(tag, attributes))
            for mark in self._open[-1].marks:
                self._marks[mark] = self._marks.get(mark, 0) + 1
        if not self._unseen:
            self._lay_out(tag)

    def end_of(self, tag: str) -> None:
        if self._deeper:
            self._deeper -= 1
            return
        if not self._at.get(tag):
            self._break(tag)
            return
        at = self._at[tag][-1]
        if tag in _INLINE and any(cells[-1] > at for one in ("td", "th", "table") if (cells := self._at.get(one))):
            return  # what stands in a cell ends with it
        unseen = self._unseen
        while len(self._open) > at:
            ended = self._open.pop()
            self._at[ended.tag].pop()
            for mark in ended.marks:
                self._marks[mark] -= 1
        self._in_style = False
        if not unseen:
            self._end(tag)

    def data(self, data: str) -> None:
        if self._in_style:
            self._learn(data)
        if self._unseen or not data:
            return
        above = self.words[-1] if self.words else "\n"
        apart = (_ENDS_ADDRESS.search(above[-300:]) and data[0].isalnum()) or (
            above[-1:].isalnum() and _BEGINS_ADDRESS.match(data)
        )
        words = _BLANKS.sub(" ", f" {data}" if apart else data)
        if words := words.lstrip() if above[-1:].isspace() else words:
            self.words.append(words)

    @property
    def _unseen(self) -> bool:
        return bool(self._open) and self._open[-1].unseen

    def _begun(self, tag: str, attributes: Mapping[str, str]) -> _Open:
        above = self._open[-1] if self._open else _Open("", False, False, False)
        if not attributes and not (self._hiding or tag in _NEVER_SHOWN):
            return _Open(tag, above.hidden, above.sizeless, above.invisible, frozenset((tag,)))
        style = attributes.get("style", "").lower()[:2000]
        names = attributes.get("class", "").lower().split()[:MOST_CLASSES]
        marks = frozenset((tag, f"#{attributes.get('id', '').lower()}", *(f".{one}" for one in names)))
        hidden = (
            above.hidden or tag in _NEVER_SHOWN or "hidden" in attributes or _hides(style) or self._hidden_by(marks)
        )
        sizeless, invisible = above.sizeless, above.invisible
        if font := _FONT.search(style):
            sizeless = _NOUGHT.search(font["size"]) is not None or (sizeless and not _SIZE.search(font["size"]))
        if attributes.get("size") and tag == "font":
            sizeless = False
        if seen := _VISIBILITY.search(style):
            invisible = seen["value"] in ("hidden", "collapse")
        return _Open(tag, hidden, sizeless, invisible, marks)

    def _hidden_by(self, marks: frozenset[str]) -> bool:
        """Whether the page's style sheets hide an element with these marks where it stands: ".outer .inner"."""
        return any(
            own <= marks and all(self._marks.get(one) for one in around)
            for mark in marks & self._hiding.keys()
            for own, around in self._hiding[mark]
        )

    def _learn(self, sheet: str) -> None:
        """Which classes and ids a style sheet hides, on all screens."""
        sheet = _COMMENT.sub(" ", sheet.lower()[:20_000])
        depth = 0
        for rule in re.split(r"(?=@media)", sheet):
            if rule.startswith("@media") and not re.match(r"@media\s{1,4}(?:all|screen)\s{0,4}\{", rule):
                end, depth = 0, 0
                for at, letter in enumerate(rule):
                    depth += (letter == "{") - (letter == "}")
                    if letter == "}" and depth <= 0:
                        end = at + 1
                        break
                rule = rule[end:] if end else ""
            for found in _RULE.finditer(rule):
                if _hides(found[2].strip()) or _is_nought(found[2]):
                    for name in found[1].split(","):
                        self._hide(name.split())

    def _hide(self, selector: Sequence[str]) -> None:
        """Notes what a selector hides: the last of its parts, where it stands in the others."""
        if not selector or len(selector) > MOST_CLASSES or not all(map(_SELECTOR.fullmatch, selector)):
            return
        own, *around = (frozenset(_MARK.findall(part)) for part in reversed(selector))
        named = next((one for one in own if one[0] in ".#"), None)
        if named and len(known := self._hiding.setdefault(named, [])) < MOST_CLASSES:
            known.append((own, frozenset().union(*around)))

    # --- lines

    def _lay_out(self, tag: str) -> None:
        if tag == "table":
            self._rows.append(None)
        elif tag == "tr" and len(self._rows) < MOST_NESTED:
            self._end_row()
            self._rows.append(_Row(len(self.words), []))
        elif tag in ("td", "th") and self._rows and (row := self._rows[-1]):
            self._end_cell(row)
            row.cell = len(self.words)
        elif tag == "dd" and self._term is not None:
            name = _BLANKS.sub(" ", "".join(self.words[self._term :])).strip()
            del self.words[self._term :]
            if name:
                self.words.append(name if name.endswith((":", "：")) else f"{name}:")
                self.words.append(" ")
            self._term = None
            return
        self._break(tag)
        if tag == "dt":
            self._term = len(self.words)

    def _break(self, tag: str) -> None:
        """Ends the line; what has a margin around it is a paragraph."""
        if tag in _APART:
            self.words.append("\n\n")
        elif tag in _BREAKS and (tag == "br" or not (self.words and self.words[-1].endswith("\n"))):
            self.words.append("\n")

    def _end(self, tag: str) -> None:
        if tag in ("td", "th") and self._rows and (row := self._rows[-1]):
            self._end_cell(row)
        elif tag == "tr":
            self._end_row()
        elif tag == "table" and self._rows:
            self._end_row()
            if self._rows:
                self._rows.pop()
        elif tag == "dl":
            self._term = None
        self._break(tag)

    def _end_cell(self, row: _Row) -> None:
        if row.cell is not None:
            row.cells.append("".join(self.words[row.cell :]))
            row.cell = None

    def _end_row(self) -> None:
        row = self._rows[-1] if self._rows else None
        if row is None:
            return
        self._end_cell(row)
        self._rows.pop()
        if not row.cells:
            return
        del self.words[row.start :]
        self._term = None
        self._break("tr")
        self.words.append(f"{_row(row.cells)}\n")


def _row(cells: Sequence[str]) -> str:
    """The cells of a row in a line, where they are fields and not parts of the page; of two, the first may be a name."""
    lines = [[line for one in cell.split("\n") if (line := one.strip())] for cell in cells if cell.strip()]
    if len(lines) < 2 or any(len(one) > 4 or sum(map(len, one)) > LONGEST_CELL for one in lines):
        return "\n".join(cells)
    fields = [" ".join(one) for one in lines]
    if len(fields) == 2 and "@" in fields[1] and _FIRST_CELL_NAMES.fullmatch(fields[0]):
        return f"{fields[0]}: {fields[1]}" if len(fields[0].split()) <= MOST_WORDS_OF_NAME else "\t".join(fields)
    return "\t".join(fields)


def _hides(style: str) -> bool:
    if _HIDES.search(style):
        return True
    nought = {one[1] for one in _NO_SIZE.finditer(style)}
    return bool(nought) and (_CUTS_OFF.search(style) is not None or {"height", "width"} <= nought)


def _is_nought(style: str) -> bool:
    """Whether a style sheet's rule shows nothing that a part in it does not show again."""
    font, seen = _FONT.search(style), _VISIBILITY.search(style)
    return bool((font and _NOUGHT.search(font["size"])) or (seen and seen["value"] != "visible"))
