"""Which of a few charsets raw bytes are most likely in, by how likely it is that people wrote what they then say."""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import pairwise

from domain import letters

# Costs: about how many times e less likely a text is for what stands in it.
_FOREIGN_LETTER = 5.0  # in no language that has the others
_RARE_LETTER = 1.0
_NO_LETTER_HERE = 4.0  # a symbol that no text has, or one inside a word
_CAPITAL_INSIDE = 2.5
_SCRIPTS_MIXED = 3.0
_OUT_OF_PLACE = 2.5
_SHOUTED = 0.3  # each letter of a word in capitals
_STEPS = (0.0, 0.5, 1.0, 1.5, 2.5)
_ONLY_ACCENTS = 3.0  # a Latin word of three letters or more of which none is a plain one

_LOST = 3.0  # a byte that is in no character
_CUT = 1.0  # the last character, of which the end is missing
_DECLARED = 4.0  # is taken off where the mail itself names the charset

# What mail without a word about its charset is written in, and what each costs by itself: windows-1252, unless most letters
# are above 0x7F or no Western language has them all.
_CANDIDATES = {
    "utf-8": 0.0,
    "cp1252": 0.0,
    "cp1251": 1.0,
    "koi8-u": 1.2,  # has all letters of koi8-r
    "gb18030": 1.0,
    "cp932": 1.5,
    "euc_jp": 1.5,
    "cp950": 1.5,
    "cp949": 1.5,
    "cp1253": 1.5,
    "cp1255": 1.5,
    "cp1256": 1.5,
    "cp874": 1.5,
    "iso8859-7": 1.7,
    "cp1250": 2.5,
    "iso8859-2": 2.8,
    "cp1254": 3.0,
    "iso8859-5": 3.0,
    "iso8859-6": 3.0,
    "cp1257": 4.0,
}
_UNUSUAL = 4.0  # any other charset
_LONGEST_SAMPLE = 400  # bytes
# With these a character of UTF-8 begins that is likely after an ASCII letter: other alphabets, punctuation, pictures.
_LIKELY_LEADS = frozenset(b"\xc2\xc3\xc4\xc5\xce\xcf\xd0\xd1\xd7\xd8\xd9\xe2\xf0")

FIRST_PIECE = re.compile(rb"\s*[\x80-\xbf]{1,3}")  # of UTF-8: the end of a character that was cut

_WORD = re.compile(r"[^\x00-@\[-`{-\x7f\xa0\u3000]+")
_QUOTES = frozenset("’‘“”„‚«»‹›–—…€£°§ªº¿¡№")
_SYMBOLS = frozenset("©®™×½²³¹¼¾´µ¢¥±÷·•¤¶†‡‰¨¯¸¦¬˜ˆ")
_JOINING = frozenset("’·\xad")
_EAST_ASIAN_MARKS = frozenset("、。「」『』【】（）！？：；，．・ー～“”…《》〈〉／＆－＋％〜｜＝")
_JAPANESE = frozenset(("cp932", "euc_jp", "utf-8"))


def _steps(script: str, groups: tuple[str, ...]) -> dict[str, tuple[str, float]]:
    return {letter: (script, cost) for group, cost in zip(groups, _STEPS, strict=False) for letter in group}


