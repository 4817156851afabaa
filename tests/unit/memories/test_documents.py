"""What the index is given of a memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from backend.embedding.model import to_unit
from backend.index.model import IndexDocument, Tombstone
from backend.index.text import stems
from backend.kit.clock import epoch_ms
from backend.memories.documents import MOST_METADATA_FIELDS, changes_for, documents_of
from backend.memories.model import WAITING, Memory, Revision, State
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

    (document,) = documents_of(each)

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
    (of_ana,) = documents_of(memory(1, text="I like tea", speaker="Ana"))
    (of_nobody,) = documents_of(memory(1, text="I like tea"))

    assert of_ana.stems == stems("Ana: I like tea")
    assert of_nobody.stems == stems("I like tea")


def test_only_top_level_scalars_of_the_metadata_are_filterable_and_not_endlessly_many() -> None:
    (document,) = documents_of(memory(1, metadata={"a": "x", "b": 1, "c": 1.5, "d": True, "e": None, "f": [1], "g": {"h": 1}}))
    (large,) = documents_of(memory(1, metadata={"most": 2**63 - 1, "least": 1 - 2**63, "more": 2**63, "digits": -(10**400)}))
    (many,) = documents_of(memory(1, metadata={str(number): number for number in range(200)}))

    assert document.metadata == {"a": "x", "b": 1, "c": 1.5, "d": True}
    assert large.metadata == {"most": 2**63 - 1, "least": 1 - 2**63}
    assert list(many.metadata.values()) == list(range(MOST_METADATA_FIELDS))


def test_a_live_memory_changes_its_document_and_a_forgotten_one_leaves_a_tombstone() -> None:
    each = memory(1)
    gone = each.forgotten(NOW + timedelta(seconds=1))

    (document,) = changes_for(each)
    assert isinstance(document, IndexDocument)
    assert changes_for(gone) == (Tombstone(each.scope_key, each.memory_id, 2, epoch_ms(NOW) + 1000),)


def cut(pieces: int = 3) -> Memory:
    """Return a memory of so many pieces, each with a vector of its own."""
    spans = tuple((5 * number, 5 * number + 5) for number in range(pieces))
    vectors = tuple(to_unit([number + 1.0, 1.0]) for number in range(pieces))
    text = "".join(f"wo{number:02d} " for number in range(pieces))
    return memory(1, text=text, chunks=spans, vector=vectors[0], more_vectors=vectors[1:], speaker="Ana")


def test_a_long_text_has_a_document_for_each_of_its_pieces() -> None:
    long = cut()

    found = documents_of(long)

    assert [each.chunk for each in found] == [0, 1, 2]
    assert [each.document_id for each in found] == [f"{long.memory_id}#1#{number}" for number in range(3)]
    assert [each.span for each in found] == list(long.chunks)
    assert [each.vector for each in found] == list(long.vectors)
    assert [each.stems for each in found] == [stems(f"Ana: wo0{number} ") for number in range(3)]


def test_a_row_read_without_the_vectors_of_its_further_pieces_claims_no_vector_for_any() -> None:
    found = documents_of(replace(cut(), more_vectors=()))

    assert [each.vector for each in found] == [None, None, None]
    assert {each.model for each in found} == {MODEL}


def test_an_earlier_revision_is_found_by_who_asks_what_was_known_while_it_was_the_current_one() -> None:
    later = NOW + timedelta(days=1)
    first = memory(1, tier="hot")
    second = replace(first.edited(later, "ops", None, text="I moved to Porto."), tier="cold")

    current, closed = changes_for(second, [Revision(first, later, "ops")])

    assert isinstance(current, IndexDocument)
    assert isinstance(closed, IndexDocument)
    assert (current.revision, current.known_from, current.known_until) == (2, epoch_ms(later), None)
    assert (closed.revision, closed.known_from, closed.known_until) == (1, epoch_ms(NOW), epoch_ms(later))
    # What closed it counts for more than every write while it was open, and it goes where its memory goes.
    assert (closed.row_version, closed.tier) == (2, "cold")


@pytest.mark.parametrize("state", sorted(WAITING))
def test_what_waited_for_a_decision_was_not_known_while_it_waited(state: State) -> None:
    later = NOW + timedelta(days=1)
    waiting = memory(1, state=state)
    accepted = waiting.edited(later, "ops", "keep_both", state=State.ACTIVE)

    assert changes_for(waiting) == ()
    assert changes_for(accepted, [Revision(waiting, later, "ops")]) == documents_of(accepted)


def test_an_earlier_revision_that_cannot_be_read_is_left_out() -> None:
    closed = Revision(memory(1, unreadable=b"x"), NOW)

    assert changes_for(memory(1, revision=2), [closed]) == documents_of(memory(1, revision=2))
