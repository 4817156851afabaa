"""How OpenSearch is asked: filters, statistics, lists, sessions and speakers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from backend.index.model import ARCHIVED, IndexFilter, IndexQuery
from backend.index.opensearch_documents import COUNT_BITS, OPEN_END, Coder, Facet, Kind, Space, components
from backend.index.opensearch_layout import Target
from backend.index.opensearch_scripts import BM25_SCRIPT, COSINE_SCRIPT, COUNTS_SCRIPT, NEARNESS_SCRIPT
from backend.index.scoring import Statistics

Query = dict[str, Any]

SPARE = 50
"""So many more than the limit are asked for: the engine ranks to float32, we to float64."""

MOST_NEIGHBOURS = 10_000
"""The engine's own bound."""

PASSES = "passes"
"""The name of the part of a question that tells whether a held document passes the filters."""

NAMED = "named"
"""The name of the part that tells whether a document is of the speaker whom the question names."""

_COLUMNS = ("scope", "memory_id", "revision", "chunk", "row_version", "tier", "created_at", "length")
_PLACE_COLUMNS = ("said_at", "session", "traits")
IDENTITY = [{"memory_id": "asc"}, {"revision": "asc"}, {"chunk": "asc"}, {"scope": "asc"}]


@dataclass(slots=True)
class Question:
    """One search: the query, and what stands for it in the index.

    `stems` are the distinct ones, in the order of the question; `scopes` maps what stands for a scope key to the key.
    """

    query: IndexQuery
    coder: Coder
    target: Target
    keys: Sequence[str]
    stems: Counter[str] = field(init=False)
    scopes: dict[str, str] = field(init=False)
    _words: dict[str, list[int]] = field(init=False)
    _places: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        """Work out once what stands for each stem under each scope key."""
        self.stems = Counter(self.query.stems)
        self.scopes = {self.coder.scope(key): key for key in self.keys}
        self._words, self._places = {}, {}
        for scope, key in self.scopes.items():
            words = sorted((self.coder.word(key, stem), place) for place, stem in enumerate(self.stems))
            self._words[scope] = [word for word, _ in words]
            self._places[scope] = [place for _, place in words]

    @property
    def space(self) -> Space:
        """The vectors of the index that is asked."""
        return self.target.space

    @property
    def is_dense(self) -> bool:
        """Whether the question has a vector that can be compared with those of the index."""
        return self.space.holds(self.query.vector, self.query.model)

    def statistics(self) -> Query:
        """Ask, for each scope key, for its statistics, and how many documents pass the filters."""
        counted: Query = {"passing": {"filter": {"bool": {"filter": self._asked()}}}}
        for number, (scope, words) in enumerate(self._words.items()):
            parts: Query = {"length": {"sum": {"field": "length"}}}
            if words:
                terms = {
                    str(place): {"term": {"words": f"{word:x}"}} for word, place in zip(words, self._places[scope], strict=True)
                }
                parts["words"] = {"filters": {"filters": terms}}
            seen_by_default = [{"term": {"scope": scope}}, {"term": {"current": True}}]
            counted[f"scope{number}"] = {"filter": {"bool": {"filter": seen_by_default}}, "aggs": parts}
        return {"size": 0, "track_total_hits": False, "query": {"bool": {"filter": self._mine()}}, "aggs": counted}

    def statistics_of(self, answer: Mapping[str, Any]) -> dict[str, tuple[Statistics, list[int]]]:
        """Read the statistics of each scope key, and in how many documents each stem stands."""
        found = {}
        for number, key in enumerate(self.scopes.values()):
            said = answer["aggregations"][f"scope{number}"]
            buckets = said["words"]["buckets"] if self.stems else {}
            frequencies = [buckets[str(place)]["doc_count"] for place in range(len(self.stems))]
            found[key] = Statistics(said["doc_count"], int(said["length"]["value"])), frequencies
        return found

    def speaking(self, facets: Sequence[str]) -> Query:
        """Ask how many documents have each of these facets, of those that default searches see."""
        each = {facet: {"term": {"facets": facet}} for facet in facets}
        seen_by_default = [*self._mine(), {"term": {"current": True}}, {"terms": {"facets": list(facets)}}]
        return {
            "size": 0,
            "track_total_hits": False,
            "query": {"bool": {"filter": seen_by_default}},
            "aggs": {"speaking": {"filters": {"filters": each}}},
        }

    def held(self, memory_ids: Sequence[str], facets: Sequence[str], after: Sequence[object] | None, size: int) -> Query:
        """Ask for what is held of these memories, in pages: documents and tombstones.

        Each comes with its words, and says whether it passes and which of these facets it has.
        """
        kinds = {"terms": {"kind": [Kind.DOCUMENT, Kind.TOMBSTONE]}}
        passes = {"bool": {"filter": [{"term": {"kind": Kind.DOCUMENT}}, *self._asked()], "_name": PASSES}}
        has = [{"term": {"facets": {"value": facet, "_name": facet}}} for facet in facets]
        asked: Query = {
            "size": size,
            "query": {
                "bool": {
                    "filter": [kinds, *scoped(self.coder, self.keys), {"terms": {"memory_id": list(memory_ids)}}],
                    "should": [passes, *has],
                    "minimum_should_match": 0,
                }
            },
            "sort": IDENTITY,
            **self._what_comes_back("kind", "current", dense=False),
        }
        return {**asked, "search_after": list(after)} if after else asked

    def nearest(self, hidden: Sequence[str]) -> Query:
        """Ask for the nearest documents by their vectors."""
        count = min(max(self.query.limit, 0) + SPARE, MOST_NEIGHBOURS)
        near = {"vector": components(self.query.vector or b""), "k": count, "filter": self._found(hidden)}
        return {"size": count, **self._what_comes_back(dense=True), "query": {"knn": {"vector": near}}}

    def sharing(self, hidden: Sequence[str], statistics: Mapping[str, tuple[Statistics, list[int]]]) -> Query:
        """Ask for the documents that say most of the question's words."""
        weights, averages = {}, {}
        for scope, key in self.scopes.items():
            own, frequencies = statistics[key]
            weight = [own.idf(frequency) * repeats for frequency, repeats in zip(frequencies, self.stems.values(), strict=True)]
            weights[scope] = [weight[place] for place in self._places[scope]]
            averages[scope] = own.average_length
        matched = self._found(hidden)
        matched["bool"]["filter"].append(self._sharing())
        parameters = {"words": self._lowest(), "weights": weights, "averages": averages}
        return {
            "size": max(self.query.limit, 0) + SPARE,
            **self._what_comes_back(dense=self.is_dense),
            "query": {"script_score": {"query": matched, "script": {"source": BM25_SCRIPT, "params": parameters}}},
            "sort": [{"_score": "desc"}, *IDENTITY],
        }

    def sessions(self, hidden: Sequence[str], sessions: Sequence[str]) -> Query:
        """Ask how many documents of each of these sessions pass the filters, and when the first and the last were said."""
        over = {"first": {"min": {"field": "said_at"}}, "last": {"max": {"field": "said_at"}}}
        aggregated = {"sessions": {"terms": {"field": "session", "size": len(sessions)}, "aggs": over}}
        return {"size": 0, "track_total_hits": False, "query": self._members(hidden, sessions), "aggs": aggregated}

    def members(self, hidden: Sequence[str], sessions: Sequence[str], size: int) -> Query:
        """Ask for the documents of these sessions that pass the filters, in any order."""
        return {
            "size": size,
            **self._what_comes_back(dense=self.is_dense),
            "query": self._members(hidden, sessions),
            "sort": ["_doc"],
        }

    def nearest_members(
        self, hidden: Sequence[str], moments: Mapping[str, Sequence[int]], densities: Mapping[str, float], size: int
    ) -> Query:
        """Ask for those first that are nearest to one of the moments of their session, which come in ascending order.

        Densities are documents a millisecond. What the answer is sorted by is the measure of `NEARNESS_SCRIPT`.
        """
        parameters = {"moments": moments, "densities": densities}
        near = {"type": "number", "order": "asc", "script": {"source": NEARNESS_SCRIPT, "params": parameters}}
        return {**self.members(hidden, list(moments), size), "sort": [{"_script": near}]}

    def counts_of(self, hit: Mapping[str, Any]) -> list[int]:
        """Read how often each stem stands in a document that came back, in the order of `stems`."""
        counts = [0] * len(self.stems)
        found = hit["fields"].get("counts", [])
        places = self._places[hit["fields"]["scope"][0]]
        for number, count in zip(found[::2], found[1::2], strict=True):
            counts[places[number]] = count
        return counts

    def _what_comes_back(self, *also: str, dense: bool) -> Query:
        """Ask for columns only.

        What is stored by row lies among the whole documents that the engine keeps for its copies: 250 hits take three times
        as long with `_source` or even `_id`.
        """
        return {
            "track_total_hits": False,
            "stored_fields": "_none_",
            "docvalue_fields": [*_COLUMNS, *(_PLACE_COLUMNS if self.target.has_places else ()), *also],
            "script_fields": self._fields(dense=dense),
        }

    def _fields(self, *, dense: bool) -> Query:
        fields: Query = {"counts": {"script": {"source": COUNTS_SCRIPT, "params": {"words": self._lowest()}}}}
        if dense:
            asked = components(self.query.vector or b"")
            fields["cosine"] = {"script": {"source": COSINE_SCRIPT, "params": {"asked": asked}}}
        return fields

    def _lowest(self) -> dict[str, list[int]]:
        """Return the lowest count that each word could be held with: its hash above zeros."""
        return {scope: [word << COUNT_BITS for word in words] for scope, words in self._words.items()}

    def _mine(self) -> list[Query]:
        return [{"term": {"kind": Kind.DOCUMENT}}, *scoped(self.coder, self.keys)]

    def _sharing(self) -> Query:
        return {"terms": {"words": [f"{word:x}" for words in self._words.values() for word in words]}}

    def _asked(self) -> list[Query]:
        return filters(self.query.filter, self.coder)

    def _members(self, hidden: Sequence[str], sessions: Sequence[str]) -> Query:
        matched = self._found(hidden)
        matched["bool"]["filter"].append({"terms": {"session": list(sessions)}})
        return matched

    def _found(self, hidden: Sequence[str]) -> Query:
        found: Query = {"filter": [*self._mine(), *self._asked()]}
        if hidden:
            found["must_not"] = [{"ids": {"values": list(hidden)}}]
        if self.query.speaker is not None:
            facet = self.coder.facet(Facet.SPEAKER, self.query.speaker)
            found |= {"should": [{"term": {"facets": {"value": facet, "_name": NAMED}}}], "minimum_should_match": 0}
        return {"bool": found}