_KNOWN: dict[str, tuple[str, float]] = {
    **_steps("cyrillic", letters.CYRILLIC),
    **_steps("greek", letters.GREEK),
    **_steps("hebrew", letters.HEBREW),
    **_steps("arabic", letters.ARABIC),
    **_steps("thai", letters.THAI),
}
_UNUSUAL_PAIR = {"cyrillic": 0.7, "greek": 0.7, "hebrew": 0.7, "arabic": 0.5, "thai": 0.3}
_USUAL_PAIRS = {
    "cyrillic": frozenset(letters.CYRILLIC_PAIRS.split()),
    "greek": frozenset(letters.GREEK_PAIRS.split()),
    "hebrew": frozenset(letters.HEBREW_PAIRS.split()),
    "arabic": frozenset(letters.ARABIC_PAIRS.split()),
    "thai": frozenset(letters.THAI_PAIRS.split()),
}
_LATIN = [(frozenset(usual), frozenset(rare)) for usual, rare in letters.LATIN.values()]
# By codec: the characters in daily use, and of the others in which charset what first bytes the common ones have.
_EAST_ASIAN: Mapping[str, tuple[frozenset[str], str, range]] = {
    "gb18030": (frozenset(letters.SIMPLIFIED), "gb2312", range(0xB0, 0xD8)),
    "cp950": (frozenset(letters.TRADITIONAL), "big5", range(0xA4, 0xC7)),
    "cp949": (frozenset(letters.HANGUL), "euc_kr", range(0xB0, 0xC9)),
    "cp932": (frozenset(letters.KANJI), "euc_jp", range(0xB0, 0xD0)),
    "euc_jp": (frozenset(letters.KANJI), "euc_jp", range(0xB0, 0xD0)),
}
_ANY_EAST_ASIAN = frozenset[str]().union(*(in_use for in_use, _, _ in _EAST_ASIAN.values())), "", range(0)


def likeliest(raw: bytes, declared: Collection[str] = ()) -> str:
    """The Python codec that `raw`, which is not ASCII, is most likely in; `declared` are those that the mail names elsewhere."""
    sample = _sample(raw)
    whole = bool(raw[:_LONGEST_SAMPLE].decode("utf-8", "ignore"))  # UTF-8 would leave something of it
    best, least = "cp1252", math.inf
    for codec in dict.fromkeys((*declared, *_CANDIDATES)):
        cost = _CANDIDATES.get(codec, _UNUSUAL) - (_DECLARED if codec in declared else 0.0)
        if cost < least and (whole or codec != "utf-8"):
            cost += _cost(sample, codec, least - cost)
            if cost < least:
                best, least = codec, cost
    return best


def _sample(raw: bytes) -> bytes:
    """The words of `raw` that are not ASCII, each once; none of the charsets has a blank inside a character."""
    words = list(dict.fromkeys(word for word in raw[: 8 * _LONGEST_SAMPLE].split() if not word.isascii()))
    return b" ".join(words[:40])[:_LONGEST_SAMPLE]


def _cost(sample: bytes, codec: str, limit: float) -> float:
    cost = 0.0
    if codec == "utf-8" and (piece := FIRST_PIECE.match(sample)):
        sample, cost = sample[piece.end() :], _CUT
    decoder = codecs.getincrementaldecoder(codec)("replace" if codec == "utf-8" else "strict")
    try:
        text = decoder.decode(sample)
        cut = decoder.getstate()[0]
    except (UnicodeError, ValueError):
        return math.inf
    if cut:
        alone = codec == "utf-8" and text[-1:].isascii() and cut[0] not in _LIKELY_LEADS
        cost += _DECLARED + _CUT if alone else _CUT
    if codec == "utf-8":
        cost += _LOST * text.count("\ufffd")
        text = text.replace("\ufffd", "")
        if text.isascii() and not cut:  # nothing that could only be UTF-8
            return math.inf
        if cost < _LOST and sum(letter > "\x7f" for letter in text) > 1:  # which is no accident
            return cost
    return cost + implausibility(text, codec, limit - cost)


def implausibility(text: str, codec: str, limit: float = math.inf) -> float:
    """How unlikely it is that people wrote `text`, in natural logarithms: 0 for plain words; 5 and more is hardly a text.

    `codec` is what it was read by: which of the Chinese characters are common depends on it. What costs more than `limit` is not
    read to its end.
    """
    cost = 0.0
    latin: list[str] = []
    kana = ideographs = False
    for found in _WORD.finditer(text):
        word = found[0]
        if word.isascii():
            continue
        cost += _of_word(word, codec)
        if cost > limit:
            return cost
        for letter in word.lower():
            if letter > "\x7f":
                script = _judged(letter, codec)[0]
                kana = kana or script == "kana"
                ideographs = ideographs or script == "ideograph"
                if script == "latin":
                    latin.append(letter)
    if ideographs and not kana and codec in _JAPANESE:
        cost += _OUT_OF_PLACE
    return cost + _of_latin(latin)


