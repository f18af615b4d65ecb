"""Which of a few charsets raw bytes are most likely in, by how likely it is that people wrote what they then say."""

from __future__ import annotations

import codecs
import math
import re
import unicodedata
from collections.abc import Collection, Mapping
from functools import lru_cache
from itertools import pairwise

from domain.mime import letters

# Costs: about how many times e less likely a text is for what stands in it.
_FOREIGN_LETTER = 5.0  # in no language that has the others
_RARE_LETTER = 1.0
_NO_LETTER_HERE = 4.0  # a symbol that no text has, or one inside a word
_CAPITAL_INSIDE = 2.5
_SCRIPTS_MIXED = 3.0
_OUT_OF_PLACE = 2.5
_NO_KANA = 0.5  # Japanese that has none
_IN_USE, _COMMON, _UNCOMMON = 0.4, 2.2, 5.5  # each Chinese character or Korean syllable
_SHOUTED, _SHOUTED_MOST = 0.3, 1.0  # each letter of a word in capitals, and all of them
_SMALL_BEFORE_CAPITALS = 2.5
_BEGINS_SMALL = 0.8
_PAIR = 0.4  # each step of letters.CYRILLIC_PAIRS and its like
_USUAL = 2.5  # steps that most pairs have
_STEPS = (0.0, 0.5, 1.0, 1.5, 2.5)
_ONLY_ACCENTS = 1.2  # each letter of a Latin word of three letters or more of which none is a plain one
_NO_VOWEL = 2.0
_ACCENTS_WRONG = 1.5  # a Greek word has one, unless it is in capitals

_LOST = 3.0  # a byte that is in no character
_CUT = 1.0  # the last character, of which the end is missing
_CUT_ELSEWHERE = 3.0  # in another charset than UTF-8, where bytes fit together by accident
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
_OF_ONE_BYTE = frozenset(name for name in _CANDIDATES if name.startswith(("cp12", "koi8", "iso8859", "cp874")))
_UNUSUAL = 4.0  # any other charset
_LATIN_ONES = frozenset(("utf-8", "cp1252", "cp1250", "iso8859-2", "cp1254", "cp1257"))
_TOO_FEW = 2  # bytes that are not ASCII: with other letters around them, no sign of another alphabet
# What is ASCII whatever people write in: names of fields, marks of replies, lists, addresses, links, and what encodes words.
_ALWAYS_ASCII = re.compile(
    rb"^[!-9;-~]+:|\b(?:re|fwd?|aw|wg|sv|vs|tr|rv|antw|odp)(?:\[\d+\])?:|\[[^\]]*\]|\S*@\S*|\b(?:https?://|www\.)\S*"
    rb"|=\?[^?\s]*\?b\?[^?]*\?=|=\?[^?\s]*\?q\?|=[0-9a-f]{2}",
    re.IGNORECASE | re.MULTILINE,
)
_LONGEST_SAMPLE = 400  # bytes
# With these a character of UTF-8 begins that is likely after an ASCII letter: other alphabets, punctuation, pictures.
_LIKELY_LEADS = frozenset(b"\xc2\xc3\xc4\xc5\xce\xcf\xd0\xd1\xd7\xd8\xd9\xe2\xf0")

FIRST_PIECE = re.compile(rb"\s*[\x80-\xbf]{1,3}")  # of UTF-8: the end of a character that was cut

_ASCII_LETTER = re.compile(rb"[A-Za-z]")
_WORD = re.compile(r"[^\x00-@\[-`{-\x7f\xa0\u3000]+")
_QUOTES = frozenset("’‘“”„‚«»‹›–—…€£°§ªº¿¡№")
_SYMBOLS = frozenset("©®™×½²³¹¼¾´µ¢¥±÷·•†‡‰")
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
_UNUSUAL_PAIR = {"thai": 0.7}
_USUAL_PAIRS = {"thai": frozenset(letters.THAI_PAIRS.split())}


