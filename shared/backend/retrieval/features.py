"""From what the index found to numbers that can be weighed: one row a document, one column a feature, all within 0 and 1.

A document is judged by itself, by what stands around it in its session (an answer without the question's words often follows
the turn that has them) and by what its text looks like. Scores are scaled between the lowest and the highest of all that was
found: they say which of an owner's documents is better, not how good it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from backend.index.columns import Hits, Numbers
from backend.index.model import SearchResult
from backend.index.text import query_stems
from backend.index.traits import Trait
from backend.retrieval.reading import Dates, Reading, Wants

Column = NDArray[np.float64]
Matrix = NDArray[np.float64]

AROUND = 5
"""How many documents before and after one are looked at."""

BESIDE = ((-1, 0.6), (1, 0.6), (-2, 0.4), (2, 0.3), (-3, 0.25), (3, 0.2), (-4, 0.2), (4, 0.15), (-5, 0.15), (5, 0.1))
"""What a question's word counts that stands so many documents away instead of in the document itself."""

SHARES = tuple(sorted({0.0, 1.0, *(share for _, share in BESIDE)}))
"""All that a word may count, 0 and 1 too."""

_BEFORE = ((-1, 0.5), (-2, 0.25))
"""What the meaning of the documents before one counts, beside its own: it is said in their context."""

_FADES = 0.1
"""What part of its meaning a document loses with each place that it stands away."""

_HALF_LENGTH = 10.0
"""Stems of a document that counts half for its length: shorter ones seldom say anything by themselves."""

_LENGTH_WEIGHT = 0.375
"""How much of its length above the mean a document pays for words that it is bound to have."""

_SHORT, _LONG = 28.0, 93.0
"""Stems of a document: in the mean of an owner of short turns (some 300 characters) and of long messages (some 1,000)."""

_DAY_MS = 86_400_000
_SOON, _LATER = (-1, 3), (4, 10)
"""Days after one that is asked for in which people tell of it; _LATER counts less."""
_LATER_COUNTS = 0.7


class Documents:
    """All documents that were found, the best first, then those around them; row by row as `columns` has them.

    Each has a cell of a long line: as many cells apart as they stand in their session, or too far to be beside one another.
    """

    def __init__(self, result: SearchResult) -> None:
        self.hits = Hits.joined(result.hits, result.around)
        self._result = result
        places = self.hits.columns.places
        order = np.argsort(places, kind="stable")
        steps = np.minimum(np.diff(places[order]), AROUND + 1)
        steps[places[order][:-1] < 0] = AROUND + 1
        self._cells = np.empty(len(places), dtype=np.int64)
        self._cells[order] = AROUND + 1 + np.concatenate([[0], np.cumsum(steps)])[: len(places)]
        self._line = int(self._cells.max(initial=AROUND + 1)) + AROUND + 1

    def beside(self, values: Column, *distances: int) -> list[Column]:
        """Return of each document the values of those that stand so far after it (before it, if negative); 0 for none."""
        line = np.zeros(self._line)
        line[self._cells] = values
        return [line[self._cells + distance] for distance in distances]

    def fading(self, values: Column) -> Column:
        """Return for each document the most of its value and of those beside it, each less by the places between them."""
        line = np.zeros(self._line)
        line[self._cells] = values
        best = line.copy()
        inner = best[AROUND:-AROUND]
        for distance in range(1, AROUND + 1):
            share = 1 - _FADES * distance
            for side in (-distance, distance):
                np.maximum(inner, share * line[AROUND + side : len(line) - AROUND + side], out=inner)
        return best[self._cells]

    def sums(self, values: Numbers) -> NDArray[np.int32]:
        """Return for each document the sum of its values and of those beside it: kinds of value by documents."""
        line = np.zeros((len(values), self._line), dtype=np.int32)
        line[:, self._cells] = values
        np.cumsum(line, axis=1, out=line)
        around: NDArray[np.int32] = line[:, self._cells + AROUND] - line[:, self._cells - AROUND - 1]
        return around

    def nearest(self, present: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return for each document the number in `SHARES` of the most that something present counts, there or beside it."""
        line = np.zeros((len(present), self._line), dtype=np.uint8)
        line[:, self._cells] = present
        best = line * np.uint8(SHARES.index(1.0))
        inner = best[:, AROUND:-AROUND]
        for distance, share in BESIDE:
            moved = line[:, AROUND + distance : line.shape[1] - AROUND + distance]
            np.maximum(inner, moved * np.uint8(SHARES.index(share)), out=inner)
        return best[:, self._cells]

    @property
    def shortness(self) -> float:
        """How much the owner's documents are short turns (1) or long messages (0), in the mean."""
        lengths = [each.average_length for each in self._result.words.values()] or [1.0]
        return float(np.clip((_LONG - max(lengths)) / (_LONG - _SHORT), 0.0, 1.0))

    @cached_property
    def are_memories(self) -> bool:
        """Whether each is another memory's: none has two pieces or revisions here."""
        ids = np.sort(self.hits.columns.memories)
        return not (ids[1:] == ids[:-1]).any()

    def has(self, trait: Trait) -> Column:
        """Return whether each has a trait: 0 or 1."""
        seen: Column = (self.hits.columns.traits & trait != 0).astype(np.float64)
        return seen

    def idf(self, term: int) -> Column | float:
        """Return how telling a term is for each document's owner; one number where they have one owner."""
        telling = [self._result.words[key].idf[term] for key in self.hits.scope_keys]
        return telling[0] if len(telling) == 1 else np.array(telling)[self.hits.columns.scopes]


def scaled(values: Column) -> Column:
    """Return where each value stands between the lowest (0) and the highest (1), NaN left alone; 0 where all are equal."""
    if not len(values) or np.isnan(values).all():
        return values
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low) if high > low else np.where(np.isnan(values), np.nan, 0.0)


