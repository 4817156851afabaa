"""One search over shelves in memory: what passes the filters, its two scores, and the best of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from backend.index.columns import Columns, Hits
from backend.index.embedded_columns import Column, Mask
from backend.index.embedded_filters import passing
from backend.index.embedded_rows import Facet, Fact, Hasher
from backend.index.embedded_segment import Segment
from backend.index.embedded_shelf import Shelf, Slice
from backend.index.embedded_words import Scores, ShelfWords
from backend.index.model import IndexQuery, SearchResult, WordStatistics
from backend.index.ordering import ordered

DENSE_DIGITS = 9
"""Cosines are compared to this many decimals, so that equal vectors are equal whatever order their parts are added in."""

Numbers = NDArray[np.intp]

_BLOCK = 256
"""So many vectors are widened to float64 at a time: these stay in the processor's cache."""

_EXACTLY = 8192
"""Of so many documents cosines are worked out to float64 at once."""

_Identity = tuple[bytes, int, int, str]


@dataclass(frozen=True, slots=True)
class _Candidates:
    """Documents of one slice, a row for each. `dense` is -inf where nothing can be compared or that did not pass."""

    scope_key: str
    part: Slice
    number: int
    words: ShelfWords
    passed: Mask
    dense: NDArray[np.floating]
    lexical: Scores


def search(shelves: Mapping[str, Shelf], query: IndexQuery, hasher: Hasher) -> SearchResult:
    """Return what the port promises, from the shelves of the scope's keys."""
    words = {scope_key: ShelfWords(shelf, query.terms, hasher) for scope_key, shelf in shelves.items()}
    found = [each for scope_key, shelf in shelves.items() for each in _candidates(scope_key, shelf, query, hasher, words)]
    said = {scope_key: WordStatistics(each.idf, each.average_length) for scope_key, each in words.items()}
    return _Ranking(found, query, hasher).result(max(query.limit, 0), said)


def speakers(shelves: Iterable[Shelf], names: Collection[str], hasher: Hasher) -> frozenset[str]:
    """Return those of the names that a document has which default searches see."""
    asked = list(names)
    keys = [hasher.facet(Facet.SPEAKER, name) for name in asked]
    parts = [part for shelf in shelves for part in shelf.slices]
    known: set[str] = set()
    for part in parts:
        places = part.segment.facets.find(keys)
        known.update(name for name, at in zip(asked, places, strict=True) if part.current[part.segment.facets.rows[at]].any())
    return frozenset(known)


def _candidates(
    scope_key: str, shelf: Shelf, query: IndexQuery, hasher: Hasher, words: Mapping[str, ShelfWords]
) -> Iterable[_Candidates]:
    of_shelf = words[scope_key]
    repeats = Counter(query.stems)
    weights = [idf * repeats[term] for idf, term in zip(of_shelf.idf, query.terms, strict=True)]
    for number, part in enumerate(shelf.slices):
        passed = passing(part, query.filter, hasher)
        lexical = of_shelf.scores(number, weights)
        lexical[~passed] = 0.0
        yield _Candidates(scope_key, part, number, of_shelf, passed, _dense(part.segment, passed, query), lexical)


def _dense(segment: Segment, passed: Mask, query: IndexQuery) -> NDArray[np.floating]:
    """Return the cosine of every document that passed; -inf where it cannot be compared.

    Exact to float64 of few documents, which would mostly be measured anyway, and to float32 of many. Row by row: `matrix @ asked`
    is threaded by the numeric library, and on cores that are shared its threads wait for each other (10,000 rows on two busy
    cores: 16 ms against 8 ms at the 95th percentile; on idle ones 0.14 against 0.29 ms).
    """
    held = segment.vectors.get((query.model, len(query.vector))) if query.vector else None
    if held is None or query.vector is None:
        return np.full(len(segment), -np.inf)
    chosen = np.flatnonzero(passed[held.rows])
    is_exact = len(chosen) <= _EXACTLY
    asked: NDArray[np.floating] = np.frombuffer(query.vector, dtype="<f4").astype(np.float64 if is_exact else np.float32)
    # Copying so few rows out costs less than multiplying all.
    few = 4 * len(chosen) < (3 if is_exact else 1) * len(held.rows)
    with np.errstate(all="ignore"):
        cosines = _products(held.matrix, chosen if few else None, asked)
    found = np.full(len(segment), -np.inf, dtype=cosines.dtype)
    if not few:
        cosines = cosines[chosen]
    found[held.rows[chosen]] = np.where(np.isfinite(cosines), cosines, -np.inf)
    return found


