"""The canonical key that tells two wordings of one fact from two facts. Deduplication goes by it, never by text."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable

from backend.extraction.lexicon import ADVERBS, BASE, BASE_OF_THIRD, PARTICIPLES, PAST
from backend.extraction.words import is_english

VERSION = "k3"
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

_MAY_TELL = re.compile(rf"[^\w\s.,;]|_|[.,;](?={_WORD})")
"""In every text that such punctuation stands in; most have a full stop at their end, and no more."""

_MEANT = {
    **dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015", "-"),
    **dict.fromkeys("\u2019\u2032", "'"),
    **dict.fromkeys(["\u201d", "\u2032\u2032"], '"'),
    **dict.fromkeys("\u055e\u061f\u1367\u203d\u2e2e", "?"),
}
"""One way to write what can be written in several."""

_WHO = r"\b(i|you|we|they|he|she|it|that|there|here|what|who|where|how)['\u2019]"
_NEGATED = re.compile(r"\b(do|does|did|is|are|was|were|have|has|had|would|could|should|must|need|might|ought)n['\u2019]t\b")
_WHOLE = re.compile(r"\b(?:can['\u2019]t|cannot|won['\u2019]t|shan['\u2019]t|let['\u2019]s)\b")
_WHOLES = {"can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us"}
_MIGHT_HAVE = re.compile(r"\b(would|could|should|might|must)['\u2019]ve\b")
_BETWEEN = rf"(?=(?: (?:not|{'|'.join(sorted(ADVERBS))}))* "
_HAS = re.compile(rf"{_WHO}s{_BETWEEN}(?:been|got|gotten|had|become)\b)")
_WOULD = re.compile(rf"{_WHO}d{_BETWEEN}([a-z]+))")
_SHORT = re.compile(_WHO + r"(m|re|ve|ll|s)\b")
_VERBS = {"m": "am", "re": "are", "ve": "have", "ll": "will", "s": "is"}
_SAME_IN_THE_PAST = frozenset(BASE & (PAST | PARTICIPLES))
"""`put`, `come`: "I'd put" is "I would put" and "I had put", "he put" is no "he puts"."""

_SINGULAR = frozenset({"he", "she", "it"})
_BEFORE_A_WISH = frozenset(
    f"{verb}{ending}"
    for verb in ("insist", "suggest", "recommend", "demand", "request", "ask", "prefer", "require", "propose")
    for ending in ("", "s", "ed", "d")
) | {"that", "if", "lest", "whether"}
"""Behind these "he leave" may be no slip for "he leaves": "I insist he leave"."""

_A = re.compile(r"(?<![^\s(\[\u201c\u201e\u2018\"'])A(?=$|[\s!-/:-@\[-`{-~])")
_BEGINS = re.compile(r"(?:^|[.!?\u2026:;\n(\[\u201c\u201e\u2018\"'])[^\w]*$")
_AROUND_A = re.compile(r"([^\W_]+)\W*$"), re.compile(r"\W*([^\W_]+)")
_LOWER = re.compile(r"(?<![^\W_])[a-z][^\W_]*")
_SIGHT = 40
_VERSIONED = re.compile(r"k\d+:")
_NAMED_LIKE_ARTICLES = re.compile(r"\W*(a|an|the):\s")
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

    `I like  Tea!` and `i like tea` give `k3:i like tea`; `Do I like tea?` gives `k3:do i like tea ?`. In English contractions
    are written out, articles left out and numbers below a hundred written in digits: `I don't have the two keys` gives
    `k3:i do not have 2 keys`. Behind he, she and it a verb loses its s: `She likes tea` gives `k3:she like tea`. An `A` that
    is a name stays, written large: `k3:i take vitamin A daily`. A text of nothing but punctuation is its own key.
    """
    folded = _written_out(" ".join(_folded(text).split()))
    characters = list(folded.translate(_kept))
    if "".join(characters).isspace():
        key = folded
    else:
        for sign in _SIGNS.finditer(folded) if _MAY_TELL.search(folded) else ():
            meant = _MEANT.get(sign.group(), sign.group())
            characters[sign.start()] = " ? " if meant == "?" else meant
        key = _in_english(_with_speaker(folded, _QUESTIONS.sub("?", " ".join("".join(characters).split()))))
    if len(key) > LONGEST:
        key = f"sha256:{hashlib.sha256(key.encode()).hexdigest()}"
    return f"{VERSION}:{key}"


def is_outdated(key: str) -> bool:
    """Tell whether it is a key of an older version, under which nothing that is said today is found."""
    return _VERSIONED.match(key) is not None and not key.startswith(f"{VERSION}:")


def _with_speaker(folded: str, key: str) -> str:
    """Return the key so that who is called An, or A, is no article."""
    named = _NAMED_LIKE_ARTICLES.match(folded)
    return f"{named[1]}:{key[len(named[1]) :]}" if named and key.startswith(f"{named[1]} ") else key


