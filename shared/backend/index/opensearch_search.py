"""One search of OpenSearch: two questions to the engine or four, then the exact scores of what came back.

The first asks for statistics and for what is held under the pending changes; the second, which needs both, for two lists: the
nearest by vector and those that say most of the words. Two more ask for what stands around the best hits, if that is wanted. The
lists choose, generously. Scores and order are worked out here to float64 from what the documents hold, so that they are those of
every other index.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from backend.index.model import IndexDocument, SearchResult, Tombstone
from backend.index.opensearch_documents import Facet
from backend.index.opensearch_engine import Engine
from backend.index.opensearch_overlay import counted_and_laid_over
from backend.index.opensearch_questions import Query, Question
from backend.index.opensearch_scores import Scores, Seen
from backend.index.opensearch_sessions import places
from backend.index.places import identity, in_session, order


def search(engine: Engine, question: Question, pending: Sequence[IndexDocument | Tombstone]) -> SearchResult:
    """Return what the port promises. Raises `IndexUnavailableError`."""
    said, overlay = counted_and_laid_over(engine, question, question.statistics(), pending)
    passing = said["aggregations"]["passing"]["doc_count"] - overlay.hidden_passing()
    scored = Scores(question, overlay.corrected(question.statistics_of(said)))
    own = [scored.pending(document) for document in overlay.found()]
    candidates = _lists(engine, scored, overlay.hidden) if passing else []
    found = _best([*candidates, *own], max(question.query.limit, 0))
    placed = places(engine, scored, overlay.hidden, found, own)
    hits = frozenset(seen.hit for seen in found)
    around = sorted((hit._replace(place=place) for hit, place in placed.items() if hit not in hits), key=in_session)
    return SearchResult(
        hits=tuple(sorted((hit._replace(place=placed.get(hit)) for hit in hits), key=order)),
        considered=passing + len(own),
        around=tuple(around),
        words=scored.words,
    )


def speakers(
    engine: Engine, question: Question, names: Collection[str], pending: Sequence[IndexDocument | Tombstone]
) -> frozenset[str]:
    """Return what the port promises. Raises `IndexUnavailableError`."""
    facets = {question.coder.facet(Facet.SPEAKER, name): name for name in names}
    said, overlay = counted_and_laid_over(engine, question, question.speaking(list(facets)), pending, list(facets))
    buckets = said["aggregations"]["speaking"]["buckets"]
    held = overlay.corrected_facets({facet: buckets[facet]["doc_count"] for facet in facets})
    return frozenset(name for facet, name in facets.items() if held[facet] > 0)


def _lists(engine: Engine, scored: Scores, hidden: Sequence[str]) -> list[Seen]:
    """Return the candidates by each field."""
    question = scored.question
    asked: list[Query] = []
    if question.is_dense:
        asked.append(question.nearest(hidden))
    if question.stems:
        asked.append(question.sharing(hidden, scored.statistics))
    answers = engine.search(question.target.index, asked, question.coder.routing) if asked else []
    entries = [entry for answer in answers for entry in answer["hits"]["hits"]]
    return list({identity(each.hit): each for each in map(scored.held, entries)}.values())


def _best(seen: Iterable[Seen], limit: int) -> list[Seen]:
    """Return the best by each field together."""
    of = {each.hit: each for each in seen}
    by_dense = sorted((hit for hit in of if hit.dense is not None), key=lambda hit: (-(hit.dense or 0.0), identity(hit)))
    by_words = sorted((hit for hit in of if hit.lexical > 0), key=lambda hit: (-hit.lexical, identity(hit)))
    return [of[hit] for hit in dict.fromkeys([*by_dense[:limit], *by_words[:limit]])]
