"""Sentences that say nothing without the one beside them, such as "Damp." behind "We saw the flat on Hill Street.".

A sentence of a few words stands by itself if it has a subject and its verb ("Rex died."), or begins with a verb and names what it
is about ("Bring a towel.", "Bought shoes.": its subject is who is spoken to, or who speaks). Anything else is a fragment; so is a
subject with nothing but an auxiliary ("I did."), whose verb is in the sentence before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from backend.extraction.categories import UNSURE, is_regular_past
from backend.extraction.lexicon import (
    ADVERBS,
    AUXILIARIES,
    BASE,
    BE,
    DETERMINERS,
    FINITE,
    OBJECT_PRONOUNS,
    PAST_ONLY,
    PREPOSITIONS,
    SUBJECT_PRONOUNS,
)
from backend.extraction.modality import is_hedged
from backend.extraction.model import Category, Span, Statement
from backend.extraction.personal import personal_data_in
from backend.extraction.secrets import secrets_in
from backend.extraction.words import plain, tokens

FEW_WORDS = 3
"""A sentence of more, as they are written between spaces, is no fragment."""

_PLAIN = re.compile(r"[^\W_]+(?:['\u2019.:,/-][^\W_]+)*")
_AROUND_WORDS = "\"'\u201c\u201d\u2018\u2019()[].,;:!?\u2026\u2014\u2013-"
_CONNECTIVES = frozenset({"and", "or", "but", "so", "then", "well", "please", "not"})
_BEFORE_A_VERB = ADVERBS | _CONNECTIVES
_POINTING = frozenset({"that", "this", "these", "those"})
_PERSONAL = SUBJECT_PRONOUNS - _POINTING | {"there"}
_EMPTY = (
    ADVERBS | _CONNECTIVES | DETERMINERS | OBJECT_PRONOUNS | PREPOSITIONS | SUBJECT_PRONOUNS | {"again", "away", "back", "there"}
)
_ALSO_NOUNS = frozenset({"bit", "felt", "left", "rose", "saw", "thought"})
"""Forms of the past that more often are something else behind an article: "the left one", "a lovely thought"."""

_VERBS = AUXILIARIES | BE | PAST_ONLY - _ALSO_NOUNS


def is_fragment(part: str, statement: Statement | None) -> bool:
    """Tell whether a sentence says nothing by itself; `statement` is what the rules make of it, None for nothing.

    What claims something, prefers something or has a time of its own stands by itself however short it is.
    """
    written = part.split()
    if not 0 < len(written) <= FEW_WORDS:
        return False
    if not all(_PLAIN.fullmatch(each.strip(_AROUND_WORDS)) for each in written if each.strip(_AROUND_WORDS)):
        return False
    if statement and (statement.claimed or statement.event or statement.category is Category.PREFERENCE):
        return False
    if may_be_guarded(part):
        return False
    found = tokens(plain(part))
    return not (_has_subject(found) or _leaves_its_subject_out(found))


def may_be_guarded(part: str) -> bool:
    """Tell whether a guard may refuse it: it must not refuse another statement with it."""
    return bool(secrets_in(part) or personal_data_in(part))


def can_take(statement: Statement) -> bool:
    """Tell whether a fragment may be joined to a statement: a claim keeps its own words, so that its key is found again."""
    return statement.claimed is None and statement.refusal is None


def with_following(source: str, statement: Statement, fragment: Span) -> Statement:
    """Return the statement with the fragment behind it. What kind of statement it is, it says by itself."""
    end = statement.span[1]
    text = statement.text + source[end : fragment[1]]
    return _unsure(replace(statement, text=text, span=(statement.span[0], fragment[1])), source[end : fragment[1]])


def with_preceding(source: str, statement: Statement, fragment: Span) -> Statement:
    """Return the statement with the fragment before it."""
    before = source[fragment[0] : statement.span[0]]
    return _unsure(replace(statement, text=before + statement.text, span=(fragment[0], statement.span[1])), before)


def _unsure(statement: Statement, added: str) -> Statement:
    """Return it less sure if what was added says so: "She comes on Monday. Perhaps."."""
    return replace(statement, confidence=min(statement.confidence, UNSURE)) if is_hedged(plain(added)) else statement


def _has_subject(found: Sequence[str]) -> bool:
    """Tell whether words are a subject and a verb that says something of it."""
    words = _without_lead(found)
    if len(words) < 2:  # noqa: PLR2004 - a subject and a verb
        return False
    first, rest = words[0], [each for each in words[1:] if each not in _BEFORE_A_VERB]
    if first in _PERSONAL:
        # Whatever stands right behind it is a verb, known or not.
        return bool(rest) and rest[0] not in PREPOSITIONS and not AUXILIARIES.issuperset(rest)
    if first in _POINTING:
        return bool(rest) and rest[0] in FINITE and not AUXILIARIES.issuperset(rest)
    if first in PREPOSITIONS:
        return False
    nouns = [place for place, each in enumerate(words) if each not in DETERMINERS]
    return any(_is_surely_verb(each) for each in words[nouns[0] + 1 :]) if nouns else False


def _is_surely_verb(word: str) -> bool:
    """Tell whether a word behind a noun is its verb, and no noun itself: not so in "long walks"."""
    return word in _VERBS or is_regular_past(word)


def _leaves_its_subject_out(found: Sequence[str]) -> bool:
    """Tell whether words begin with a verb and say what it is about: "it" does not."""
    words = _without_lead(found)
    begins = bool(words) and (words[0] in BASE - {"like"} or words[0] in PAST_ONLY | {"be"} or is_regular_past(words[0]))
    return begins and not _EMPTY.issuperset(words[1:])


def _without_lead(found: Sequence[str]) -> Sequence[str]:
    lead = next((place for place, each in enumerate(found) if not (each in _BEFORE_A_VERB or each.endswith("ly"))), len(found))
    return found[lead:]
