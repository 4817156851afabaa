"""From an index document to what OpenSearch stores of it: numbers, a vector, and keyed hashes of everything that is a word.

Whoever reads the domain can tell that two documents of one owner share a word, but not which; the same word of another owner
has another hash. The key is the tenant's and is not in the domain.

A word is held twice, for two ways of asking: in `words` its hash, for finding; in `counts` one number that is the hash and, in
its lowest 20 bits, how often the word stands in the document, for scoring. 43 bits of hash: of an owner's 100,000 words one is
mistaken for a word asked for once in 10^8 questions. Both are of one scope key alone, so a list of postings holds documents
of one owner only, and counting it is counting for that owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from math import isfinite
from typing import Any
from urllib.parse import quote

from backend.embedding.model import Vector, unpack
from backend.index.model import ACTIVE, ARCHIVED, IndexDocument, IndexFilter, MetadataValue, Tombstone
from backend.index.ranges import prefixes
from backend.index.speakers import names_of

COUNT_BITS = 20
MOST_COUNTED = 2**COUNT_BITS - 1
"""More of one word than any text that is taken in can hold."""

_WORD_BITS = 43
OPEN_START, OPEN_END = -(2**63), 2**63 - 1
"""What stands for an open lower and an open upper bound."""


class Kind(StrEnum):
    """What an entry of the index is."""

    DOCUMENT = "document"
    TOMBSTONE = "tombstone"  # one a forgotten memory: keeps its later documents out
    EMPTY = "empty"  # what is left of a document that a tombstone emptied


class Facet(StrEnum):
    """What documents can be told apart by, for equality only."""

    SOURCE = "source"
    TAG = "tag"
    TIER = "tier"
    TYPE = "type"
    SESSION = "session"
    SPEAKER = "speaker"
    METADATA = "metadata"
    NUMBER = "number"
    STATE = "state"


@dataclass(frozen=True, slots=True)
class Space:
    """Which vectors an index holds: those of one model and dimension."""

    model: str
    dimension: int

    def holds(self, vector: Vector | None, model: str | None) -> bool:
        """Tell whether the vector can be compared with those held: of this model and size, and finite."""
        return (
            vector is not None
            and model == self.model
            and len(vector) == 4 * self.dimension
            and all(isfinite(part) for part in unpack(vector))
        )


class Coder:
    """Writes one tenant's changes as OpenSearch shall hold them. `key` is secret and at most 64 bytes long."""

    def __init__(self, tenant_id: str, key: bytes) -> None:
        self.tenant_id = tenant_id
        self._key = key

    @property
    def routing(self) -> str:
        """What all entries of the tenant are routed by. Quoted: a comma would name two routes."""
        return quote(self.tenant_id, safe="")

    def scope(self, scope_key: str) -> str:
        """Return what stands for a scope key, which may name a person."""
        return self._hash("scope", self.tenant_id, scope_key).hex()

    def word(self, scope_key: str, stem: str) -> int:
        """Return what stands for a stem in documents of this scope key: 43 bits."""
        return int.from_bytes(self._hash("word", scope_key, stem)) >> (128 - _WORD_BITS)

    def session(self, scope_key: str, session_id: str) -> str:
        """Return what stands for a session; the same id under another scope key is another session."""
        return self._hash("session", scope_key, session_id).hex()

    def facet(self, kind: Facet, *parts: str) -> str:
        """Return what stands for one value that filters can ask for."""
        return self._hash("facet", kind, *parts).hex()

    def facets(self, document: IndexDocument) -> list[str]:
        """Return what stands for everything that filters can ask of a document, and for the names of its speaker."""
        return sorted({self.facet(kind, *parts) for kind, *parts in _facets(document)})

    def asked_facets(self, asked: IndexFilter) -> Iterable[list[str]]:
        """Yield lists of facets; a document must have one of each list."""
        for kind, values in (
            (Facet.SOURCE, asked.sources),
            (Facet.TAG, asked.tags),
            (Facet.TIER, asked.tiers),
            (Facet.TYPE, asked.memory_types),
            (Facet.SESSION, () if asked.session_id is None else (asked.session_id,)),
        ):
            if values:
                yield [self.facet(kind, value) for value in values]
        for name, value in asked.metadata.items():
            yield [self.facet(Facet.METADATA, name, _canonical(value))]
        for name, numbers in asked.ranges.items():
            yield [self.facet(Facet.NUMBER, name, prefix) for prefix in numbers.covering()]

    def tombstone_id(self, change: IndexDocument | Tombstone) -> str:
        """Return the id of the tombstone that the change's memory has or could have."""
        return f"{self.scope(change.scope_key)}#{change.memory_id}"

    def document_id(self, document: IndexDocument) -> str:
        """Return the id: one of the tenant, the scope key, the memory, the revision and the chunk."""
        return document_id(self.scope(document.scope_key), document.memory_id, document.revision, document.chunk)

    def document(self, document: IndexDocument, space: Space, *, with_places: bool = True) -> dict[str, Any]:
        """Return the entry of a document, for an index that has the columns of places or has not.

        Raises `ValueError` for a vector that is not whole float32 numbers.
        """
        if document.vector is not None and (len(document.vector) % 4 or not document.vector):
            msg = "A vector is float32 components of 4 bytes each."
            raise ValueError(msg)
        held = {self.word(document.scope_key, stem): count for stem, count in document.stems.items() if count > 0}
        entry = {
            **self._identity(Kind.DOCUMENT, document.scope_key, document.memory_id, document.row_version),
            "revision": document.revision,
            "chunk": document.chunk,
            "tier": document.tier,
            "created_at": document.created_at,
            "valid_from": OPEN_START if document.valid_from is None else document.valid_from,
            "valid_until": OPEN_END if document.valid_until is None else document.valid_until,
            "known_from": document.known_from,
            "known_until": OPEN_END if document.known_until is None else document.known_until,
            "expires_at": OPEN_END if document.expires_at is None else document.expires_at,
            "active": document.state == ACTIVE,
            "current": document.state == ACTIVE and document.known_until is None,
            "summary": document.is_summary,
            "facets": self.facets(document),
            "words": [format(word, "x") for word in held],
            "counts": [word << COUNT_BITS | min(count, MOST_COUNTED) for word, count in held.items()],
            "length": document.length,
        }
        if with_places:
            entry |= {"said_at": document.said_at, "traits": document.traits}
            if document.session_id is not None:
                entry["session"] = self.session(document.scope_key, document.session_id)
        if document.vector is not None and space.holds(document.vector, document.model):
            entry["vector"] = components(document.vector)
        return entry

    def tombstone(self, grave: Tombstone) -> dict[str, Any]:
        """Return the entry of a tombstone."""
        identity = self._identity(Kind.TOMBSTONE, grave.scope_key, grave.memory_id, grave.row_version)
        return {**identity, "recorded_at": grave.recorded_at}

    def _identity(self, kind: Kind, scope_key: str, memory_id: str, row_version: int) -> dict[str, Any]:
        return {
            "kind": kind.value,
            "tenant": self.tenant_id,
            "scope": self.scope(scope_key),
            "memory_id": memory_id,
            "row_version": row_version,
        }

    def _hash(self, *parts: str) -> bytes:
        digest = blake2b(digest_size=16, key=self._key)
        for part in parts:
            data = part.encode("utf-8", "surrogatepass")
            digest.update(len(data).to_bytes(8) + data)
        return digest.digest()


