"""What kind of knowledge a clause is, and how surely it is known."""

from __future__ import annotations

import re
from collections.abc import Callable

from backend.extraction.lexicon import BASE, EMOTIONS, FINITE, PAST_ONLY, SUBJECT_PRONOUNS
from backend.extraction.modality import is_habit, is_hedged
from backend.extraction.model import Category, EventTime
from backend.extraction.words import tokens

EXPLICIT_PREFERENCE = 0.95
EXPLICIT = 0.9
INFERRED = 0.65
UNSURE = 0.6
REPORTED = 0.6
GUESSED = 0.5
UNKNOWN = 0.6

_PREFERENCE = re.compile(
    r"[\w'-] (?:prefers?|preferred|likes?|liked|loves?|loved|hates?|hated|enjoys?|enjoyed|dislikes?|disliked"
    r"|adores?|adored|detests?|loathes?|favou?rs?"
    r"|cannot (?:stand|bear|live without|get enough)|could not (?:stand|bear)|(?:would )?rather)\b"
    r"|\b(?:favou?rite|not a fan|a (?:big|huge) fan|fan of|fond of|into (?!the\b|a\b|an\b|account|my\b|our\b|it\b)\w+"
    r"|allergic to the idea|(?:would|will) (?:like|love|prefer)|looking forward|cannot wait)\b"
    r"|\bprefer(?:s|red|ence)?\b"
)
_NO_PREFERENCE = re.compile(
    r"\b(?:look|looks|looked|feel|feels|felt|sound|sounds|seem|seems|smell|taste|act|something|anything|nothing|people"
    r"|just|be|is|was|are|were|it) like\b|\blike (?:that|this|it)$"
)
_DESIRE = re.compile(
    r"\b(?:would (?:really |also )?(?:like|love)|want(?:s|ed)? to|hop(?:e|es|ing) to|dream(?:s|ing)? of|looking forward"
    r"|cannot wait)\b"
)
_EMOTION = re.compile(
    r"\b(?:feel|feels|feeling|felt|makes? (?:me|us|him|her|them)|made (?:me|us|him|her|them)|am|is|are|was|were|been|get"
    r"|gets|got|getting|become|became)"
    rf" (?:(?:so|very|really|a bit|a little|pretty|too|quite|not|always|still|just|extremely|kind of|such|more|also"
    rf"|incredibly|super) )*(?:{'|'.join(sorted(EMOTIONS))})\b"
    r"|\b(?:i|we|he|she|they) (?:really |still |so |do )*(?:miss|misses|missed|worry|worries|worried|fear|fears|cried"
    r"|cry)\b(?! (?:the (?:bus|train|flight|deadline|call|meeting)))|\bfe(?:el|els|lt|eling) (?:like|as if|that|(?:so|very"
    r"|really|\w+ly) )?\w+"
    r"|\bstress(?:es|ed)? (?:me|us|out)\b|\bbroke (?:my|his|her) heart\b"
)
_STEP = re.compile(
    r"^(?:first|second|third|then|next|finally|lastly|afterwards|step \d+|to begin with|after that)\b"
    r"|^to [a-z]+ .{2,80}?,? (?:you |we |one |just |simply |first )+|\b(?:you|we|one) (?:should|must|need to|have to"
    r"|ought to|are supposed to|can) (?:first |always |then |just |only |never )*[a-z]+"
    r"|\b(?:make sure|be sure|do not forget|remember) (?:to|that you)\b|\bhow to\b|\bthe (?:process|procedure|workflow"
    r"|recipe|trick|steps?) (?:to|for|is|of)\b|^the way to [a-z]+ .* is\b"
    r"|^(?:always|never|do not|please always|please never|please use|please do not) [a-z]+"
)
_CONDITION = re.compile(
    r"^(?:when|whenever|before|after|once|if|every time) .{3,}?, (?:then )?(?:we |you )?(?P<verb>[a-z]+)\b"
    r"|^(?P<first>[a-z]+) .{3,} (?:before|after|when|whenever|if|until) "
)
_SCHEDULED = re.compile(
    r"\b(?:meeting|appointment|deadline|birthday|anniversary|flight|exam|interview|wedding|conference|launch|release|trip"
    r"|vacation|holiday|party|call|visit"
    r"|due|expires?|expiring|scheduled|starts?|begins?|ends?|opens?|closes?|moved to|postponed|renewal|reservation|surgery"
    r"|concert|game|match|class|lesson|remind me)\b"
)
_RECURRING = re.compile(
    r"\b(?:every|each) (?:other )?(?:\w+day|day|week|month|year|morning|evening|night|weekend)|\bon (?:mon|tues|wednes"
    r"|thurs|fri|satur|sun)days\b|\b(?:daily|weekly|monthly|yearly|annually|quarterly)\b"
)
_FUTURE = re.compile(
    r"\b(?:will|shall|am going to|is going to|are going to|am (?:planning|starting|moving|leaving|flying|travel)\w*"
    r"|plan(?:s|ning)? to|about to|remind me|due|upcoming|need to|have to|must|going to)\b"
)
_BORN = re.compile(r"\b(?:was|were) (?:born|raised|named|founded|built)\b")
_PERFECT = re.compile(
    r"\b(?:have|has) (?:(?:just|already|recently|also|finally|never|not) )*(?!to\b)(?:\w+ed|been (?:to|\w+ed)|gone"
    r"|seen|met|bought|made|taken|got|gotten|left)\b"
)
_PURPOSE = re.compile(r"^to [a-z]+ [^,]{2,80}, (?:first |just |simply |then )?(?P<verb>[a-z]+)\b")
_DONE = PAST_ONLY - {"had", "was", "were", "did"}
_FINITE_WITHIN = 6


