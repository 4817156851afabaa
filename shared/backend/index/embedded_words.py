"""What the words of a shelf say of a question: how often each of its terms stands in each document, and BM25."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from backend.index.embedded_rows import Fact, Hasher
from backend.index.embedded_shelf import Shelf

Scores = NDArray[np.float64]
Counts = NDArray[np.int64]


class ShelfWords:
    """The terms of one question in one shelf, with the statistics of this shelf alone."""

    def __init__(self, shelf: Shelf, terms: Sequence[str], hasher: Hasher) -> None:
        self._shelf = shelf
        keys = [hasher.term(term) for term in terms]
        self._places = [part.segment.terms.find(keys) for part in shelf.slices]
        frequencies = [0] * len(keys)
        for part, places in zip(shelf.slices, self._places, strict=True):
            for number, place in enumerate(places):
                frequencies[number] += int(np.count_nonzero(part.current[part.segment.terms.rows[place]]))
        self.idf = tuple(shelf.statistics.idf(frequency) for frequency in frequencies)
        self.average_length = shelf.statistics.average_length

    def scores(self, slice_number: int, weights: Sequence[float]) -> Scores:
        """Return the sum over terms of weight and saturation (`backend.index.scoring`) for each document of a slice."""
        segment = self._shelf.slices[slice_number].segment
        scores = np.zeros(len(segment))
        for place, weight in zip(self._places[slice_number], weights, strict=True):
            rows = segment.terms.rows[place]
            if len(rows):
                occurrences = segment.terms.counts[place].astype(np.float64)
                lengths = segment.facts[Fact.LENGTH][rows].astype(np.float64)
                scores[rows] += weight * self._shelf.statistics.saturation(occurrences, lengths)
        return scores

    def counts(self, slice_number: int, rows: NDArray[np.intp]) -> Counts:
        """Return how often each term stands in each of these documents of a slice: documents by terms."""
        terms = self._shelf.slices[slice_number].segment.terms
        asked = np.full(len(self._shelf.slices[slice_number].segment), -1, dtype=np.int32)
        asked[rows] = np.arange(len(rows), dtype=np.int32)
        counts = np.zeros((len(self._places[slice_number]), len(rows)), dtype=np.int64)
        for term, place in enumerate(self._places[slice_number]):
            holding = asked[terms.rows[place]]
            mine = holding >= 0
            counts[term, holding[mine]] = terms.counts[place][mine]
        return counts.T
