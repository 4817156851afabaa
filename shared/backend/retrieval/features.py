"""From what the index found to numbers that can be weighed: one row a document, one column a feature, all within 0 and 1.

A document is judged by itself, by what stands around it in its session (an answer without the question's words often follows
the turn that has them) and by what its text looks like. Scores are scaled between the lowest and the highest of all that was
found: they say which of an owner's documents is better, not how good it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backend.index.model import Hit, SearchResult
from backend.index.text import query_stems
from backend.index.traits import Trait
from backend.retrieval.reading import Dates, Reading, Wants

Column = NDArray[np.float64]
Matrix = NDArray[np.float64]
Numbers = NDArray[np.int64]

AROUND = 5
"""How many documents before and after one are looked at."""

_BESIDE = ((-1, 0.6), (1, 0.6), (-2, 0.4), (2, 0.3), (-3, 0.25), (3, 0.2), (-4, 0.2), (4, 0.15), (-5, 0.15), (5, 0.1))
"""What a question's word counts that stands so many documents away instead of in the document itself."""

_BEFORE = ((-1, 0.5), (-2, 0.25))
"""What the meaning of the documents before one counts, beside its own: it is said in their context."""

_LENGTH_WEIGHT = 0.375
"""How much of its length above the mean a document pays for words that it is bound to have."""

_SHORT, _LONG = 28.0, 93.0
"""Stems of a document: in the mean of an owner of short turns (some 300 characters) and of long messages (some 1,000)."""

_DAY_MS = 86_400_000
_SOON, _LATER = (-1, 3), (4, 10)
"""Days after one that is asked for in which people tell of it; _LATER counts less."""
_LATER_COUNTS = 0.7


class Documents:
    """All documents that were found, the best first, then those around them; row by row as `columns` has them."""

    def __init__(self, result: SearchResult) -> None:
        self.hits: list[Hit] = [*result.hits, *result.around]
        self._result = result
        self._columns = Hit._make(zip(*self.hits, strict=True)) if self.hits else Hit._make([()] * len(Hit._fields))
        places = np.array([-1 if place is None else place for place in self.column("place")], dtype=np.int64)
        self._placed = np.flatnonzero(places >= 0)
        self._places = places[self._placed] + AROUND
        self._row_at = np.full(int(self._places.max(initial=0)) + AROUND + 1, -1, dtype=np.int64)
        self._row_at[self._places] = self._placed

    def beside(self, values: Matrix, distance: int) -> Matrix:
        """Return for each document the value of the one that stands so far after it (before it, if negative); 0 for none."""
        moved = np.zeros_like(values)
        rows = self._row_at[self._places + distance]
        there = rows >= 0
        moved[self._placed[there]] = values[rows[there]]
        return moved

    @property
    def shortness(self) -> float:
        """How much the owner's documents are short turns (1) or long messages (0), in the mean."""
        lengths = [each.average_length for each in self._result.words.values()] or [1.0]
        return float(np.clip((_LONG - max(lengths)) / (_LONG - _SHORT), 0.0, 1.0))

    def column(self, field: str) -> Sequence[Any]:
        """Return one field of all hits."""
        column: Sequence[Any] = getattr(self._columns, field)
        return column

    def numbers(self, field: str) -> Column:
        """Return one number of each hit; NaN for None."""
        return np.array(self.column(field), dtype=np.float64)

    @cached_property
    def are_memories(self) -> bool:
        """Whether each is another memory's: none has two pieces or revisions here."""
        ids = self.column("memory_id")
        return len(set(ids)) == len(ids)

    @cached_property
    def said_at(self) -> Numbers:
        """When each was said, in epoch milliseconds."""
        return np.array(self.column("said_at"), dtype=np.int64)

    @cached_property
    def traits(self) -> dict[Trait, Column]:
        """Whether each has each trait: 0 or 1."""
        seen = np.array(self.column("traits"), dtype=np.int64)
        return {trait: (seen & trait != 0).astype(np.float64) for trait in Trait}

    def idf(self) -> Matrix:
        """Return how telling each term is for each document's owner: documents by terms."""
        owners = {key: number for number, key in enumerate(self._result.words)}
        table = np.array([each.idf for each in self._result.words.values()], dtype=np.float64)
        return table[[owners[key] for key in self.column("scope_key")]]


