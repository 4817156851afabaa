"""From text to stems: what the keyword half of the index compares.

For English this is the recipe that the ranking was measured with: lower case, words, stop words out, Snowball stems.
Other scripts are read by Unicode's own classes: a word is a run of letters, marks and digits of any script, and scripts
that put no space between words are cut into overlapping pairs of characters.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from itertools import islice

from backend.index.stemmer import stem

_STOPPED = (
    "a an and are as at be been but by did do does for from had has have he her his how i if in is it its me my of on or our "
    "she so that the their them they this to was we were what when where which who why will with you your would could"
)
STOP_WORDS = frozenset(_STOPPED.split())
LONGEST_WORD = 64
"""Characters of a word that count. Longer runs are encoded data, not words; their beginning stands for them."""

MOST_QUERY_STEMS = 256
"""Distinct stems of a question that count, the first ones: with 51 scope keys 13,056 terms, of which OpenSearch takes 65,536
(`index.max_terms_count`, and nearly as many buckets). What a text says of itself beyond that its vector has to say."""

_ASCII_WORD = re.compile(r"[a-z0-9]+")
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u1100-\u11ff\u3130-\u318f\ua960-\ua97f\uac00-\ud7ff"  # Hangul: spaced, but its particles cling to the words
    "\u3005-\u3007\u3031-\u3035\u3040-\u30ff\u3100-\u312f\u31a0-\u31bf\u31f0-\u31ff"  # Kana, Bopomofo, iteration marks
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
_RUN = re.compile(f"(?P<unspaced>[{_UNSPACED}]+)|(?P<word>[^{_UNSPACED} ]+)")
_CACHED_BELOW = 0x10000


class _Alphabet(dict[int, str | None]):
    """What becomes of each character, worked out when first met: kept, a space, an ASCII digit, or nothing at all."""

    def __missing__(self, code: int) -> str | None:
        character = chr(code)
        category = unicodedata.category(character)
        kept: str | None = " "
        if category == "Nd":
            kept = str(unicodedata.decimal(character))
        elif category[0] in "LMN":
            kept = character
        elif category == "Cf":
            kept = None  # Joiners, soft hyphens and direction marks stand inside words and are no part of them.
        if code < _CACHED_BELOW:  # The other 16 planes are rare, and together they are a million entries.
            self[code] = kept
        return kept


_alphabet = _Alphabet()


def stems(text: str) -> dict[str, int]:
    """Return the stems of a text to be indexed, each with how often it stands there.

    Stop words are left out, unless the text has no other word. Characters of scripts without spaces are counted alone and
    in pairs, so that a question of one character finds them too.
    """
    return dict(Counter(_analysed(text, single_characters=True)))


def query_stems(text: str) -> tuple[str, ...]:
    """Return the stems of a question in its order, repeats kept: a word that is said twice weighs twice.

    Stop words are left out, unless the question has no other word. Of more than `MOST_QUERY_STEMS` the first count.
    """
    found = _analysed(text, single_characters=False)
    counted = frozenset(islice(dict.fromkeys(found), MOST_QUERY_STEMS))
    return tuple(each for each in found if each in counted)


def _analysed(text: str, *, single_characters: bool) -> list[str]:
    words, pieces = _split(text)
    telling = [word for word in words if word not in STOP_WORDS]
    if not telling and not pieces:
        telling = words
    found = [stem(word) for word in telling]
    for piece in pieces:
        if single_characters or len(piece) == 1:
            found.extend(piece)
        found.extend(piece[at : at + 2] for at in range(len(piece) - 1))
    return found


def _split(text: str) -> tuple[list[str], list[str]]:
    """Return the words, and the runs of characters of scripts without spaces."""
    if text.isascii():
        return [word[:LONGEST_WORD] for word in _ASCII_WORD.findall(text.lower())], []
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    words: list[str] = []
    pieces: list[str] = []
    for run in _RUN.finditer(folded.translate(_alphabet)):
        piece = run.group("unspaced")
        if piece is not None:
            pieces.append(piece)
        elif not _only_marks(run.group()):
            words.append(run.group()[:LONGEST_WORD])
    return words, pieces


def _only_marks(word: str) -> bool:
    """Tell whether nothing but accents is left of a word, as of an emoji with its colour."""
    return all(unicodedata.category(character)[0] == "M" for character in word)
