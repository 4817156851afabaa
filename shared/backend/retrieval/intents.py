"""What a question is after: the kind of knowledge that answers it, in the categories that memories have.

English only; a question of another language, or one that shows nothing, counts as one for facts.
"""

from __future__ import annotations

import re

from backend.extraction.model import Category

_DAYS = "morning|afternoon|evening|night|weekend|week|month|year|(?:mon|tues|wednes|thurs|fri|satur|sun)day"

# The first that matches decides: "How did she feel about the party yesterday?" asks for a feeling.
_SIGNS = (
    (
        Category.PROCEDURAL,
        re.compile(
            r"^\W*(?:how (?:do|can|should|could|must|would) (?:i|we|one)\b|how to\b)"
            r"|\b(?:steps?|instructions?|procedure|recipe|workflow|checklist) (?:to|for|of)\b"
        ),
    ),
    (Category.EMOTIONAL, re.compile(r"\b(?:feel|feels|feeling|feelings|felt|mood|emotions?|upset|worried|anxious|afraid)\b")),
    (
        Category.PREFERENCE,
        re.compile(
            r"\b(?:prefers?|preferred|preferences?|favou?rites?|loves?|loved|enjoys?|enjoyed|hates?|hated|dislikes?|fan of)\b"
            r"|\bfond of\b|(?<!look )(?<!looks )(?<!looked )\blikes?\b(?!\W*$)"
            r"|\bdo(?:es)? (?:\w+ ){0,3}(?<!look )(?<!sound )(?<!seem )like\b"
        ),
    ),
    (
        Category.TEMPORAL,
        re.compile(
            r"\b(?:today|tonight|tomorrow|yesterday|now|nowadays|currently|lately|recent|recently|latest|newest|upcoming)\b"
            rf"|\b(?:these days|at the moment|(?:this|last|next) (?:{_DAYS}))\b"
        ),
    ),
    (
        Category.EPISODIC,
        re.compile(
            r"^\W*(?:what|where|who|whom|which|why|how)\b(?: \w+){0,4}? (?:did|happened)\b|^\W*(?:did|have|has|had|was|were)\b"
            r"|\bhappened\b|\b(?:do you )?remember (?:when|how|the)\b"
        ),
    ),
)


def intent_of(lowered: str, *, asks_for_time: bool) -> Category:
    """Return what a question, in small letters, is after. One that asks when, or names a date, is after a time."""
    if asks_for_time:
        return Category.TEMPORAL
    return next((category for category, sign in _SIGNS if sign.search(lowered)), Category.FACTUAL)
