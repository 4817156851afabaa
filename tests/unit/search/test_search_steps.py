"""What the steps that create and fill an index go by."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from backend.index.opensearch_documents import Coder, Space
from backend.kit.clock import FakeClock
from backend.kit.errors import NewerReleaseError, TableUnavailableError
from backend.memories.documents import changes_for, documents_of
from backend.memories.fake import FakeMemoryStore
from backend.memories.model import Changes, Memory
from infrastructure.search.__main__ import space_of
from infrastructure.search.indexes import SearchError
from infrastructure.search.mapping import Size, index_body, index_name
from infrastructure.search.migration import RowPage
from infrastructure.search.table_rows import TableRows
from tests.contract.index.index_cases import document, tombstone
from tests.unit.memories.samples import memory

SPACE = Space("minilm-l6-v2-int8/384", 384)


def test_another_model_dimension_or_mapping_is_another_index() -> None:
    assert index_name("memories", SPACE) == "memories-minilm-l6-v2-int8-384-384-v3"
    assert len({index_name("memories", each) for each in (SPACE, Space("b/384", 384), Space("b/384", 1024))}) == 3


def test_every_field_that_is_written_is_in_the_strict_mapping() -> None:
    space = Space("small/4", 4)
    mapping = index_body(space, Size())["mappings"]
    coder = Coder("acme", b"k" * 32)
    assert mapping["dynamic"] == "strict"
    written = coder.document(document(expires_at=5, known_until=9, session_id="s", speaker="ana"), space)
    assert "session" in written
    assert written.keys() <= mapping["properties"].keys()
    assert coder.tombstone(tombstone()).keys() <= mapping["properties"].keys()


def test_a_model_is_named_as_its_vectors_name_it() -> None:
    assert space_of("minilm-l6-v2-int8/384") == SPACE
    for wrong in ("minilm", "minilm/", "minilm/x"):
        with pytest.raises(SearchError, match="no model"):
            space_of(wrong)


def walked(store: FakeMemoryStore) -> list[RowPage]:
    """Return every page of the walk."""
    pages = [TableRows(store).page(None)]
    while pages[-1].next_cursor:
        pages.append(TableRows(store).page(pages[-1].next_cursor))
    return pages


def changes_in(pages: Sequence[RowPage]) -> list[object]:
    return [change for page in pages for changes in page.changes.values() for change in changes]


class WithRowsOfANewerRelease(FakeMemoryStore):
    """Knows which rows there are, and cannot read some of them."""

    newer: frozenset[str] = frozenset()
    down = False

    def get_many(self, tenant_id: str, memory_ids: Sequence[str]) -> dict[str, Memory]:
        if self.down:
            raise TableUnavailableError
        if self.newer & set(memory_ids):
            raise NewerReleaseError
        return super().get_many(tenant_id, memory_ids)

    def changes(self, memory: Memory) -> Changes:
        if memory.text == "Nobody knows this state.":
            raise ValueError
        return super().changes(memory)


def test_a_row_that_cannot_be_read_is_named_and_keeps_none_of_its_page_from_the_index() -> None:
    store = WithRowsOfANewerRelease(FakeClock())
    rows = [memory(1), memory(2), memory(3, text="Nobody knows this state."), memory(4)]
    for row in rows:
        store.add(row, documents_of(row), guarded=False)
    store.newer = frozenset({rows[1].memory_id})

    pages = walked(store)

    assert [each for page in pages for each in page.unread] == [("acme", rows[1].memory_id), ("acme", rows[2].memory_id)]
    assert changes_in(pages) == [*changes_for(rows[0]), *changes_for(rows[3])]
    store.down = True
    with pytest.raises(TableUnavailableError):
        TableRows(store).page(None)


def test_the_walk_of_the_table_gives_every_row_as_the_index_should_hold_it() -> None:
    store = FakeMemoryStore(FakeClock())
    rows = [memory(number) for number in range(1, 6)]
    for row in rows:
        store.add(row, documents_of(row), guarded=False)
    assert changes_in(walked(store)) == [change for row in rows for change in changes_for(row)]
