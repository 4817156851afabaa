"""Hits as columns: thousands are judged for a question, and few of them are ever looked at one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from backend.index.model import Hit

Numbers = NDArray[np.int64]

_AT_A_TIME = 64


class Columns(NamedTuple):
    """The fields of hits, a row for each hit. `ids` are memory ids in UTF-8.

    `scopes` and `tiers` are numbers of names that stand beside. `memories` are equal where memory ids are equal, and hardly ever
    where they are not. `dense` is NaN for None, `places` -1; `counts` is hits by terms.
    """

    ids: NDArray[np.bytes_]
    memories: Numbers
    scopes: Numbers
    tiers: Numbers
    revisions: Numbers
    chunks: Numbers
    row_versions: Numbers
    dense: NDArray[np.float64]
    lexical: NDArray[np.float64]
    created_at: Numbers
    from_overlay: NDArray[np.bool_]
    said_at: Numbers
    lengths: Numbers
    traits: Numbers
    named: NDArray[np.bool_]
    counts: Numbers
    places: Numbers

    def of(self, rows: slice | Sequence[int] | NDArray[np.intp]) -> Columns:
        """Return some of the rows."""
        return Columns._make(column[rows] for column in self)


class Hits(Sequence[Hit]):
    """Hits, each made when it is looked at."""

    def __init__(self, columns: Columns, scope_keys: Sequence[str], tier_names: Sequence[str]) -> None:
        self.columns = columns
        self.scope_keys = tuple(scope_keys)
        self.tier_names = tuple(tier_names)

    @classmethod
    def of(cls, hits: Sequence[Hit]) -> Hits:
        """Return the same hits as columns."""
        if isinstance(hits, Hits):
            return hits
        scopes = {key: number for number, key in enumerate(dict.fromkeys(hit.scope_key for hit in hits))}
        tiers = {tier: number for number, tier in enumerate(dict.fromkeys(hit.tier for hit in hits))}
        fields = Hit._make(zip(*hits, strict=True)) if hits else Hit._make([()] * len(Hit._fields))

        def whole(values: object) -> Numbers:
            return np.array(values, dtype=np.int64)

        return cls(
            Columns(
                ids=np.array([hit.memory_id.encode() for hit in hits], dtype=np.bytes_),
                memories=whole([hash(hit.memory_id) for hit in hits]),
                scopes=whole([scopes[hit.scope_key] for hit in hits]),
                tiers=whole([tiers[hit.tier] for hit in hits]),
                revisions=whole(fields.revision),
                chunks=whole(fields.chunk),
                row_versions=whole(fields.row_version),
                dense=np.array(fields.dense, dtype=np.float64),
                lexical=np.array(fields.lexical, dtype=np.float64),
                created_at=whole(fields.created_at),
                from_overlay=np.array(fields.from_overlay, dtype=np.bool_),
                said_at=whole(fields.said_at),
                lengths=whole(fields.length),
                traits=whole(fields.traits),
                named=np.array(fields.named, dtype=np.bool_),
                counts=whole(fields.counts).reshape(len(hits), -1 if any(hit.counts for hit in hits) else 0),
                places=whole([-1 if hit.place is None else hit.place for hit in hits]),
            ),
            list(scopes),
            list(tiers),
        )

    @classmethod
    def joined(cls, first: Sequence[Hit], then: Sequence[Hit]) -> Hits:
        """Return the hits of both, one after the other."""
        if not first or not then:
            return cls.of(first or then)
        if not (isinstance(first, Hits) and isinstance(then, Hits) and first.names == then.names):
            return cls.of([*first, *then])
        columns = Columns._make(map(np.concatenate, zip(first.columns, then.columns, strict=True)))
        return cls(columns, *first.names)

    @property
    def names(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """What the numbers of scope keys and tiers stand for."""
        return self.scope_keys, self.tier_names

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.columns.ids)

    @overload
    def __getitem__(self, at: int) -> Hit: ...
    @overload
    def __getitem__(self, at: slice) -> Hits: ...
    def __getitem__(self, at: int | slice) -> Hit | Hits:
        """Return one, or some."""
        if isinstance(at, slice):
            return Hits(self.columns.of(at), *self.names)
        number = range(len(self))[at]
        return next(self[number : number + 1].made())

    def chosen(self, rows: Sequence[int]) -> list[Hit]:
        """Return the hits of these rows."""
        return list(Hits(self.columns.of(rows), *self.names).made()) if rows else []

    def __iter__(self) -> Iterator[Hit]:
        """Yield each; who stops early has made few."""
        for start in range(0, len(self), _AT_A_TIME):
            yield from self[start : start + _AT_A_TIME].made()

    def __eq__(self, other: object) -> bool:
        """Tell whether these are the same hits."""
        return isinstance(other, Sequence) and tuple(self) == tuple(other)

    def __hash__(self) -> int:
        """Return the hash of the hits."""
        return hash(tuple(self))

    def __repr__(self) -> str:
        """Return the hits."""
        return repr(tuple(self))

    def made(self) -> Iterator[Hit]:
        """Make all of them at once."""
        rows = Columns(*(column.tolist() for column in self.columns))
        return map(
            Hit,
            map(self.scope_keys.__getitem__, rows.scopes),
            map(bytes.decode, rows.ids),
            rows.revisions,
            rows.chunks,
            rows.row_versions,
            [None if cosine != cosine else cosine for cosine in rows.dense],  # noqa: PLR0124 - only NaN differs from itself
            rows.lexical,
            map(self.tier_names.__getitem__, rows.tiers),
            rows.created_at,
            rows.from_overlay,
            rows.said_at,
            rows.lengths,
            rows.traits,
            rows.named,
            map(tuple, rows.counts),
            [None if place < 0 else place for place in rows.places],
        )