class _Ranking:
    """The documents of all slices, numbered through."""

    def __init__(self, found: Sequence[_Candidates], query: IndexQuery, hasher: Hasher) -> None:
        self._found = found
        self._query = query
        self._hasher = hasher
        self._starts = np.cumsum([0, *(len(each.passed) for each in found)])
        self._dense = _joined([each.dense for each in found], np.float32)
        self._lexical = _joined([each.lexical for each in found], np.float64)
        self._scope_keys = list(dict.fromkeys(each.scope_key for each in found))
        self._tier_names = list(dict.fromkeys(name for each in found for name in each.part.segment.names.tier_names))

    def result(self, limit: int, words: Mapping[str, WordStatistics]) -> SearchResult:
        """Return the best `limit` by each field and what stands around them, all with both scores."""
        chosen = np.zeros(len(self._dense), dtype=np.bool_)
        chosen[self._best_dense(limit)] = True
        chosen[self._best_lexical(limit)] = True
        standing, places = self._standing(chosen) if self._query.around else (np.empty(0, np.intp), np.empty(0, np.intp))
        found, is_found = np.flatnonzero(chosen), chosen[standing]
        found_places = np.full(len(found), -1)
        found_places[found.searchsorted(standing[is_found])] = places[is_found]
        ascending = np.argsort(standing[~is_found])
        hits = self._columns(found, found_places)
        around = self._columns(standing[~is_found][ascending], places[~is_found][ascending])
        by_meaning = np.where(np.isnan(hits.dense), np.inf, -hits.dense)
        return SearchResult(
            hits=self._in_order(hits, (-hits.lexical, by_meaning)),
            considered=sum(int(np.count_nonzero(each.passed)) for each in self._found),
            around=self._in_order(around, (around.created_at, around.said_at)),
            words=words,
        )

    def _in_order(self, hits: Columns, by: Sequence[NDArray[np.float64] | NDArray[np.int64]]) -> Hits:
        """Return the hits ascending by these columns, the last one first, and then by their ids."""

        def names(rows: list[int]) -> list[_Identity]:
            ids, revisions, chunks, scopes = (
                column[rows].tolist() for column in (hits.ids, hits.revisions, hits.chunks, hits.scopes)
            )
            return list(zip(ids, revisions, chunks, map(self._scope_keys.__getitem__, scopes), strict=True))

        order = ordered(by, names)
        return Hits(hits.of(order), self._scope_keys, self._tier_names)

    def _standing(self, chosen: Mask) -> tuple[Numbers, Numbers]:
        """Return what stands near something chosen in its session, in the order of sessions, and the place of each; see `Hit`."""
        around = self._query.around
        standing, begins = self._sessions(chosen)
        if not len(standing):
            return standing, standing
        places = np.arange(len(standing)) + np.concatenate([[0], np.cumsum(begins)]) * (around + 1)
        is_found = chosen[standing]
        near = np.zeros(int(places[-1]) + 2 * around + 1, dtype=np.bool_)
        for distance in range(2 * around + 1):
            near[places[is_found] + distance] = True
        kept = near[places + around]
        return standing[kept], places[kept]

    def _sessions(self, chosen: Mask) -> tuple[Numbers, Mask]:
        """Return all that passed of sessions with something chosen, in order, and which but the first begins another session."""
        parts = [each.part.segment for each in self._found]
        bounds = zip(self._starts.tolist(), self._starts[1:].tolist(), strict=False)
        sessions = [segment.facts[Fact.SESSION][chosen[start:end]] for segment, (start, end) in zip(parts, bounds, strict=True)]
        wanted = np.sort(_joined(sessions, np.int64))
        asked = wanted[(wanted != 0) & np.append(True, wanted[1:] != wanted[:-1])[: len(wanted)]].astype(np.uint64)
        rows = [segment.sessions.members(asked) if len(asked) else np.empty(0, dtype=np.int32) for segment in parts]
        rows = [each[candidates.passed[each]] for each, candidates in zip(rows, self._found, strict=True)]
        some = [number for number, each in enumerate(rows) if len(each)]
        if not some:
            return np.empty(0, dtype=np.intp), np.empty(0, dtype=np.bool_)
        if len(some) == 1:
            (only,) = some
            session = parts[only].facts[Fact.SESSION][rows[only]]
            return rows[only] + self._starts[only], session[1:] != session[:-1]
        numbers = np.concatenate([rows[number] + self._starts[number] for number in some])
        created, said, session = (
            np.concatenate([parts[number].facts[fact][rows[number]] for number in some])
            for fact in (Fact.CREATED_AT, Fact.SAID_AT, Fact.SESSION)
        )
        # The same session id under two scope keys is two sessions.
        scopes = np.repeat(
            [self._scope_keys.index(self._found[number].scope_key) for number in some], [len(rows[number]) for number in some]
        )
        order = ordered((created, said, session, scopes), lambda tied: self._ranks(numbers[tied]))
        session, scopes = session[order], scopes[order]
        return numbers[order], (session[1:] != session[:-1]) | (scopes[1:] != scopes[:-1])

    def _best_dense(self, limit: int) -> Numbers:
        """Return the best by exact cosine.

        The float32 products choose generously: everything within the rounding error of the last place is measured again
        in float64, so that neither the order nor the choice depends on how the documents lie in memory.
        """
        limit = min(limit, len(self._dense))
        if not limit:
            return np.empty(0, dtype=np.intp)
        last = np.partition(self._dense, len(self._dense) - limit)[len(self._dense) - limit]
        # Twice the bound n·u of a float32 dot product of n parts of unit vectors (Higham 2002, section 3.1).
        margin = len(self._query.vector or b"") / 4 * float(np.finfo(np.float32).eps)
        near = np.flatnonzero((self._dense >= last - margin) & (self._dense > -np.inf))
        return self._first(limit, near, self._exact(near))

    def _best_lexical(self, limit: int) -> Numbers:
        sharing = np.flatnonzero(self._lexical > 0)
        return self._first(limit, sharing, self._lexical[sharing])

    def _first(self, limit: int, numbers: Numbers, scores: Scores) -> Numbers:
        """Return so many with the highest of these scores; which of those with the last score, their ids decide."""
        if len(numbers) <= limit:
            return numbers
        if not limit:
            return numbers[:0]
        last = np.partition(scores, len(scores) - limit)[len(scores) - limit]
        above, equal = numbers[scores > last], numbers[scores == last]
        if len(above) + len(equal) > limit:
            equal = equal[self._by_ids(equal)[: limit - len(above)]]
        return np.concatenate([above, equal])

    def _by_ids(self, numbers: Numbers) -> Numbers:
        """Return the order of these documents, ascending, by what decides between equal scores."""
        alphabetical = sorted(self._scope_keys)
        pieces = [
            (
                np.full(len(rows), alphabetical.index(each.scope_key)),
                each.part.segment.facts[Fact.CHUNK][rows],
                each.part.segment.facts[Fact.REVISION][rows],
                each.part.segment.names.ids[rows],
            )
            for each, _, rows in self._by_slice(numbers)
        ]
        return np.lexsort([np.concatenate(column) for column in zip(*pieces, strict=True)])

    def _ranks(self, numbers: Numbers) -> list[int]:
        """Return which place each of these documents has by its ids."""
        ascending = np.sort(numbers)
        ranks = np.empty(len(numbers), dtype=np.intp)
        ranks[self._by_ids(ascending)] = np.arange(len(numbers))
        found: list[int] = ranks[ascending.searchsorted(numbers)].tolist()
        return found

    def _exact(self, numbers: Numbers) -> NDArray[np.float64]:
        """Return the cosines of these documents, ascending, to float64; NaN of those that cannot be compared."""
        asked = np.frombuffer(self._query.vector or b"", dtype="<f4").astype(np.float64)
        exact = np.full(len(numbers), np.nan)
        can_be = self._dense[numbers] > -np.inf
        for each, mine, rows in self._by_slice(numbers):
            compared = rows[can_be[mine]]
            if each.dense.dtype == np.float64:
                exact[mine][can_be[mine]] = each.dense[compared]
            elif len(compared):
                held = each.part.segment.vectors[self._query.model, 4 * len(asked)]
                lines = compared if len(held.rows) == len(each.passed) else held.rows.searchsorted(compared)
                exact[mine][can_be[mine]] = _products(held.matrix, lines, asked)
        rounded: NDArray[np.float64] = np.round(np.clip(exact, -1.0, 1.0), DENSE_DIGITS)
        return rounded

    def _columns(self, numbers: Numbers, places: Numbers) -> Columns:
        """Return these documents, ascending, as hits at these places."""
        pieces = [self._of_slice(each, rows) for each, _, rows in self._by_slice(numbers)]
        if not pieces:
            return Hits.of(()).columns
        ids, memories, scopes, tiers, overlay, named, counts, *facts = (
            np.concatenate(column) if len(column) > 1 else column[0] for column in zip(*pieces, strict=True)
        )
        revisions, chunks, versions, created_at, said_at, lengths, traits = (column.astype(np.int64) for column in facts)
        return Columns(
            ids,
            memories,
            scopes,
            tiers,
            revisions,
            chunks,
            versions,
            self._exact(numbers),
            self._lexical[numbers],
            created_at,
            overlay,
            said_at,
            lengths,
            traits,
            named,
            counts,
            places,
        )

    def _of_slice(self, each: _Candidates, rows: Numbers) -> list[Column]:
        """Return the columns of some documents of a slice, facts last."""
        segment = each.part.segment
        recoded = np.array([self._tier_names.index(name) for name in segment.names.tier_names], dtype=np.int64)
        is_named = np.zeros(len(segment), dtype=np.bool_)
        if self._query.speaker is not None:
            (place,) = segment.facets.find([self._hasher.facet(Facet.SPEAKER, self._query.speaker)])
            is_named[segment.facets.rows[place]] = True
        return [
            segment.names.ids[rows],
            segment.names.keys[rows],
            np.full(len(rows), self._scope_keys.index(each.scope_key)),
            recoded[segment.names.tiers[rows]],
            np.full(len(rows), each.part.overlay),
            is_named[rows],
            each.words.counts(each.number, rows),
            *(segment.facts[fact][rows] for fact in _SHOWN),
        ]

    def _by_slice(self, numbers: Numbers) -> Iterable[tuple[_Candidates, slice, Numbers]]:
        """Yield each slice that has some of these documents, ascending, where they stand among them, and their rows in it."""
        bounds = numbers.searchsorted(self._starts).tolist()
        for each, start, first, end in zip(self._found, self._starts.tolist(), bounds, bounds[1:], strict=False):
            if first < end:
                yield each, slice(first, end), numbers[first:end] - start


