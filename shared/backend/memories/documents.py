"""From a row to what the index should hold of it."""

from __future__ import annotations

from datetime import datetime
from math import isfinite
from typing import TypeGuard

from backend.index.model import IndexDocument, MetadataValue, Tombstone
from backend.index.text import stems
from backend.kit.clock import epoch_ms
from backend.memories.model import Memory, State

MOST_METADATA_FIELDS = 64
LARGEST_WHOLE_NUMBER = 2**63 - 1
"""What an index can hold as a number; a whole number of JSON may have thousands of digits."""


def change_for(memory: Memory) -> IndexDocument | Tombstone:
    """Return the document of a live memory, the tombstone of a forgotten one."""
    if memory.state is State.FORGOTTEN:
        recorded = memory.forgotten_at or memory.updated_at
        return Tombstone(memory.scope_key, memory.memory_id, memory.row_version, epoch_ms(recorded))
    return document_of(memory)


def document_of(memory: Memory) -> IndexDocument:
    """Return the document: the words of "Speaker: text" and the vector of the text alone (docs/decisions.md, ranking)."""
    said = f"{memory.speaker}: {memory.text}" if memory.speaker else memory.text
    return IndexDocument(
        scope_key=memory.scope_key,
        memory_id=memory.memory_id,
        revision=memory.revision,
        chunk=0,
        row_version=memory.row_version,
        stems=stems(said),
        vector=memory.vector,
        model=memory.model,
        created_at=epoch_ms(memory.created_at),
        occurred_at=_ms(memory.occurred_at),
        valid_from=_ms(memory.valid_from),
        valid_until=_ms(memory.valid_until),
        known_from=epoch_ms(memory.created_at),
        expires_at=_ms(memory.expires_at),
        span=(0, len(memory.text)),
        session_id=memory.session_id,
        speaker=memory.speaker,
        source=memory.source,
        tags=memory.tags,
        memory_type=memory.memory_type,
        tier=memory.tier,
        is_summary=memory.is_summary,
        importance=memory.importance,
        confidence=memory.confidence,
        metadata=_filterable(memory),
    )


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
