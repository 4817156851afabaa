"""BM25, exact, from the statistics of one scope key. The same formulas serve one number and whole columns.

Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with the logarithm kept positive by
adding 1 inside it, as Lucene does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:  # The fake needs the formulas without the 0.1 s that numpy takes to import.
    import numpy as np
    from numpy.typing import NDArray

K1 = 1.2
"""How soon more of the same word stops counting."""
B = 0.75
"""How much a long document pays for its length, between 0 and 1."""

_Number = TypeVar("_Number", float, "NDArray[np.float64]")


@dataclass(frozen=True, slots=True)
class Statistics:
    """How many documents a scope key has that default searches see, and how many stems they have together.

    Documents that a question's filters leave out count too, and so do expired ones until they are removed: the same word
    weighs the same in every question, and nothing has to be counted again for each.
    """

    documents: int
    total_length: int

    @property
    def average_length(self) -> float:
        """Stems in a document; 1 where there is none, so that it can divide."""
        return self.total_length / self.documents if self.total_length else 1.0

    def idf(self, frequency: int) -> float:
        """Return how telling a stem is that stands in `frequency` of the documents; always above 0."""
        return math.log(1 + (self.documents - frequency + 0.5) / (frequency + 0.5))

    def saturation(self, count: _Number, length: _Number) -> _Number:
        """Return how much `count` occurrences in a document of `length` stems say, from 0 to below 1."""
        return count / (count + K1 * (1 - B + B * length / self.average_length))
