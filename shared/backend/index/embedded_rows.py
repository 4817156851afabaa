"""From an index document to what is stored of it: numbers, and keyed hashes of everything that is a word.

Neither words nor tags, sources or metadata are stored, only 64-bit BLAKE2b hashes under a random key of the file: they can
be compared but not read, and a collision between two words of one owner is a matter of 1 in 10^9 at 100,000 words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache
from hashlib import blake2b
from struct import Struct, pack
from types import MappingProxyType

from backend.index.embedded_layout import zeros_around
from backend.index.model import ACTIVE, ARCHIVED, IndexDocument, MetadataValue
from backend.index.ranges import prefixes
from backend.index.speakers import names_of

SMALLEST, LARGEST = -(2**63), 2**63 - 1
"""What a column holds for an open lower and an open upper bound."""


class Fact(IntEnum):
    """The columns of a row's facts, each a signed 64-bit number."""

    REVISION = 0
    CHUNK = 1
    ROW_VERSION = 2
    CREATED_AT = 3
    VALID_FROM = 4
    VALID_UNTIL = 5
    KNOWN_FROM = 6
    KNOWN_UNTIL = 7
    EXPIRES_AT = 8
    LENGTH = 9
    STATE = 10  # see `FILED`
    SUMMARY = 11
    SAID_AT = 12
    SESSION = 13  # hash of the session; 0 when there is none
    TRAITS = 14
    LEAD = 15  # bytes of content before the terms
    TERMS = 16  # bytes of terms
    FACETS = 17  # bytes of facets
    VECTOR = 18  # bytes of vector; 0 when there is none


class Facet(StrEnum):
    """What documents can be told apart by, for equality only."""

    MEMORY = "memory"
    SOURCE = "source"
    TAG = "tag"
    TIER = "tier"
    TYPE = "type"
    SESSION = "session"
    SPEAKER = "speaker"
    METADATA = "metadata"
    NUMBER = "number"


FILED: Mapping[str, int] = MappingProxyType({ACTIVE: 1, ARCHIVED: 2})
"""What stands for a state that can be found; 0 for every other one."""

_FACTS = Struct(f"<{len(Fact)}q")
_IDENTITY = Struct("<3q")
_SIZES = Struct("<4q")


@dataclass(frozen=True, slots=True)
class Row:
    """One stored document, column by column. `facts` are `Fact`s; `content` is terms, facets and vector between zeros.

    A term is its hash (8 bytes) and count (4), a facet its hash.
    """

    memory_id: str
    tier: str
    model: str | None
    facts: bytes
    content: bytes

    @property
    def identity(self) -> tuple[str, int, int]:
        """Memory, revision and chunk: the document id."""
        revision, chunk, _ = _IDENTITY.unpack_from(self.facts)
        return self.memory_id, revision, chunk

    @property
    def row_version(self) -> int:
        """The row version that this is of."""
        version: int = _IDENTITY.unpack_from(self.facts)[2]
        return version

    @property
    def parts(self) -> tuple[bytes, bytes, bytes]:
        """Terms, facets and vector (empty when there is none)."""
        lead, terms, facets, vector = _SIZES.unpack_from(self.facts, 8 * Fact.LEAD)
        facets_at, vector_at = lead + terms, lead + terms + facets
        return self.content[lead:facets_at], self.content[facets_at:vector_at], self.content[vector_at : vector_at + vector]


class Hasher:
    """Hashes words and facets under the key of one file."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.term = lru_cache(maxsize=1 << 16)(self._term)
        self.facet = lru_cache(maxsize=1 << 16)(self._facet)

    def memory(self, memory_id: str) -> int:
        """Return the hash of a memory's id, which is not remembered: there are more of these than of all others."""
        return self._facet(Facet.MEMORY, memory_id)

    def metadata(self, name: str, value: MetadataValue) -> int:
        """Return the hash of one metadata field and its value; equal values of JSON have equal hashes."""
        return self.facet(Facet.METADATA, f"{len(name)}:{name}{_canonical(value)}")

    def number(self, name: str, prefix: str) -> int:
        """Return the hash of one metadata field and a prefix of its number."""
        return self.facet(Facet.NUMBER, f"{len(name)}:{name}{prefix}")

    def _term(self, stem: str) -> int:
        return self._hash(b"t", stem)

    def _facet(self, kind: Facet, value: str) -> int:
        return self._hash(b"f" + kind.value.encode() + b"\0", value)

    def _hash(self, kind: bytes, value: str) -> int:
        digest = blake2b(kind + value.encode("utf-8", "surrogatepass"), digest_size=8, key=self._key)
        return int.from_bytes(digest.digest(), "little")


def encode(document: IndexDocument, hasher: Hasher) -> Row:
    """Return the row of a document. Raises `ValueError` for a vector that is not whole float32 numbers."""
    if document.vector is not None and (len(document.vector) % 4 or not document.vector):
        msg = "A vector is float32 components of 4 bytes each."
        raise ValueError(msg)
    counted = [part for stem, count in document.stems.items() if count > 0 for part in (hasher.term(stem), count)]
    terms = pack("<" + "QI" * (len(counted) // 2), *counted)
    hashes = sorted(set(_facets(document, hasher)))
    facets = pack(f"<{len(hashes)}Q", *hashes)
    vector = document.vector or b""
    beside = (document.memory_id.encode(), document.tier.encode(), None if document.model is None else document.model.encode())
    lead, tail = zeros_around(len(terms) + len(facets) + len(vector), [*beside, bytes(_FACTS.size)])
    facts = _FACTS.pack(
        document.revision,
        document.chunk,
        document.row_version,
        document.created_at,
        _or(document.valid_from, SMALLEST),
        _or(document.valid_until, LARGEST),
        document.known_from,
        _or(document.known_until, LARGEST),
        _or(document.expires_at, LARGEST),
        document.length,
        FILED.get(document.state, 0),
        document.is_summary,
        document.said_at,
        _session(document, hasher),
        document.traits,
        lead,
        len(terms),
        len(facets),
        len(vector),
    )
    content = b"".join((bytes(lead), terms, facets, vector, bytes(tail)))
    return Row(document.memory_id, document.tier, document.model, facts, content)


def _facets(document: IndexDocument, hasher: Hasher) -> Iterable[int]:
    yield hasher.memory(document.memory_id)
    yield hasher.facet(Facet.TIER, document.tier)
    yield hasher.facet(Facet.TYPE, document.memory_type)
    if document.source is not None:
        yield hasher.facet(Facet.SOURCE, document.source)
    if document.session_id is not None:
        yield hasher.facet(Facet.SESSION, document.session_id)
    for tag in document.tags:
        yield hasher.facet(Facet.TAG, tag)
    for name in names_of(document.speaker):
        yield hasher.facet(Facet.SPEAKER, name)
    for name, value in document.metadata.items():
        yield hasher.metadata(name, value)
        yield from (hasher.number(name, prefix) for prefix in prefixes(value))


def _session(document: IndexDocument, hasher: Hasher) -> int:
    """Return what tells sessions apart in a column of signed numbers."""
    return 0 if document.session_id is None else hasher.facet(Facet.SESSION, document.session_id) >> 1 or 1


def _canonical(value: MetadataValue) -> str:
    if value is None or isinstance(value, bool):
        return f"={value}"
    if isinstance(value, str):
        return f'"{value}'
    return f"#{int(value)}" if float(value).is_integer() else f"#{value!r}"


def _or(moment: int | None, otherwise: int) -> int:
    return otherwise if moment is None else moment
