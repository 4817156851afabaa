"""Takes a sentence apart where it says several things: "I moved to Lisbon and work from home" says two.

A sentence is only cut where both sides surely state something; where that is not sure it stays whole, which loses nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from backend.extraction.lexicon import (
    ADVERBS,
    AUXILIARIES,
    BASE,
    BE,
    DETERMINERS,
    FINITE,
    MODALS,
    OBJECT_PRONOUNS,
    PAST,
    PREPOSITIONS,
    SUBJECT_PRONOUNS,
    SUBORDINATORS,
    THIRD,
    THIRD_SINGULAR,
)
from backend.extraction.model import Span
from backend.extraction.structure import trim
from backend.extraction.words import QUOTED, quotes_in

_BORDER = re.compile(
    r"\s*;\s+|,?\s+(?:and|but|so|while|whereas|plus)\s+(?:(?:also|then|now)\s+)?|,\s+(?=(?:my|our|he|she"
    r"|we|they|it|i)\b)",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_BRACKETS = re.compile(r"\([^)]+\)|\[[^\]]+\]")
_LEAD_IN = re.compile(
    r"(?:(?:hi|hey|hello|ok|okay|yeah|yes|yep|no|nope|well|so|oh|btw|by the way|actually|anyway|also|and|but|fyi|plus"
    r"|honestly|haha|lol|wow)"
    r"(?:\s+(?!i\b|my\b|we\b|our\b|the\b)[A-Z][\w'\u2019-]*)?\s*[,!:.\u2014-]+\s*|(?:and|but|also|so|well|oh|yeah"
    r"|plus)\s+(?=(?:i|my|we|our|he|she|they)\b)"
    r"|(?:please\s+)?(?:note|remember|keep in mind|be aware)(?:\s+that)?[,:]?\s+(?=(?:i|my|we|our|he|she|they|the|it|there)\b)"
    r"|(?:just so you know|for the record|as i said|like i said|fun fact|good news|update)\s*[,:]\s*)+",
    re.IGNORECASE,
)
_BEFORE_SUBJECT = re.compile(
    r"^(?:yesterday|today|tomorrow|tonight|recently|now|then|currently|last \w+|next \w+"
    r"|this \w+)[, ]+"
)
_NO_SUBJECTS = SUBORDINATORS | {"", QUOTED, "to", "what", "who", "where", "how", "which", "there", "call", "please"}
_NEVER_NOUNS = frozenset(
    {"prefers", "enjoys", "dislikes", "owns", "speaks", "teaches", "knows", "likes", "lives", "hates", "eats", "adores"}
)
_CONTRACTED = re.compile(r"(?:i|we)'(?:m|re|ve|ll|d)")
_INFINITIVE = re.compile(r"\bto ([a-z]+)\b")
_RELATIVE = re.compile(r"\b(?:who|which)\b")
_VERBS = THIRD | PAST | BE | MODALS | {"have", "has", "had"}
_PLACES = PREPOSITIONS - {"of"}
_ENDS_SUBJECT = _PLACES | {"and", "or", "but", "that", "who", "which"}
_REACHES_OVER = AUXILIARIES - BE - {"have", "has", "had"}
_GOES_ON = DETERMINERS | OBJECT_PRONOUNS | PREPOSITIONS | ADVERBS | {"not", "been"}
_ONLY_PAST = PAST - BASE
_OF_ONE = THIRD | PAST
_OF_MANY = BASE | PAST
# Sets are put together once: for each word of a text it takes longer than all else.
_SUBJECT_WORDS = 5
_NEAR = 4


@dataclass(frozen=True, slots=True)
class Clause:
    """What one clause says, with its subject put back where it was left out, and where it stands."""

    text: str
    span: Span


@dataclass(frozen=True, slots=True)
class _Head:
    """A clause's subject, an auxiliary that reaches over both verbs, and its verb."""

    subject: str
    auxiliary: str
    verb: str


def main_clause(text: str, span: Span) -> Clause:
    """Return the sentence at the span whole, without the words that only lead in to it."""
    start, end = trim(text, span)
    lead = _LEAD_IN.match(text, start, end)
    if lead and lead.end() < end:
        start = lead.end()
    return Clause(text[start:end], (start, end))


def clauses(main: Clause) -> list[Clause]:
    """Return the clauses of a sentence: itself, where it says one thing."""
    sentence, (start, _) = main.text, main.span
    first = _WORD.search(sentence)
    if (first and first[0].lower() in SUBORDINATORS) or not _BORDER.search(sentence):
        return [main]
    parts = _cut(sentence)
    if len(parts) == 1:
        return [main]
    return [Clause(_said(sentence, part), (start + part[0], start + part[1])) for part in parts]


def subject_of(words: str) -> str | None:
    """Return the subject of plain words, None where none can be told."""
    head = _head(_BEFORE_SUBJECT.sub("", words))
    first = head.subject.split(" ")[0] if head else ""
    return head.subject if head and first not in _NO_SUBJECTS else None


def _cut(sentence: str) -> list[tuple[int, int, str]]:
    """Return start, end and what to put before each part."""
    hidden = _asides(sentence)
    found: list[tuple[int, int, str]] = []
    start, prefix = 0, ""
    for border in _BORDER.finditer(sentence):
        if any(first <= border.start() < last for first, last in hidden) or border.start() <= start:
            continue
        left = prefix + sentence[start : border.start()]
        head = _head(left)
        put_back = _prefix(head, left, sentence[border.end() :]) if head else None
        if put_back is None:
            continue
        found.append((start, border.start(), prefix))
        start, prefix = border.end(), put_back
    found.append((start, len(sentence), prefix))
    return found