_SHOWN = (Fact.REVISION, Fact.CHUNK, Fact.ROW_VERSION, Fact.CREATED_AT, Fact.SAID_AT, Fact.LENGTH, Fact.TRAITS)


def _joined(columns: Sequence[Column], kind: type[np.generic]) -> Column:
    """Return the columns as one, without copying the only one."""
    return columns[0] if len(columns) == 1 else np.concatenate([np.empty(0, dtype=kind), *columns])


def _products(matrix: NDArray[np.float32], lines: Numbers | None, asked: NDArray[np.floating]) -> NDArray[np.floating]:
    """Return the product of each of these lines, or of all, and a vector, to the vector's precision."""
    if lines is None and asked.dtype == matrix.dtype:
        every: NDArray[np.floating] = np.vecdot(matrix, asked)
        return every
    count = len(matrix) if lines is None else len(lines)
    products = np.empty(count, dtype=asked.dtype)
    narrow = np.empty((min(_BLOCK, count), matrix.shape[1]), dtype=np.float32)
    wide = narrow if asked.dtype == narrow.dtype else np.empty(narrow.shape, dtype=asked.dtype)
    for first in range(0, count, _BLOCK):
        some = slice(0, min(_BLOCK, count - first))
        if lines is None:
            wide[some] = matrix[first : first + _BLOCK]
        else:
            # Without `clip` numpy would take a copy first, in case a number were outside.
            np.take(matrix, lines[first : first + _BLOCK], axis=0, out=narrow[some], mode="clip")
            if wide is not narrow:
                wide[some] = narrow[some]
        np.vecdot(wide[some], asked, out=products[first : first + _BLOCK])
    return products