def _table(rows: str) -> dict[str, float]:
    """By two letters, what they cost in a row."""
    seconds, *lines = rows.strip("\n").splitlines()
    return {
        line[0] + second: (int(steps) - _USUAL) * _PAIR
        for line in lines
        for second, steps in zip(seconds[2:], line[2:], strict=True)
    }


_PAIRS = {
    "cyrillic": _table(letters.CYRILLIC_PAIRS),
    "greek": _table(letters.GREEK_PAIRS),
    "hebrew": _table(letters.HEBREW_PAIRS),
    "arabic": _table(letters.ARABIC_PAIRS),
}
_NEVER_A_PAIR = (9 - _USUAL) * _PAIR
_PLAIN = str.maketrans(letters.PLAIN_LETTERS)
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
    latin = _is_latin_around(raw[: 8 * _LONGEST_SAMPLE])
    for codec in dict.fromkeys((*declared, *_CANDIDATES)):
        if latin and codec not in _LATIN_ONES and codec not in declared:
            continue
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


def _is_latin_around(raw: bytes) -> bool:
    """Whether all that is not ASCII is a word of one or two bytes, or two of one, among more letters that are: of these each
    alphabet makes a word, and none is likelier than that of the letters around."""
    strange = [word for word in raw.split() if not word.isascii()]
    if sum(byte > 0x7F for word in strange for byte in word) > _TOO_FEW or any(map(_ASCII_LETTER.search, strange)):
        return False
    return len(_ASCII_LETTER.findall(_ALWAYS_ASCII.sub(b" ", raw))) > _TOO_FEW


def _cost(sample: bytes, codec: str, limit: float) -> float:
    cost = 0.0
    if codec == "utf-8" and (piece := FIRST_PIECE.match(sample)):
        sample, cost = sample[piece.end() :], _CUT
    try:
        if codec in _OF_ONE_BYTE:
            text, cut = sample.decode(codec), b""
        else:
            decoder = codecs.getincrementaldecoder(codec)("replace" if codec == "utf-8" else "strict")
            text = decoder.decode(sample)
            cut = decoder.getstate()[0]
    except (UnicodeError, ValueError):
        return math.inf
    if cut:
        alone = codec == "utf-8" and text[-1:].isascii() and cut[0] not in _LIKELY_LEADS
        cost += (_DECLARED if alone else 0.0) + (_CUT if codec == "utf-8" else _CUT_ELSEWHERE)
    if codec == "utf-8":
        lost = text.count("\ufffd")
        text = text.replace("\ufffd", "")
        if lost and lost + bool(cut) > sum(letter > "\x7f" for letter in text):
            lost += 1
        cost += _LOST * lost
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
    cost = _BEGINS_SMALL if text[:1].islower() and _judged(text[0], codec)[0] in ("cyrillic", "greek") else 0.0
    latin: list[str] = []
    kana = ideographs = False
    for found in _WORD.finditer(text):
        word = found[0]
        if word.isascii():
            continue
        judged = [(letter, *_judged(letter.lower(), codec)) for letter in word]
        scripts = {script for _, script, _ in judged}
        cost += _of_word(word, judged, scripts)
        if cost > limit:
            return cost
        kana = kana or "kana" in scripts
        ideographs = ideographs or "ideograph" in scripts
        if "latin" in scripts:
            latin += [one for one in word.lower() if one > "\x7f" and _judged(one, codec)[0] == "latin"]
    if ideographs and not kana and codec in _JAPANESE:
        cost += _NO_KANA
    return cost + _of_latin(latin)


