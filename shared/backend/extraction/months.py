"""When a word that names a month is one: "may" is a verb too, "march" a verb and a thing, and some months are people's names.

Told by the words around it, and only by those of closed classes (prepositions, determiners, auxiliaries, pronouns): what stands
beside a date cannot stand beside a verb, and the other way round. A number beside "may" is a day only where no noun follows that
it may count ("may 3 people come"), and where it is not itself what may do something ("how many of the 12 may come").
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

VERBS = frozenset({"may", "march", "mar"})
NAMES = frozenset({"may", "jan", "april", "june", "jun", "august"})

_LONGEST_MONTH = 31
_BESIDE = 60
"""Characters on either side in which the nearest words are looked for."""


def _words(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


_TIME_PREPOSITIONS = _words("in of during since until till by before after for from through throughout around between mid")
_DAY_PREPOSITIONS = _words("on since until till by before after between dated")
_TIME_ADJECTIVES = _words("last next past previous coming following early late every each")
_POSSESSIVES = _words("my your his her its our their")
_ARTICLES = _words("the a an") | _POSSESSIVES
_SUBJECTS = _words("i we you he she it they who")
_BE = _words("is are was were am")
_DO = _words("do does did")
_MODALS = _words("will would shall should can could must might may cannot to not never always let")
_QUANTIFIERS = _words(
    "which what the all these those any some no other both my your his her its our their first last next than over under above",
    "below least most another many",
)
"""Before a number: then it counts something, or stands for what it counts."""

_JOINING = _words(
    "in on at with for to from until till by before after during about near around through between into since like and or but",
    "when while because if then as is was were are did does has had will would can could should what who",
    "whom which where why how",
)
_PARTS_OF_TIME = _words("morning afternoon evening night noon midnight this next last early late am pm")
_BEGINNING = _words("a an the my your his her its our their i we you he she it they that there not again too also do have")
_AFTER_THE_DAY = _JOINING | _PARTS_OF_TIME | _BEGINNING
_AFTER_THE_MONTH = _JOINING | _PARTS_OF_TIME

_MORE_NUMBERS = re.compile(r"(?:\s*(?:-|\u2013|,|&|to\b|and\b|or\b)\s*\d{1,2}(?:st|nd|rd|th)?\b(?![.,:]?\d))*")
_TIME_OF_DAY = re.compile(r"\s*,?\s*\d{1,2}(?::\d\d|(?::\d\d)?\s?[ap]\.?m\b)")
_COUNTED = re.compile(r"[.,:/]\d|\s?%|\s*[-\u2013]\s*\w|\s*[$\u20ac\u00a3]")
_FIRST_WORD = re.compile(r"\s*([^\W_]+)")
_STOP = re.compile(r"[.,;:?!()]")
_WORD = re.compile(r"[^\W_]+(?:'[^\W_]+)?")


def is_month(match: re.Match[str], people: Collection[str] = ()) -> bool:
    """Tell whether the group `month` of a match is a month there. The text is in small letters.

    Groups `day` and `year` are the numbers beside it, if any: the match holds nothing but these, and "of", "the" and
    punctuation between them. `people` are words of names; a month that is called so has to show that it is none of them.
    """
    month = match["month"]
    if month not in VERBS and not (month in NAMES and month in people):
        return True
    text, start, end = match.string, match.start(), match.end()
    words = ["", "", *_WORD.findall(_STOP.split(text[max(0, start - _BESIDE) : start])[-1])]
    around = _Around(month, words[-1], words[-2], text[end : end + _BESIDE])
    said = match.groupdict()
    day, has_year = said.get("day"), bool(said.get("year"))
    if day is None:
        return not around.is_verb if has_year else around.is_month_alone
    if has_year or not 1 <= int(day) <= _LONGEST_MONTH:
        return has_year
    if match.start("month") < match.start("day"):
        return around.is_before_its_day
    is_ordinal = text[match.end("day") :][:2] in {"st", "nd", "rd", "th"}
    return " of " in match.group() or around.is_after_its_day(is_ordinal=is_ordinal)


@dataclass(frozen=True, slots=True)
class _Around:
    """What stands around a month and its numbers: the two words before them, and the text after."""

    month: str
    last: str
    one_before: str
    after: str

    @property
    def is_verb(self) -> bool:
        """Whether the number beside it only looks like a year: "what may 2030 bring", "they march 2000 miles"."""
        if self.month == "may":
            return self.last in {"what", "which", "how", "who"} and not self._goes_on(_AFTER_THE_DAY)
        return self.last in _SUBJECTS | _MODALS

    @property
    def is_month_alone(self) -> bool:
        """Whether it is a month without a number."""
        if self.last == "this":
            return self._goes_on(_AFTER_THE_MONTH)
        if self.month == "march":
            return self.last in _TIME_PREPOSITIONS or (self.last in _TIME_ADJECTIVES and self.one_before not in _ARTICLES)
        return self.last in _TIME_PREPOSITIONS | _TIME_ADJECTIVES | _ARTICLES

    @property
    def is_before_its_day(self) -> bool:
        """Whether the number after it is its day."""
        if self.last in _TIME_PREPOSITIONS | _DAY_PREPOSITIONS | _TIME_ADJECTIVES | _ARTICLES | _BE:
            return True
        if self.last == "to" and (self.month == "may" or self.one_before == "up"):
            return True
        walks = self.month != "may" and self.last in _SUBJECTS | _MODALS | _DO
        return not walks and self._goes_on(_AFTER_THE_DAY)

    def is_after_its_day(self, *, is_ordinal: bool) -> bool:
        """Tell whether the number before it is its day."""
        if self.last in _DAY_PREPOSITIONS | _BE or (self.last == "the" and self.one_before in _DAY_PREPOSITIONS):
            return True
        counts = not is_ordinal and self.last in _QUANTIFIERS
        walks = self.month != "may" and self.last in (_MODALS | _DO) - {"to"}
        return not counts and not walks and self._goes_on(_AFTER_THE_MONTH)

    def _goes_on(self, words: frozenset[str]) -> bool:
        """Tell whether what follows can follow a date: nothing, a stop, more days, a time of day, or one of these words."""
        more = _MORE_NUMBERS.match(self.after)
        rest = self.after[more.end() :] if more else self.after
        if _TIME_OF_DAY.match(rest):
            return True
        if _COUNTED.match(rest):
            return False
        word = _FIRST_WORD.match(rest)
        return word is None or word[1] in words
