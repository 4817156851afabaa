"""Memories of every kind, for tests of what holds for any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from backend.embedding.model import pack
from backend.extraction.extracted_key import extracted_key
from backend.extraction.model import Claimed, EventTime, Precision
from backend.kit.dynamodb.values import from_item, to_item
from backend.memories.model import Memory, State
from backend.tenancy.scope import Environment, user_scope
from tests.unit.memories.samples import MODEL, memory_id

MILLISECOND = timedelta(milliseconds=1)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=40)
optional_texts = st.none() | texts
moments = st.integers(0, 4_000_000_000_000).map(lambda ms: datetime(1970, 1, 1, tzinfo=UTC) + ms * MILLISECOND)
optional_moments = st.none() | moments
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
json_objects = st.dictionaries(
    texts,
    st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)),
    max_size=4,
)
vectors = st.none() | st.lists(st.floats(width=32, allow_nan=False), min_size=1, max_size=8).map(pack)
fractions = st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)
claims = st.none() | st.builds(Claimed, texts, texts, texts)
events = st.none() | st.builds(EventTime, moments, moments, st.sampled_from(Precision))
counts = st.integers(1, 10**9)
some_ids = st.lists(st.integers(0, 9).map(memory_id), max_size=3).map(tuple)


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    """Return any memory as it stands in a row: of the vectors of its pieces that of the first alone."""
    scope = user_scope(
        draw(st.sampled_from(["acme", "a.b_c-d"])), draw(st.sampled_from([None, "support"])), Environment.TEST, draw(texts)
    )
    text = draw(texts)
    vector = draw(vectors)
    cut = draw(st.integers(0, len(text)))
    return Memory(
        memory_id=memory_id(draw(st.integers(0, 10**26 - 1))),
        tenant_id=scope.tenant_id,
        scope_key=scope.home,
        project_id=scope.project_id,
        end_user_id=scope.end_user_id,
        text=text,
        extracted_key=extracted_key(text),
        created_at=draw(moments),
        updated_at=draw(moments),
        valid_from=draw(moments),
        valid_until=draw(optional_moments),
        occurred_at=draw(optional_moments),
        expires_at=draw(optional_moments),
        source=draw(optional_texts),
        event_type=draw(optional_texts),
        tags=tuple(draw(st.lists(texts, max_size=3, unique=True))),
        importance=draw(fractions),
        metadata=draw(json_objects),
        session_id=draw(optional_texts),
        speaker=draw(optional_texts),
        role=draw(optional_texts),
        category=draw(texts),
        memory_type=draw(texts),
        confidence=draw(fractions),
        tier=draw(st.sampled_from(["hot", "warm", "cold"])),
        state=draw(st.sampled_from(State)),
        is_summary=draw(st.booleans()),
        summary=draw(optional_texts),
        vector=vector,
        model=MODEL if vector else None,
        revision=draw(counts),
        row_version=draw(counts),
        forgotten_at=draw(optional_moments),
        chunks=draw(st.sampled_from([(), ((0, cut), (cut, len(text)))])),
        event=draw(events),
        claimed=draw(claims),
        known_from=draw(optional_moments),
        actor=draw(optional_texts),
        reason=draw(optional_texts),
        superseded_by=draw(st.none() | st.just(memory_id(7))),
        superseded_at=draw(optional_moments),
        ended_before=draw(optional_moments),
        last_said=draw(optional_moments),
        supersedes=draw(some_ids),
        disputes=draw(some_ids),
        derived_from=draw(some_ids),
        rule=draw(optional_texts),
        helpful=draw(st.integers(0, 10**6)),
        unhelpful=draw(st.integers(0, 10**6)),
        embed_tries=draw(st.integers(0, 9)),
        vectors_at=draw(st.none() | counts),
    )


def stored(item: dict[str, Any]) -> dict[str, Any]:
    """Return the item as the table gives it back."""
    return from_item(to_item(item))