def _of_word(word: str, judged: list[tuple[str, str, float]], scripts: set[str]) -> float:
    cost = sum([own for _, _, own in judged])
    if len(scripts) == 1 and judged[0][1] in _PAIRS:
        cost += _of_one_alphabet(word, judged[0][1])
    else:
        cost += _of_neighbours(word, judged)
    if word[0].lower() in _NEVER_FIRST or (word[0] in _NOT_BEFORE_LETTERS and len(word) > 1):
        cost += _OUT_OF_PLACE
    if len(word) > 1 and not scripts.isdisjoint(_WITH_CAPITALS):
        if word.isupper():
            cost += min(_SHOUTED * len(word), _SHOUTED_MOST)
        elif not word.islower() and not word.istitle():
            cost += _SMALL_BEFORE_CAPITALS
    if scripts <= {"latin", "mark"}:
        accented = sum([letter > "\x7f" and script == "latin" for letter, script, _ in judged])
        if accented >= 3 and accented == sum([script == "latin" for _, script, _ in judged]):
            cost += _ONLY_ACCENTS * accented
    return cost


def _of_one_alphabet(word: str, script: str) -> float:
    """What a word costs of which all letters are of one alphabet, and of one whose pairs are counted."""
    cost = max(
        0.0, sum([_of_pair(script, before + letter) for before, letter in zip("-" + word, word + "-", strict=True)])
    )
    cost += _OUT_OF_PLACE * sum([letter in _LAST for letter in word[:-1]])
    if script in _WITH_CAPITALS and len(word) > 1:
        if not word.islower() and not word.isupper() and not word.istitle():
            cost += _CAPITAL_INSIDE * sum([before.islower() and letter.isupper() for before, letter in pairwise(word)])
        cost += _of_vowels(word)
    return cost


def _of_neighbours(word: str, judged: list[tuple[str, str, float]]) -> float:
    cost = pairs = 0.0
    for number, (letter, script, own) in enumerate(judged):
        if script == "mark" and 0 < number < len(word) - 1 and letter not in _JOINING:
            cost += _NO_LETTER_HERE - own
    for (before, one, _), (letter, other, _) in pairwise(judged):
        if one in _ALPHABETS and other in _ALPHABETS:
            if one != other:
                cost += _SCRIPTS_MIXED
            elif one in _USUAL_PAIRS and before + letter not in _USUAL_PAIRS[one]:
                cost += _UNUSUAL_PAIR[one]
            elif one in _PAIRS:
                pairs += _of_pair(one, before + letter)
            if before.islower() and letter.isupper() and not (before + letter).isascii():
                cost += _CAPITAL_INSIDE
            if before in _LAST:
                cost += _OUT_OF_PLACE
    for (_, one, _), (_, other, _), (_, third, _) in zip(judged, judged[1:], judged[2:], strict=False):
        if one == third == "latin" and other in ("ideograph", "kana"):
            cost += _SCRIPTS_MIXED
    return cost + max(0.0, pairs)


_WITH_CAPITALS = frozenset(("cyrillic", "greek"))


def _of_vowels(word: str) -> float:
    small = word.lower()
    cost = 0.0 if _VOWELS.intersection(small.translate(_PLAIN)) else _NO_VOWEL
    in_greek = "\u0370" <= small[0] <= "\u03ff"
    if in_greek and len(word) > 2 and not word.isupper() and sum([letter in _ACCENTED_GREEK for letter in small]) != 1:
        cost += _ACCENTS_WRONG
    return cost


_VOWELS = frozenset("аеиоуыэюяєіїαεηιουω")
_ACCENTED_GREEK = frozenset("άέήίόύώΐΰ")


@lru_cache(maxsize=16384)
def _of_pair(script: str, pair: str) -> float:
    return _PAIRS[script].get(pair.lower().translate(_PLAIN), _NEVER_A_PAIR)


_ALPHABETS = frozenset(("latin", "cyrillic", "greek", "hebrew", "arabic", "thai"))
_LAST = frozenset(letters.LAST_OF_A_WORD)
_NEVER_FIRST = frozenset(letters.NEVER_FIRST)
_NOT_BEFORE_LETTERS = frozenset("’£–—…»”›ªº")


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
        return _IN_USE
    if not charset:
        return 1.0
    try:
        encoded = letter.encode(charset)
    except UnicodeError:
        encoded = b""
    if len(encoded) == 2:
        return _COMMON if encoded[0] in common else _UNCOMMON
    return _NO_LETTER_HERE
