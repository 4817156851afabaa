"""What stands beside a document in its session, as plain loops have it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from backend.index.model import Hit, SearchResult
from backend.retrieval.features import AROUND, BESIDE, SHARES, Documents

PLACES = st.lists(st.none() | st.integers(0, 60), max_size=30, unique_by=lambda place: object() if place is None else place)


@given(PLACES, st.data())
def test_documents_know_what_stands_beside_them(places: list[int | None], data: st.DataObject) -> None:
    found = [Hit("k", f"m{number}", 1, 0, 1, None, 0.0, "hot", 0, place=place) for number, place in enumerate(places)]
    values = data.draw(st.lists(st.integers(0, 9), min_size=len(places), max_size=len(places)))
    documents = Documents(SearchResult(tuple(found[:3]), len(found), tuple(found[3:])))

    def standing(row: int, distance: int) -> int:
        place = places[row]
        other = None if place is None else place + distance
        return values[places.index(other)] if other is not None and other in places else 0

    every = range(len(places))
    (after, before) = documents.beside(np.array(values, dtype=np.float64), 2, -5)
    assert (after.tolist(), before.tolist()) == ([standing(row, 2) for row in every], [standing(row, -5) for row in every])
    around = [values[row] + sum(standing(row, at) for at in range(-AROUND, AROUND + 1) if at) for row in every]
    assert documents.sums(np.array([values], dtype=np.int64))[0].tolist() == around
    shares = [max([float(values[row] > 0), *(share * (standing(row, at) > 0) for at, share in BESIDE)]) for row in every]
    present = np.array([values], dtype=np.int64) > 0
    assert [SHARES[number] for number in documents.nearest(present)[0]] == shares
    fading = [
        max([float(values[row]), *((1 - abs(at) / 10) * standing(row, at) for at in range(-AROUND, AROUND + 1) if at)])
        for row in every
    ]
    np.testing.assert_allclose(documents.fading(np.array(values, dtype=np.float64)), fading)