def columns(reading: Reading, terms: Sequence[str], documents: Documents) -> dict[str, Column]:
    """Return the features of each document, by name. `terms` are the distinct stems that the index was asked for."""
    found = documents.hits.columns
    dense = np.nan_to_num(scaled(found.dense), nan=0.0)
    own = scaled(found.lexical)
    asks = documents.has(Trait.ASKS)
    next_one, *context = documents.beside(dense, 1, *(at for at, _ in _BEFORE))
    (words_before,), (asked_before,) = documents.beside(own, -1), documents.beside(asks, -1)
    return {
        "dense": dense,
        "first_dense": _of_first_piece(documents, dense),
        "dense_context": scaled(dense + sum(share * each for (_, share), each in zip(_BEFORE, context, strict=True))),
        "dense_next": next_one,
        "dense_around": scaled(documents.fading(dense)),
        "length": found.lengths / (found.lengths + _HALF_LENGTH),
        "words": own,
        **_words_around(reading, terms, documents),
        "asked_words": asked_before * words_before,
        "asks": asks,
        **_looks(reading, documents),
        **_times(reading.dates, found.said_at),
    }


def _of_first_piece(documents: Documents, values: Column) -> Column:
    """Return for each document the value of its revision's first piece; its own where that was not found."""
    if documents.are_memories:
        return values
    found = documents.hits.columns
    texts = list(zip(found.ids.tolist(), found.revisions.tolist(), strict=True))
    firsts = {texts[row]: row for row in np.flatnonzero(found.chunks == 0).tolist()}
    rows = np.array([firsts.get(text, row) for row, text in enumerate(texts)], dtype=np.int64)
    first: Column = values[rows]
    return first


def _words_around(reading: Reading, terms: Sequence[str], documents: Documents) -> dict[str, Column]:
    """Return how much of the question's words, without names, a document has, and has around it."""
    bare = Counter(query_stems(reading.bare))
    kept = [number for number, term in enumerate(terms) if term in bare]
    own, best, near = np.zeros((3, len(documents.hits)))
    if not kept or not len(documents.hits):
        return {"coverage": own, "coverage_around": best, "words_around": near}
    counts = documents.hits.columns.counts.T[kept]
    lengths = documents.hits.columns.lengths
    excess = np.maximum(0.5, 1 + _LENGTH_WEIGHT * (lengths / max(1.0, float(lengths.mean())) - 1))
    *around, size = documents.sums(np.concatenate([counts, lengths[None]]))
    pays = 1.2 * (0.25 + 0.75 * size / max(1.0, float(size.mean())))
    shares = np.array(SHARES)
    for number, count, nearest, all_near in zip(kept, counts, documents.nearest(counts > 0), around, strict=True):
        weight = documents.idf(number)
        own += weight * (count > 0)
        best += weight * shares[nearest]
        near += weight * (all_near / (all_near + pays))
    return {"coverage": scaled(own / excess), "coverage_around": scaled(best), "words_around": scaled(near)}


def _looks(reading: Reading, documents: Documents) -> dict[str, Column]:
    """Return what the texts look like, and how that fits what the question wants."""
    has, wants = documents.has, reading.wants
    by_user = has(Trait.BY_USER)
    nothing = np.zeros(len(documents.hits))

    return {
        "time": has(Trait.TIME),
        "rule": has(Trait.RULE),
        "named": documents.hits.columns.named.astype(np.float64),
        "by_user": by_user,
        "summary_by_user": by_user if Wants.SUMMARY in wants else nothing,
        "advice_by_assistant": has(Trait.BY_ASSISTANT) if Wants.ADVICE in wants else nothing,
        "wants_time": has(Trait.TIME) if Wants.TIME in wants else nothing,
        "wants_people": has(Trait.PEOPLE | Trait.CAPITALS) if Wants.PEOPLE in wants else nothing,
        "wants_place": has(Trait.PLACE) if Wants.PLACE in wants else nothing,
        "wants_number": has(Trait.NUMBER) if Wants.NUMBER in wants else nothing,
    }


def _times(dates: Dates | None, said_at: Numbers) -> dict[str, Column]:
    """Return whether a document was said on the day that is asked for or soon after it, or in the month or year."""
    on_day, within, soon = np.zeros(len(said_at)), np.zeros(len(said_at)), np.zeros(len(said_at))
    if dates:
        years = said_at.astype("datetime64[ms]").astype("datetime64[Y]").astype(np.int64) + 1970
        for year in np.unique(years).tolist():
            span = dates.span(year)
            if span is None:
                continue
            # What is told of a year's last days may be of the next year: each document is compared with its own year's date.
            own = years == year if dates.year is None else np.ones(len(said_at), dtype=np.bool_)
            when = own & (said_at >= span[0]) & (said_at < span[1])
            (on_day if dates.is_day else within)[when] = 1.0
            if dates.is_day:
                later = (said_at - span[0]) // _DAY_MS
                for (first, last), counts in ((_SOON, 1.0), (_LATER, _LATER_COUNTS)):
                    soon[own & (later >= first) & (later <= last)] = counts
    return {"on_day": on_day, "in_month": within, "soon_after": soon}
