"""From a row to what the index should hold of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from math import isfinite
from typing import TypeGuard

from backend.embedding.model import Vector
from backend.extraction.model import Span
from backend.index.model import ACTIVE, ARCHIVED, IndexDocument, MetadataValue, Tombstone
from backend.index.text import stems
from backend.index.traits import traits_of
from backend.kit.clock import epoch_ms
from backend.memories.model import WAITING, Changes, Memory, Revision, State

MOST_METADATA_FIELDS = 64
LARGEST_WHOLE_NUMBER = 2**63 - 1
"""What an index can hold as a number; a whole number of JSON may have thousands of digits."""


def changes_for(memory: Memory, earlier: Sequence[Revision] = ()) -> Changes:
    """Return what the index should hold of a memory: its pieces and those of earlier revisions; of a forgotten one the tombstone.

    Nothing for one that waits for a decision, as nobody may find it, and for one that cannot be read: what the index has stays.
    """
    if memory.state is State.FORGOTTEN:
        recorded = memory.forgotten_at or memory.updated_at
        return (Tombstone(memory.scope_key, memory.memory_id, memory.row_version, epoch_ms(recorded)),)
    if memory.state in WAITING or memory.unreadable:
        return ()
    findable = (each for each in earlier if not each.memory.unreadable and each.memory.state not in WAITING)
    closed = (document for each in findable for document in _closed(each, memory))
    return (*documents_of(memory), *closed)


def documents_of(memory: Memory) -> tuple[IndexDocument, ...]:
    """Return a document for each piece: words of "Speaker: piece", vector of the piece alone (docs/decisions.md, ranking).

    Of a row that was read without the vectors of its further pieces they have a model and no vector.
    """
    vectors: tuple[Vector | None, ...] = memory.vectors
    if len(vectors) != len(memory.pieces):
        vectors = (None,) * len(memory.pieces)
    pieces = zip(memory.pieces, vectors, strict=True)
    return tuple(_document(memory, number, span, vector) for number, (span, vector) in enumerate(pieces))


def _closed(revision: Revision, now: Memory) -> Iterator[IndexDocument]:
    """Return the documents of an earlier revision: found by who asks what was known while it was the current one."""
    # The version of the write that closed it: above that of every write while it was open.
    version = max(revision.memory.row_version + 1, now.filed_at or 0)
    for document in documents_of(revision.memory):
        yield replace(document, row_version=version, known_until=epoch_ms(revision.known_until), tier=now.tier, state=_filed(now))


def _document(memory: Memory, number: int, span: Span, vector: Vector | None) -> IndexDocument:
    piece = memory.text[span[0] : span[1]]
    said = f"{memory.speaker}: {piece}" if memory.speaker else piece
    return IndexDocument(
        scope_key=memory.scope_key,
        memory_id=memory.memory_id,
        revision=memory.revision,
        chunk=number,
        row_version=memory.row_version,
        stems=stems(said),
        vector=vector,
        model=memory.model,
        created_at=epoch_ms(memory.created_at),
        occurred_at=_ms(memory.occurred_at),
        valid_from=_ms(memory.valid_from),
        valid_until=_ms(memory.valid_until),
        known_from=epoch_ms(memory.since),
        expires_at=_ms(memory.expires_at),
        span=span,
        session_id=memory.session_id,
        speaker=memory.speaker,
        source=memory.source,
        tags=memory.tags,
        memory_type=memory.memory_type,
        tier=memory.tier,
        state=_filed(memory),
        is_summary=memory.is_summary,
        importance=memory.importance,
        confidence=memory.confidence,
        traits=traits_of(piece, memory.speaker),
        metadata=_filterable(memory),
    )


def _filed(memory: Memory) -> str:
    return ARCHIVED if memory.state is State.ARCHIVED else ACTIVE


def is_filterable(value: object) -> TypeGuard[str | float | bool]:
    """Tell whether metadata can be filtered by this value: text, true or false, a finite number of at most 64 bits."""
    if isinstance(value, int):
        return abs(value) <= LARGEST_WHOLE_NUMBER
    return isinstance(value, str) or (isinstance(value, float) and isfinite(value))


def _filterable(memory: Memory) -> dict[str, MetadataValue]:
    """Return the top-level scalars of the metadata, the first 64: what filters can ask for."""
    plain = {name: value for name, value in memory.metadata.items() if is_filterable(value)}
    return dict(list(plain.items())[:MOST_METADATA_FIELDS])


def _ms(moment: datetime | None) -> int | None:
    return epoch_ms(moment) if moment else None