def _written_out(folded: str) -> str:
    """Return the text without contractions that can be read in one way only: `he'd put` is both had and would."""
    if "'" not in folded and "\u2019" not in folded and "cannot" not in folded:
        return folded
    whole = _WHOLE.sub(lambda match: _WHOLES[match[0].replace("\u2019", "'")], folded)
    whole = _MIGHT_HAVE.sub(r"\1 have", _NEGATED.sub(r"\1 not", whole))
    whole = _WOULD.sub(_would, _HAS.sub(r"\1 has", whole))
    return _SHORT.sub(lambda match: f"{match[1]} {_VERBS[match[2]]}", whole)


def _would(match: re.Match[str]) -> str:
    """Return what 'd stands for before this verb: "I'd go" is would, "I'd gone" had."""
    who, verb = match[1], match[2]
    if verb in {"be", "rather"} or (verb in BASE and verb not in _SAME_IN_THE_PAST):
        return f"{who} would"
    is_had = verb in {"better", "best"} or (verb in PARTICIPLES | PAST and verb not in BASE)
    return f"{who} had" if is_had else match[0]


def _in_english(key: str) -> str:
    """Return a key without what English says in two ways: articles, numbers in words, the s of he, she and it.

    An article stands before a word. What is an `a` and no article is a name, such as that of a vitamin.
    """
    if not is_english(key.lower()):
        return key.lower()
    words = _THOUSANDS.sub(lambda match: match[0].replace(",", ""), key).split(" ")
    pairs = zip(words, [*words[1:], ""], strict=True)
    kept = [word for word, following in pairs if word not in _ARTICLES or following == "A" or not following[:1].isalnum()]
    kept = _agreeing(["A" if word == "a" else word for word in kept])
    found: list[str] = []
    tens = 0
    for word in kept:
        unit = _NUMBERS.get(word)
        if tens and unit is not None and 0 < unit < _TEN:
            found[-1] = str(tens + unit)
        else:
            found.append(word if unit is None else str(unit))
        tens = _TENS.get(word, 0)
    said = " ".join(found)
    # Without its articles it may be too little to be told for English again.
    return said if "A" not in found or is_english(said.lower()) else said.lower()


def _agreeing(words: list[str]) -> list[str]:
    """Return the words without the s that he, she and it give their verb: "she live in Porto" is a slip and no other fact."""
    if _SINGULAR.isdisjoint(words):
        return words
    found = list(words)
    for place, word in enumerate(words):
        if word in _SINGULAR and _BEFORE_A_WISH.isdisjoint(words[max(0, place - 3) : place]):
            verb = next((at for at in range(place + 1, len(words)) if words[at] not in ADVERBS), None)
            base = BASE_OF_THIRD.get(words[verb]) if verb is not None else None
            if verb is not None and base and base not in _SAME_IN_THE_PAST:
                found[verb] = base
    return found


def _folded(text: str) -> str:
    """Return the text without case, joiners and look-alikes of one character (Unicode's toNFKC_Casefold, but for ß).

    Folding ß to ss would merge German words that differ in it alone: in Maßen is in moderation, in Massen the opposite.
    """
    if text.isascii():
        return _with_names(text, str.lower)
    visible = _RAISED.sub("^", text.translate(_visible).replace("\u1e9e", "\u00df"))
    return _with_names(visible, _nfkc_case_folded)


def _with_names(text: str, fold: Callable[[str], str]) -> str:
    """Return the text folded, but for each `A` that is a name: "vitamin A", "plan A".

    It is written large in the midst of a sentence that is not all written so.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    if "A" not in text or not _is_written_small(text):
        return fold(text)
    parts, start = [], 0
    for found in _A.finditer(text):
        before, after = text[max(0, found.start() - _SIGHT) : found.start()], text[found.end() : found.end() + _SIGHT]
        begins = _BEGINS.search(before if found.start() > _SIGHT else f"\n{before}")
        if not begins and not _is_shouted(before, after):
            parts.append(fold(text[start : found.start()]))
            start = found.end()
    return "A".join([*parts, fold(text[start:])])


def _is_written_small(text: str) -> bool:
    """Tell whether a word of the text begins with a small letter, and is one that stands in the key."""
    return any(each[0] not in _ARTICLES and each[0] not in _NUMBERS for each in _LOWER.finditer(text))


def _is_shouted(before: str, after: str) -> bool:
    words = [found[1] for found in (_AROUND_A[0].search(before), _AROUND_A[1].match(after)) if found]
    return bool(words) and all(len(each) > 1 and each.isupper() for each in words)


def _nfkc_case_folded(text: str) -> str:
    return unicodedata.normalize("NFKC", _case_folded(unicodedata.normalize("NFKC", _case_folded(text))))


def _case_folded(text: str) -> str:
    return "\u00df".join(part.casefold() for part in text.split("\u00df"))
