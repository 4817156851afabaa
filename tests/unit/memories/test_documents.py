"""What the index is given of a memory."""

from __future__ import annotations

from datetime import timedelta

from backend.index.model import IndexDocument, Tombstone
from backend.index.text import stems
from backend.kit.clock import epoch_ms
from backend.memories.documents import MOST_METADATA_FIELDS, change_for, document_of
from tests.unit.memories.samples import MODEL, NOW, VECTOR, memory


def test_a_document_carries_what_a_question_can_filter_by() -> None:
    later = NOW + timedelta(days=1)
    each = memory(
        1,
        occurred_at=NOW,
        valid_from=NOW,
        valid_until=later,
        expires_at=later,
        source="chat",
        session_id="s1",
        tags=("a",),
        memory_type="event",
        tier="warm",
        is_summary=True,
        importance=0.25,
        confidence=0.75,
        revision=3,
        row_version=7,
    )

    document = document_of(each)

    assert (document.scope_key, document.memory_id, document.revision, document.row_version) == (
        each.scope_key,
        each.memory_id,
        3,
        7,
    )
    assert (document.source, document.session_id, document.tags) == ("chat", "s1", ("a",))
    assert (document.memory_type, document.tier, document.is_summary) == ("event", "warm", True)
    assert (document.importance, document.confidence) == (0.25, 0.75)
    assert document.created_at == document.occurred_at == document.valid_from == document.known_from == epoch_ms(NOW)
    assert document.valid_until == document.expires_at == epoch_ms(later)
    assert document.known_until is None
    assert (document.vector, document.model, document.span) == (VECTOR, MODEL, (0, len(each.text)))


def test_the_speakers_name_is_searched_with_the_words() -> None:
    assert document_of(memory(1, text="I like tea", speaker="Ana")).stems == stems("Ana: I like tea")
    assert document_of(memory(1, text="I like tea")).stems == stems("I like tea")


def test_only_top_level_scalars_of_the_metadata_are_filterable_and_not_endlessly_many() -> None:
    document = document_of(memory(1, metadata={"a": "x", "b": 1, "c": 1.5, "d": True, "e": None, "f": [1], "g": {"h": 1}}))
    large = document_of(memory(1, metadata={"most": 2**63 - 1, "least": 1 - 2**63, "more": 2**63, "digits": -(10**400)}))
    many = document_of(memory(1, metadata={str(number): number for number in range(200)}))

    assert document.metadata == {"a": "x", "b": 1, "c": 1.5, "d": True}
    assert large.metadata == {"most": 2**63 - 1, "least": 1 - 2**63}
    assert list(many.metadata.values()) == list(range(MOST_METADATA_FIELDS))


def test_a_live_memory_changes_its_document_and_a_forgotten_one_leaves_a_tombstone() -> None:
    each = memory(1)
    gone = each.forgotten(NOW + timedelta(seconds=1))

    assert isinstance(change_for(each), IndexDocument)
    assert change_for(gone) == Tombstone(each.scope_key, each.memory_id, 2, epoch_ms(NOW) + 1000)
