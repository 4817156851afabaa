"""However many documents there are, their cosines and their order are those of float64."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from random import Random

import numpy as np
import pytest

from backend.embedding.model import Vector
from backend.index import embedded_ranking
from backend.index.embedded import EmbeddedIndex
from backend.index.fake import FakeIndex
from backend.index.model import IndexFilter, IndexQuery, SearchResult
from backend.kit.clock import FakeClock
from tests.contract.index.index_cases import ANA, MODEL, document

DIMENSION = 64
MEMORIES = 300


def vector_of(chance: Random) -> Vector:
    parts = np.array([chance.gauss(0, 1) for _ in range(DIMENSION)])
    return Vector((parts / np.linalg.norm(parts)).astype("<f4").tobytes())


@pytest.mark.parametrize("source", ["", "mail", "chat"], ids=["all", "most", "few"])
def test_many_documents_are_measured_as_exactly_as_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    chance = Random(7)  # noqa: S311 - vectors, not secrets
    near = vector_of(chance)
    documents = [
        document(
            f"m{number}",
            "boat" if number % 3 else "tree",
            vector=None if number % 11 == 0 else near if number % 7 == 0 else vector_of(chance),
            source="chat" if number % 8 == 0 else "mail",
            session_id=f"s{number // 20}",
            created_at=number,
        )
        for number in range(MEMORIES)
    ]
    asked = IndexQuery(near, MODEL, ("boat",), IndexFilter(sources=(source,) if source else ()), limit=25, around=2)
    fake = FakeIndex()
    fake.write("acme", documents)
    truth = fake.search(ANA, asked)
    with closing(EmbeddedIndex(tmp_path / "index.db", FakeClock())) as index:
        index.write("acme", documents[::2])
        index.check()
        index.search(ANA, asked)
        index.write("acme", documents[1::2])
        exact = index.search(ANA, asked)
        monkeypatch.setattr(embedded_ranking, "_EXACTLY", 0)
        chosen = index.search(ANA, asked)

    assert shape(chosen) == shape(exact)
    assert [each[:2] for each in shape(exact)] == [each[:2] for each in shape(truth)]
    assert [each[2] for each in shape(exact)] == [
        each[2] if each[2] is None else pytest.approx(each[2], abs=2e-9) for each in shape(truth)
    ]


def shape(result: SearchResult) -> list[tuple[str, bool, float | None]]:
    return [(hit.memory_id, hit.place is None, hit.dense) for hit in (*result.hits, *result.around)]
