"""Text that others wrote - a server, a sender, whoever gives a command - where it is shown: as words, which never act.

Each place has one function: a line of any text is `cleaned` when it comes in, a page of markdown gets it by `markdown`, a
notice by `in_notice`, a command to paste by `shlex`, a terminal by `one_log_line` (infra/commands.py), and a log line by the
worker's log itself.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from domain.core.redaction import cleaned

# What a terminal obeys, what hides or turns around the letters beside it, and what ends a line for some programs.
_ACTS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)

# Nothing in which any chat, mail program or browser finds something to do: not even a host's name, of which some make a link.
_DULL = re.compile(r"(?:[^\W_]|[ -]|(?<=[^\W_])_(?=[^\W_])|[.,;:](?= |$))+")
# An address that nothing takes for more than one: no mark of markup, and no host's name of which some make a link.
_PLAIN_ADDRESS = re.compile(
    r"(?!www\.)[A-Za-z0-9](?:[A-Za-z0-9.+-]|(?<=[A-Za-z0-9])_(?=[A-Za-z0-9]))*@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?"
)
_NO_MARKS = str.maketrans("`<>", "'‹›")


def _name(text: str) -> str:
    if not (name := cleaned(text)):
        raise PydanticCustomError("invalid_field", "must be a name in letters that can be seen")
    return name


By = Annotated[str, Field(max_length=200), AfterValidator(cleaned)]
Reason = Annotated[str, Field(max_length=500), AfterValidator(cleaned)]
PersonName = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_name)]


def markdown(text: str) -> str:
    """`text` as code in a page of markdown, where nothing in it is a link, an image, HTML or a heading (CommonMark 6.1)."""
    line = cleaned(text)
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    room = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{room}{line}{room}{fence}" if line else "(nothing)"


def in_notice(text: str) -> str:
    """`text` for a notice, of which nobody knows whether its receiver shows it as it is, as a chat's markup, or as HTML.

    More than words and sentences is code, as in markdown. Its backticks are quotation marks and its angle brackets look so only:
    chats know no longer fence, and Slack's links, mentions and HTML's elements are in angle brackets.
    """
    line = cleaned(text).translate(_NO_MARKS)
    return line if _DULL.fullmatch(line) else f"`{line}`" if line else "(nothing)"


def address_on_page(address: str) -> str:
    """An account's address in a page of markdown: whoever starts an account chooses it, and "a`b@example.com" is one."""
    return address if _PLAIN_ADDRESS.fullmatch(address) else markdown(address)


def address_in_notice(address: str) -> str:
    return address if _PLAIN_ADDRESS.fullmatch(address) else in_notice(address)


def log_line(text: str) -> str:
    """`text` for a log that terminals show: what they would obey is spelled, as JSON spells it; lines stay."""
    return _ACTS.sub(_spelled, text)


def one_log_line(text: str) -> str:
    """The same for a message, of which every line end is spelled too: nobody else begins a line of the log."""
    return log_line(text).replace("\n", "\\n")


def _spelled(character: re.Match[str]) -> str:
    return "".join(f"\\u{unit:04x}" for unit in _units(ord(character[0])))


def _units(code: int) -> tuple[int, ...]:
    """UTF-16, which JSON's escapes are in."""
    if code < 0x10000:
        return (code,)
    return 0xD800 + (code - 0x10000 >> 10), 0xDC00 + (code - 0x10000 & 0x3FF)