def tense_of(words: str) -> int:
    """Return -1 for the past, 1 for the future, 0 for neither."""
    if _FUTURE.search(words):
        return 1
    for place, word in enumerate(tokens(words)[: _FINITE_WITHIN + 2]):
        if word in {"was", "were", "had", "did"} or word in PAST_ONLY or is_regular_past(word):
            return -1
        if place and word in FINITE:
            # "I have moved": done, though it is told now.
            return -1 if word in {"have", "has"} and _PERFECT.search(words) else 0
    return 0


def category_of(words: str, event: EventTime | None, tense: int, *, is_step: bool) -> Category:
    """Return the category of a clause of plain words. `tense` as `tense_of` says; `is_step`: it stands in a numbered list."""
    found = tokens(words)
    begins_with_verb = bool(found) and found[0] in BASE and found[0] not in SUBJECT_PRONOUNS
    tests: tuple[tuple[Category, Callable[[], object]], ...] = (
        (Category.PREFERENCE, lambda: _PREFERENCE.search(words) and _PREFERENCE.search(_NO_PREFERENCE.sub(" ", words))),
        (Category.EMOTIONAL, lambda: _EMOTION.search(words)),
        (Category.PROCEDURAL, lambda: _STEP.search(words) or (is_step and begins_with_verb)),
        (Category.PROCEDURAL, lambda: _orders(_PURPOSE.match(words))),
        (Category.PROCEDURAL, lambda: _orders(_CONDITION.match(words))),
        (Category.TEMPORAL, lambda: tense >= 0 and ((event and (tense > 0 or _SCHEDULED.search(words))) or _is_planned(words))),
        (Category.EPISODIC, lambda: tense < 0 and not _BORN.search(words) and _happened(words, event)),
        (Category.TEMPORAL, lambda: event and tense >= 0),
        (Category.PREFERENCE, lambda: _DESIRE.search(words)),
    )
    return next((category for category, applies in tests if applies()), Category.FACTUAL)


def _orders(match: re.Match[str] | None) -> bool:
    """Tell whether what was found names a verb that says what to do."""
    return match is not None and any(verb in BASE for verb in match.groups() if verb)


def confidence_of(words: str, category: Category, *, understood: bool, reported: bool) -> float:
    """Return how surely it is known: explicit statements at least 0.9, what is inferred, hedged or hearsay 0.5 to 0.7."""
    if reported:
        return GUESSED if is_hedged(words) else REPORTED
    if not understood:
        return UNKNOWN
    if category is Category.PREFERENCE:
        if _DESIRE.search(words):
            return UNSURE
        return UNSURE if is_hedged(words) else EXPLICIT_PREFERENCE
    return UNSURE if is_hedged(words) else EXPLICIT


def is_inferred_preference(words: str) -> bool:
    """Tell whether a habit shows what somebody prefers without their saying so."""
    return is_habit(words) and _CHOICE.search(words) is not None


_CHOICE = re.compile(
    r"\b(?:orders?|buys?|chooses?|picks?|drinks?|eats?|wears?|watch(?:es)?|listens? to|plays?|uses?|cooks?|reads?|book"
    r"|books|takes?|goes|go)\b"
)


def has_statement(words: str) -> bool:
    """Tell whether there is a finite verb near the beginning, behind something that can be its subject."""
    found = tokens(words)
    return any(each in FINITE or is_regular_past(each) for each in found[1 : _FINITE_WITHIN + 1])


def _is_planned(words: str) -> bool:
    return bool(_RECURRING.search(words)) and bool(_SCHEDULED.search(words))


def _happened(words: str, event: EventTime | None) -> bool:
    """Tell whether something happened, rather than was so: a verb of doing, or a time at which it was."""
    found = tokens(words)
    return event is not None or any(each in _DONE or is_regular_past(each) for each in found)


def is_regular_past(word: str) -> bool:
    """Tell whether a word has the form of a regular past, though no verb of the lexicon may be known to have it."""
    return len(word) > 4 and word.endswith("ed") and "-" not in word and not word.endswith("eed")  # noqa: PLR2004 - "need", "bed", "red"
