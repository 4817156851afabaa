"""Why an answer stands where it stands, in the words of the answer."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import asdict
from itertools import islice
from typing import Any

from backend.extraction.model import Span
from backend.index.text import query_stems
from backend.kit import wire
from backend.retrieval.model import BOOSTS, STALE_SHARE, Answer, Question, Why, band

MOST_FEATURES = 5
MOST_SPANS = 20
LONGEST_QUESTION = 2000
"""Characters of a question whose words are named."""

_DIGITS = 6
_WORD = re.compile(r"[^\W_]+")


def explanation(answer: Answer, question: Question, shown: Span) -> dict[str, Any] | None:
    """Return the answer's `Explanation`, None where none was asked for. `shown` is the part of the text that is looked at."""
    why = answer.why
    if why is None:
        return None
    memory = answer.memory
    # A text that cannot be opened holds no word that was asked for, whatever the index still knows of it.
    stems = why.stems if memory.unreadable is None else frozenset[str]()
    return {
        "tier_band": band(memory.tier),
        "relevance": round(answer.relevance, _DIGITS),
        "factors": _factors(answer, question),
        "stale_share": STALE_SHARE if answer.is_stale else 1.0,
        "features": _strongest(why),
        "matched": {
            "words": words_of(question.text, stems),
            "dense": answer.dense is not None,
            "cosine": None if answer.dense is None else round(answer.dense, _DIGITS),
            "speaker": why.is_named,
            "date": why.date,
            "from_overlay": why.is_pending,
        },
        "spans": [list(place) for place in places_of(memory.text, stems, shown)],
        "sources": [
            {
                "source": memory.source,
                "session_id": memory.session_id,
                "speaker": memory.speaker,
                "occurred_at": wire.shown(memory.occurred_at),
            }
        ],
        "duplicate_of": answer.weighed.duplicate_of,
    }


def words_of(text: str, stems: Collection[str]) -> list[str]:
    """Return the distinct words of a question that have one of these stems, as they are written, in order."""
    return list(dict.fromkeys(text[slice(*place)] for place in _places(text, stems, (0, LONGEST_QUESTION))))


def places_of(text: str, stems: Collection[str], part: Span) -> list[Span]:
    """Return where the first words of a part of a text stand that have one of these stems, in characters of the whole."""
    return list(islice(_places(text, stems, part), MOST_SPANS))


def _places(text: str, stems: Collection[str], part: Span) -> Iterator[Span]:
    wanted = frozenset(stems)
    met: dict[str, bool] = {}
    for match in _WORD.finditer(text, *part) if wanted else ():
        word = match.group()
        if word not in met:
            met[word] = not wanted.isdisjoint(query_stems(word))
        if met[word]:
            yield match.span()


def _factors(answer: Answer, question: Question) -> dict[str, dict[str, float]]:
    counted = asdict(question.weights) | dict(BOOSTS)
    total = sum(counted.values())
    return {
        name: {
            "value": round(value, _DIGITS),
            "weight": counted[name],
            "share": round(counted[name] * value / total, _DIGITS),
        }
        for name, value in answer.weighed.factors.items()
    }


def _strongest(why: Why) -> dict[str, float]:
    strongest = sorted(why.features.items(), key=lambda feature: (-abs(feature[1]), feature[0]))[:MOST_FEATURES]
    return {name: round(value, _DIGITS) for name, value in strongest}
