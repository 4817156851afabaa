"""The index benchmark knows the truth that it holds the index against."""

from __future__ import annotations

from backend.index.model import IndexDocument, IndexQuery, SearchResult
from benchmarks.index import Corpus, embedded, filter_recall, measured


class Half:
    """An index that loses every second hit."""

    def __init__(self, whole: SearchResult) -> None:
        self._whole = whole

    def search(self, _scope: object, _query: IndexQuery) -> SearchResult:
        hits = sorted(self._whole.hits, key=lambda hit: -(hit.dense or 0))
        return SearchResult(tuple(hits[:10:2]), self._whole.considered)


def test_the_same_size_makes_the_same_documents() -> None:
    assert Corpus(20, 2).documents == Corpus(20, 2).documents


def test_every_owner_has_documents_of_every_source() -> None:
    corpus = Corpus(200, 10)
    seen = {(each.scope_key, each.source) for each in corpus.documents}

    assert len(seen) == 10 * 10


def test_an_index_that_loses_hits_has_a_lower_recall() -> None:
    corpus = Corpus(300, 1)
    question, scope = corpus.question("s1"), corpus.scopes[0]
    with embedded() as opened:
        opened.index.write("bench", corpus.documents)
        assert filter_recall(opened.index, corpus, scope, question) == 1.0
        lossy = Half(opened.index.search(scope, question))

    assert filter_recall(lossy, corpus, scope, question) == 0.5  # type: ignore[arg-type] # only its search is asked


def test_a_row_has_every_figure() -> None:
    corpus = Corpus(40, 2)
    with embedded() as opened:
        row = measured("embedded", corpus, opened, queries=4, singles=20)

    assert row["filter recall"] == 1.0
    assert all(value is not None for value in row.values())
    assert isinstance(corpus.documents[0], IndexDocument)