def document_id(scope: str, memory_id: str, revision: int, chunk: int) -> str:
    """Return the id of a document's entry; `scope` is what stands for its scope key."""
    return f"{scope}#{memory_id}#{revision}#{chunk}"


def components(vector: Sequence[float] | Vector) -> list[float]:
    """Return the parts of a vector in nine digits: as many as tell every float32 from every other, and half the bytes."""
    parts = unpack(vector) if isinstance(vector, bytes) else vector
    return [float(f"{part:.9g}") for part in parts]


def _facets(document: IndexDocument) -> Iterable[tuple[Facet, *tuple[str, ...]]]:
    yield Facet.TIER, document.tier
    yield Facet.TYPE, document.memory_type
    if document.state == ARCHIVED:
        yield Facet.STATE, ARCHIVED
    if document.source is not None:
        yield Facet.SOURCE, document.source
    if document.session_id is not None:
        yield Facet.SESSION, document.session_id
    for name in names_of(document.speaker):
        yield Facet.SPEAKER, name
    for tag in document.tags:
        yield Facet.TAG, tag
    for name, value in document.metadata.items():
        yield Facet.METADATA, name, _canonical(value)
        yield from ((Facet.NUMBER, name, prefix) for prefix in prefixes(value))


def _canonical(value: MetadataValue) -> str:
    """Return one text for all values that are one value of JSON: 1 and 1.0, but not true and not "1"."""
    if value is None or isinstance(value, bool):
        return f"={value}"
    if isinstance(value, str):
        return f'"{value}'
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return f"#{value!r}"