def _of_word(word: str, codec: str) -> float:
    cost = 0.0
    judged = [(letter, *_judged(letter.lower(), codec)) for letter in word]
    for number, (letter, script, own) in enumerate(judged):
        cost += own
        if script == "mark" and 0 < number < len(word) - 1 and letter not in _JOINING:
            cost += _NO_LETTER_HERE - own
    for (before, one, _), (letter, other, _) in pairwise(judged):
        if one in _ALPHABETS and other in _ALPHABETS:
            if one != other:
                cost += _SCRIPTS_MIXED
            elif one in _USUAL_PAIRS and (before + letter).lower() not in _USUAL_PAIRS[one]:
                cost += _UNUSUAL_PAIR[one]
            if before.islower() and letter.isupper() and not (before + letter).isascii():
                cost += _CAPITAL_INSIDE
            if before in _LAST:
                cost += _OUT_OF_PLACE
    for (_, one, _), (_, other, _), (_, third, _) in zip(judged, judged[1:], judged[2:], strict=False):
        if one == third == "latin" and other in ("ideograph", "kana"):
            cost += _SCRIPTS_MIXED
    if word[0].lower() in _NEVER_FIRST or (word[0] in _NOT_BEFORE_LETTERS and len(word) > 1):
        cost += _OUT_OF_PLACE
    scripts = {script for _, script, _ in judged}
    if scripts & {"cyrillic", "greek"} and len(word) > 1 and word.isupper():
        cost += _SHOUTED * len(word)
    if scripts <= {"latin", "mark"}:
        accented = sum(letter > "\x7f" and script == "latin" for letter, script, _ in judged)
        if accented >= 3 and accented == len(word):
            cost += _ONLY_ACCENTS
    return cost


_ALPHABETS = frozenset(("latin", "cyrillic", "greek", "hebrew", "arabic", "thai"))
_LAST = frozenset(letters.LAST_OF_A_WORD)
_NEVER_FIRST = frozenset(letters.NEVER_FIRST)
_NOT_BEFORE_LETTERS = frozenset("’£")


def _of_latin(found: list[str]) -> float:
    """All letters of a text are of one language: that of the language which has most of them."""
    if not found:
        return 0.0
    return min(
        sum(0.0 if one in usual else _RARE_LETTER if one in rare else _FOREIGN_LETTER for one in found)
        for usual, rare in _LATIN
    )


@lru_cache(maxsize=8192)
def _judged(letter: str, codec: str) -> tuple[str, float]:
    """The script of a letter in lower case, and what it costs by itself; Latin ones are judged together."""
    if letter <= "\x7f":
        return "latin", 0.0
    if known := _KNOWN.get(letter):
        return known
    if letter in _QUOTES:
        return "mark", 0.3
    if letter in _JOINING or letter in _SYMBOLS:
        return "mark", 1.5
    if letter in _EAST_ASIAN_MARKS:
        return "east asian", 0.3
    if "\u3041" <= letter <= "\u30ff":
        return "kana", 0.1 if codec in _JAPANESE else 1.5  # Chinese and Korean charsets have them as symbols
    if "\uff61" <= letter <= "\uff9f":
        return "kana", 1.5  # of half width
    if letter in _ACCENTED:
        return "latin", 0.0
    if "\u4e00" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3":
        return "ideograph", _of_ideograph(letter, codec)
    category = unicodedata.category(letter)
    if "\uff01" <= letter <= "\uff5e":
        return "east asian", 0.5
    if category in ("Ll", "Lu", "Lm", "Mn") and unicodedata.name(letter, "").startswith("LATIN"):
        return "latin", 0.0
    return "other", _NO_LETTER_HERE


_ACCENTED = frozenset("".join(usual + rare for usual, rare in letters.LATIN.values()))


def _of_ideograph(letter: str, codec: str) -> float:
    in_use, charset, common = _EAST_ASIAN.get(codec, _ANY_EAST_ASIAN)
    if letter in in_use:
        return 0.2
    if not charset:
        return 1.0
    try:
        encoded = letter.encode(charset)
    except UnicodeError:
        encoded = b""
    if len(encoded) == 2:
        return 1.2 if encoded[0] in common else 3.0
    return _NO_LETTER_HERE