def scaled(values: Column) -> Column:
    """Return where each value stands between the lowest (0) and the highest (1), NaN left alone; 0 where all are equal."""
    if not len(values) or np.isnan(values).all():
        return values
    low, high = np.nanmin(values), np.nanmax(values)
    return (values - low) / (high - low) if high > low else np.where(np.isnan(values), np.nan, 0.0)


def columns(reading: Reading, terms: Sequence[str], documents: Documents) -> dict[str, Column]:
    """Return the features of each document, by name. `terms` are the distinct stems that the index was asked for."""
    dense = np.nan_to_num(scaled(documents.numbers("dense")), nan=0.0)
    own = scaled(documents.numbers("lexical"))
    return {
        "dense": dense,
        "first_dense": _of_first_piece(documents, dense),
        "dense_context": scaled(dense + sum(share * documents.beside(dense, at) for at, share in _BEFORE)),
        "dense_next": documents.beside(dense, 1),
        "words": own,
        **_words_around(reading, terms, documents),
        "asked_words": documents.beside(documents.traits[Trait.ASKS], -1) * documents.beside(own, -1),
        **_looks(reading, documents),
        **_times(reading.dates, documents.said_at),
    }


def _of_first_piece(documents: Documents, values: Column) -> Column:
    """Return for each document the value of its memory's first piece; its own where that was not found."""
    if documents.are_memories:
        return values
    ids = documents.column("memory_id")
    firsts = {name: row for row, (name, piece) in enumerate(zip(ids, documents.column("chunk"), strict=True)) if piece == 0}
    rows = np.array([firsts.get(name, row) for row, name in enumerate(ids)], dtype=np.int64)
    first: Column = values[rows]
    return first


def _words_around(reading: Reading, terms: Sequence[str], documents: Documents) -> dict[str, Column]:
    """Return how much of the question's words, without names, a document has, and has around it."""
    bare = Counter(query_stems(reading.bare))
    kept = [number for number, term in enumerate(terms) if term in bare]
    if not kept or not documents.hits:
        nothing = np.zeros(len(documents.hits))
        return {"coverage": nothing, "coverage_around": nothing, "words_around": nothing}
    counts = np.array(documents.column("counts"), dtype=np.float64)[:, kept]
    weights = documents.idf()[:, kept]
    present = (counts > 0).astype(np.float64)
    best = present.copy()
    for at, share in _BESIDE:
        np.maximum(best, share * documents.beside(present, at), out=best)
    lengths = documents.numbers("length")
    mean = max(1.0, float(lengths.mean()))
    excess = np.maximum(0.5, 1 + _LENGTH_WEIGHT * (lengths / mean - 1))
    around = counts + sum(documents.beside(counts, at) for at, _ in _BESIDE)
    size = lengths + sum(documents.beside(lengths, at) for at, _ in _BESIDE)
    saturated = around / (around + 1.2 * (0.25 + 0.75 * size / max(1.0, float(size.mean())))[:, None])
    return {
        "coverage": scaled((present * weights).sum(axis=1) / excess),
        "coverage_around": scaled((best * weights).sum(axis=1)),
        "words_around": scaled((saturated * weights).sum(axis=1)),
    }


def _looks(reading: Reading, documents: Documents) -> dict[str, Column]:
    """Return what the texts look like, and how that fits what the question wants."""
    seen = documents.traits

    def wants(kind: Wants) -> float:
        return float(kind in reading.wants)

    return {
        "asks": seen[Trait.ASKS],
        "time": seen[Trait.TIME],
        "rule": seen[Trait.RULE],
        "named": documents.numbers("named"),
        "by_user": seen[Trait.BY_USER],
        "summary_by_user": wants(Wants.SUMMARY) * seen[Trait.BY_USER],
        "advice_by_assistant": wants(Wants.ADVICE) * seen[Trait.BY_ASSISTANT],
        "wants_time": wants(Wants.TIME) * seen[Trait.TIME],
        "wants_people": wants(Wants.PEOPLE) * np.maximum(seen[Trait.PEOPLE], seen[Trait.CAPITALS]),
        "wants_place": wants(Wants.PLACE) * seen[Trait.PLACE],
        "wants_number": wants(Wants.NUMBER) * seen[Trait.NUMBER],
        "wants_name": wants(Wants.NAME) * seen[Trait.CAPITALS],
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
