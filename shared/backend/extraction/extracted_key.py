"""The canonical key that tells two wordings of one fact from two facts. Deduplication goes by it, never by text."""

from __future__ import annotations

import hashlib
import re
import unicodedata

from backend.extraction.words import is_english

VERSION = "k2"
LONGEST = 512
"""Characters of a key that are kept as they are. For a longer one its SHA-256 stands, so that no row doubles in size."""

_WORD = r"[^\W_]"
_DASH = "[-\u2010-\u2015]"
_SIGNS = re.compile(
    rf"""
    [%\u2030\u2031\u066a\#\u00a7]                             # 5% and 5, C# and C, §5 and 5
    | (?<!{_WORD}){_DASH}(?=[$\u00a2-\u00a5\u20a0-\u20cf]?\.?\d)  # -5 and 5, -$5 and $5; x-5 is a name like x 5
    | (?<!{_WORD})(?<!\.)\.(?={_WORD})                        # .5 and 5, .NET and NET
    | (?<=\d)(?:\u2032\u2032|['"\u2019\u201d\u2032])          # 5' and 5": feet and inches, minutes and seconds
    | (?<=\d)(?:[^\w\s]|_)(?=\d)                              # 1.2 and 1/2, 3-5 and 3:5
    | (?<=\d[ ])(?:{_DASH}|[*/:])(?=[ ]\d)                    # 5 - 3 and 5 / 3
    | (?<={_WORD})[._/\\@&*:](?={_WORD})                      # a.b@c.d and a@b.c.d, he/she and he she
    | !(?==) | (?<!{_WORD})!(?={_WORD})                       # a != b and a = b, !done and done
    | [-*/:%&](?==) | -(?=>) | (?<=<)-                        # x -= 1 and x = 1, a -> b and a > b
    | [?\u055e\u061f\u1367\u203d\u2e2e]                       # You like tea? and You like tea.
    """,
    re.VERBOSE,
)
"""Punctuation that tells facts apart. A dash within a word is none: well-known is well known."""

_MEANT = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015", "-"),
    **dict.fromkeys("\u2019\u2032", "'"),
    **dict.fromkeys(["\u201d", "\u2032\u2032"], '"'),
    **dict.fromkeys("\u055e\u061f\u1367\u203d\u2e2e", "?"),
}
"""One way to write what can be written in several."""

_NEGATED = re.compile(r"\b(do|does|did|is|are|was|were|have|has|had|would|could|should|must|need)n['\u2019]t\b")
_SHORT = re.compile(r"\b(i|you|we|they|he|she|it|that|there|what|who|where)['\u2019](m|re|ve|ll|s)\b")
_VERBS = {"m": "am", "re": "are", "ve": "have", "ll": "will", "s": "is"}
_WHOLE = re.compile(r"\b(?:can['\u2019]t|cannot|won['\u2019]t)\b")
_ARTICLES = frozenset({"a", "an", "the"})
_UNITS = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen"),
    *("fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
_TENS_NAMES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_TENS = dict(zip(_TENS_NAMES, range(20, 100, 10), strict=True))
_NUMBERS = {**{word: number for number, word in enumerate(_UNITS)}, **_TENS}
_TEN = 10
_THOUSANDS = re.compile(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?![\d.,]\d|\d)")

_QUESTIONS = re.compile(r"\?(?: \?)+")
_RAISED = re.compile("(?<=\\d)(?=[\u00b2\u00b3\u00b9\u2070\u2074-\u2079\u2080-\u2089\u00bc-\u00be\u2150-\u215e])")
"""Between a digit and one that NFKC would write right behind it: 10² is not 102, and 1½ not eleven halves."""

_TAGS = range(0xE0020, 0xE0080)
"""What the flags of England and Scotland differ in."""


class _Kept(dict[int, str]):
    """What becomes of each character, worked out when first met: itself, or a space.

    Letters, digits and symbols stay, and marks, which are the vowels of many scripts. Merging two facts loses one of them,
    keeping both loses nothing: only what certainly says nothing goes.
    """

    def __missing__(self, code: int) -> str:
        self[code] = chr(code) if unicodedata.category(chr(code))[0] in "LMNS" or code in _TAGS else " "
        return self[code]


class _Visible(dict[int, str | None]):
    """What becomes of each character before it is folded: joiners, soft hyphens and direction marks go."""

    def __missing__(self, code: int) -> str | None:
        self[code] = None if unicodedata.category(chr(code)) == "Cf" and code not in _TAGS else chr(code)
        return self[code]


_kept = _Kept()
_visible = _Visible()


def extracted_key(text: str) -> str:
    """Return the key: NFKC, case folded, every run of space and of punctuation without meaning one space, the version before it.

    `I like  Tea!` and `i like tea` give `k2:i like tea`; `Do I like tea?` gives `k2:do i like tea ?`. In English contractions
    are written out, articles left out and numbers below a hundred written in digits: `I don't have the two keys` gives
    `k2:i do not have 2 keys`. A text of nothing but punctuation is its own key.
    """
    folded = _written_out(" ".join(_folded(text).split()))
    characters = list(folded.translate(_kept))
    if "".join(characters).isspace():
        key = folded
    else:
        for sign in _SIGNS.finditer(folded):
            meant = _MEANT.get(sign.group(), sign.group())
            characters[sign.start()] = " ? " if meant == "?" else meant
        key = _in_english(_QUESTIONS.sub("?", " ".join("".join(characters).split())))
    if len(key) > LONGEST:
        key = f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
    return f"{VERSION}:{key}"


def _written_out(folded: str) -> str:
    """Return the text without contractions that can be read in one way only: `he'd` is both had and would."""
    whole = _WHOLE.sub(lambda match: "will not" if match[0].startswith("won") else "can not", folded)
    return _SHORT.sub(lambda match: f"{match[1]} {_VERBS[match[2]]}", _NEGATED.sub(r"\1 not", whole))


def _in_english(key: str) -> str:
    """Return a key without what English says in two ways: articles, and numbers in words. An article stands before a word."""
    if not is_english(key):
        return key
    words = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), key).split(" ")
    pairs = zip(words, [*words[1:], ""], strict=True)
    kept = [word for word, following in pairs if word not in _ARTICLES or not following[:1].isalnum()]
    found: list[str] = []
    tens = 0
    for word in kept:
        unit = _NUMBERS.get(word)
        if tens and unit is not None and 0 < unit < _TEN:
            found[-1] = str(tens + unit)
        else:
            found.append(word if unit is None else str(unit))
        tens = _TENS.get(word, 0)
    return " ".join(found)


def _folded(text: str) -> str:
    """Return the text without case, joiners and look-alikes of one character (Unicode's toNFKC_Casefold, but for ß).

    Folding ß to ss would merge German words that differ in it alone: in Maßen is in moderation, in Massen the opposite.
    """
    if text.isascii():
        return text.lower()
    visible = _RAISED.sub("^", text.translate(_visible).replace("\u1e9e", "\u00df"))
    return unicodedata.normalize("NFKC", _case_folded(unicodedata.normalize("NFKC", _case_folded(visible))))


def _case_folded(text: str) -> str:
    return "\u00df".join(part.casefold() for part in text.split("\u00df"))