def _said(sentence: str, part: tuple[int, int, str]) -> str:
    start, end, prefix = part
    said = sentence[start:end].strip(" ,;")
    if prefix:
        return prefix + said
    return said[:1].upper() + said[1:] if start else said


def _prefix(head: _Head, left: str, right: str) -> str | None:
    """Return what to put before the right side to make it a clause, None where it is none."""
    found = _WORD.findall(right)
    if not found:
        return None
    low = [each.lower().replace("\u2019", "'") for each in found[: _SUBJECT_WORDS + _NEAR]]
    if _states_by_itself(low, found, right):
        return ""
    verb, rest = _without_adverbs(low)
    if verb is None or not rest or not (verb in _NEVER_NOUNS or _completes(rest[0], found[low.index(rest[0])])):
        return None
    if head.auxiliary:
        negated = re.search(r"\bnot\b|n't\b|\u2019t\b", left.lower())
        return f"{head.subject} {head.auxiliary} " if verb in BASE and not negated and head.auxiliary in MODALS else None
    if any(each in BASE for each in _INFINITIVE.findall(left.lower())):
        # "I want to move and work from home": the second verb may hang on the first.
        return None
    # "It was Ada who found it and kept it": the second verb hangs on "who".
    return f"{head.subject} " if _agrees(head, verb) and not _RELATIVE.search(left.lower()) else None


def _states_by_itself(low: list[str], found: list[str], right: str) -> bool:
    """Tell whether the right side, of these words, begins with a subject of its own and its verb, with no comma between them."""
    if low[0] in {"i", "we"}:
        rest = [each for each in low[1:_NEAR] if each not in ADVERBS]
        return bool(rest) and rest[0] in FINITE
    if _CONTRACTED.fullmatch(low[0]):
        return True
    # A clause of "he" or "it" stays with the one that says who that is.
    starts = low[0] in {"my", "our", "the"} or found[0][:1].isupper()
    verbs = [place for place, each in enumerate(low[1:], 1) if each in _VERBS or _is_verb_of_many(place, low, found)]
    near = starts and bool(verbs) and verbs[0] <= _NEAR and len(low) > verbs[0] + 1 and not set(low[1 : verbs[0]]) & _PLACES
    return near and "," not in right[: right.index(found[verbs[0]], len(found[0]))]


def _is_verb_of_many(place: int, low: list[str], found: list[str]) -> bool:
    """Tell whether the word is a verb behind a noun in the plural: "my parents live in Porto"."""
    is_base = low[place] in BASE and low[place - 1].endswith("s") and place + 1 < len(low)
    return is_base and _completes(low[place + 1], found[place + 1])


def _without_adverbs(low: list[str]) -> tuple[str | None, list[str]]:
    rest = list(low)
    while rest and rest[0] in ADVERBS:
        rest = rest[1:]
    if not rest or rest[0] not in FINITE or rest[0] in SUBJECT_PRONOUNS:
        return None, []
    return rest[0], rest[1:]


def _completes(word: str, written: str) -> bool:
    """Tell whether a word goes on after a verb, as it would not after a noun: "work from home", not "work"."""
    return word in _GOES_ON or word.isdigit() or (word.endswith("ing") and len(word) > len("being")) or written[:1].isupper()


def _agrees(head: _Head, verb: str) -> bool:
    """Tell whether the verb can stand with the subject: not so, it is a noun or belongs to somebody else."""
    if verb in _ONLY_PAST:
        return True
    singular = head.subject.lower() in THIRD_SINGULAR or (
        head.subject.lower() not in SUBJECT_PRONOUNS and not head.subject.endswith("s")
    )
    if verb in BE:
        return (verb in {"is", "was"}) if singular else head.subject.lower() != "i" or verb in {"am", "was"}
    return verb in (_OF_ONE if singular else _OF_MANY)


def _head(words: str) -> _Head | None:
    """Return the head of a clause: its first words, up to the finite verb."""
    found = list(islice(_WORD.finditer(words), _SUBJECT_WORDS + 1))
    if not found:
        return None
    contracted = re.fullmatch(r"(I|[Ww]e|[Hh]e|[Ss]he|[Tt]hey|[Ii]t|[Yy]ou|i)['\u2019](m|re|s|ve|ll|d)", found[0][0])
    if contracted:
        return _Head(contracted[1], {"ll": "will", "d": "would", "ve": ""}.get(contracted[2], ""), "be")
    for place, each in enumerate(found[1:], 1):
        word = each[0].lower().replace("\u2019", "'")
        base = word.removesuffix("n't")
        if word in ADVERBS:
            continue
        if word in _ENDS_SUBJECT:
            return None
        if base in FINITE or word in FINITE:
            subject = words[found[0].start() : found[place - 1].end()]
            bare = " ".join(part for part in subject.split() if part.lower() not in ADVERBS)
            is_auxiliary = base in _REACHES_OVER
            return _Head(bare, base if is_auxiliary else "", word)
    return None


def _asides(sentence: str) -> list[tuple[int, int]]:
    """Return where quotes and brackets stand: nothing is cut in them."""
    return [*quotes_in(sentence), *(found.span() for found in _BRACKETS.finditer(sentence))]