def scoped(coder: Coder, keys: Sequence[str]) -> list[Query]:
    """Return the filters that every question carries: the tenant, and the scope keys that may be read."""
    return [{"term": {"tenant": coder.tenant_id}}, {"terms": {"scope": [coder.scope(key) for key in keys]}}]


def filters(asked: IndexFilter, coder: Coder) -> list[Query]:
    """Return the filters for `asked`; the same rules as `IndexFilter.admits`. Open bounds are held as the ends of all numbers."""
    parts: list[Query] = []
    if asked.known_at is None:
        parts.append(_either({"term": {"current": True}}, [{"term": {"known_until": OPEN_END}}], asked, coder))
    else:
        parts.append(_either({"term": {"active": True}}, [], asked, coder))
        parts.extend(_spans("known", asked.known_at))
    if asked.as_of is not None:
        parts.extend(_spans("valid", asked.as_of))
    elif asked.now:
        parts.append({"range": {"valid_until": {"gt": asked.now}}})
    if asked.now:
        parts.append({"range": {"expires_at": {"gt": asked.now}}})
    if asked.created_since is not None:
        parts.append({"range": {"created_at": {"gte": asked.created_since}}})
    if asked.created_until is not None:
        parts.append({"range": {"created_at": {"lt": asked.created_until}}})
    if not asked.include_summaries:
        parts.append({"term": {"summary": False}})
    if asked.left_out:
        parts.append({"bool": {"must_not": [{"terms": {"memory_id": sorted(asked.left_out)}}]}})
    parts.extend({"terms": {"facets": one_of}} for one_of in coder.asked_facets(asked))
    return parts


def _either(active: Query, besides: Sequence[Query], asked: IndexFilter, coder: Coder) -> Query:
    """Return the filter for what is active, and for what is archived too where that is asked for.

    A facet tells what is archived, which every index has: the columns of an older one say only that it is not active.
    """
    if not asked.include_archived:
        return active
    archived = {"bool": {"filter": [{"term": {"facets": coder.facet(Facet.STATE, ARCHIVED)}}, *besides]}}
    return {"bool": {"should": [active, archived], "minimum_should_match": 1}}


def _spans(which: str, moment: int) -> list[Query]:
    return [{"range": {f"{which}_from": {"lte": moment}}}, {"range": {f"{which}_until": {"gt": moment}}}]
