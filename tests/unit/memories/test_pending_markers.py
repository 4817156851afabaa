"""What a pending marker says is what the index has to be told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.embedding.model import Vector, to_unit
from backend.encryption.fake import FakeSeals
from backend.index.model import IndexDocument, Tombstone
from backend.memories import items, markers
from backend.memories.documents import changes_for, documents_of
from backend.memories.markers import MOST_DOCUMENTS
from backend.memories.model import Memory, Revision, State
from tests.unit.memories.generated import memories, moments, stored
from tests.unit.memories.samples import MODEL, NOW, VECTOR, memory


def cut(pieces: int) -> Memory:
    """Return a memory of so many pieces with a vector each."""
    text = "word " * pieces
    vectors = tuple(to_unit([number + 1.0, 1.0]) for number in range(pieces))
    spans = tuple((5 * number, 5 * number + 5) for number in range(pieces))
    return memory(1, text=text, chunks=spans, vector=vectors[0], more_vectors=vectors[1:])


def with_enough_vectors(each: Memory) -> Memory:
    """Return the memory with a vector for each of its pieces."""
    return replace(each, more_vectors=(each.vector,) * (len(each.pieces) - 1)) if each.vector else each


@given(memories(), moments)
def test_any_change_is_read_back_from_its_marker(each: Memory, written_at: datetime) -> None:
    changes = changes_for(with_enough_vectors(each))
    seals = FakeSeals()
    if not changes:
        return
    marker = stored(markers.marker_item(each, changes, written_at, seals))

    assert markers.changes_of(marker, seals) == list(changes)
    assert items.due_target(marker["due_sk"]) == (each.tenant_id, each.memory_id)
    assert (marker["sk"], marker["row_version"]) == (each.memory_id, each.row_version)
    assert marker["position"] == items.list_position(each.created_at, each.memory_id)


@pytest.mark.parametrize("pieces", range(2, MOST_DOCUMENTS + 1))
def test_a_marker_carries_a_few_documents_each_with_its_own_vector(pieces: int) -> None:
    each, seals = cut(pieces), FakeSeals()

    found = markers.changes_of(stored(markers.marker_item(each, documents_of(each), NOW, seals)), seals)

    assert found == list(documents_of(each))
    assert [document.vector for document in found if isinstance(document, IndexDocument)] == list(each.vectors)


def test_a_marker_carries_the_documents_of_earlier_revisions_too() -> None:
    seals = FakeSeals()
    before, after = memory(1), memory(1, text="I moved to Porto.", revision=2, row_version=2, vector=None, model=None)
    changes = changes_for(after, [Revision(before, NOW + timedelta(days=1))])

    found = markers.changes_of(stored(markers.marker_item(after, changes, NOW, seals)), seals)

    assert found == list(changes)
    assert [document.known_until is None for document in found if isinstance(document, IndexDocument)] == [True, False]


def test_more_documents_than_a_marker_carries_are_read_from_the_row() -> None:
    each, seals = cut(MOST_DOCUMENTS + 1), FakeSeals()

    marker = markers.marker_item(each, documents_of(each), NOW, seals)

    assert markers.changes_of(stored(marker), seals) is None
    assert markers.size_of(marker) == 0
    assert not {"documents", "vectors"} & marker.keys()


def test_a_document_too_large_for_a_marker_is_read_from_the_row() -> None:
    chance, seals = Random(1), FakeSeals()  # noqa: S311 - any words will do
    large = {f"{chance.getrandbits(64):x}": 1 for _ in range(30_000)}
    documents = [replace(each, stems=large) for each in documents_of(memory(1))]

    marker = markers.marker_item(memory(1), documents, NOW, seals)

    assert markers.changes_of(stored(marker), seals) is None
    assert "documents" not in marker


def test_a_marker_whose_key_is_gone_sends_its_readers_to_the_row() -> None:
    seals = FakeSeals()
    marker = stored(markers.marker_item(memory(1), documents_of(memory(1)), NOW, seals))
    seals.expired.add(1)

    assert markers.changes_of(marker, seals) is None
    assert markers.size_of(marker) > 0


def test_a_tombstone_holds_nothing_of_the_memory_but_its_id() -> None:
    seals = FakeSeals()
    gone = memory(1, text="canary").forgotten(NOW)

    marker = markers.marker_item(gone, changes_for(gone), NOW, seals)

    (change,) = markers.changes_of(stored(marker), seals) or []
    assert isinstance(change, Tombstone)
    assert change == changes_for(gone)[0]
    assert "canary" not in repr(marker)


@given(st.sampled_from([State.DISPUTED, State.QUARANTINED]))
def test_what_waits_for_a_decision_has_nothing_for_the_index(state: State) -> None:
    assert changes_for(memory(1, state=state)) == ()


def test_a_document_without_a_vector_stays_without_one() -> None:
    each, seals = memory(1, vector=None, model=None), FakeSeals()

    (document,) = markers.changes_of(stored(markers.marker_item(each, documents_of(each), NOW, seals)), seals) or []

    assert isinstance(document, IndexDocument)
    assert (document.vector, document.model) == (None, None)
    assert document.vector != Vector(VECTOR)
    assert document.model != MODEL
