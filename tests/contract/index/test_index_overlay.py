"""Changes that the index may not hold yet are searched as if it did, on every index."""

from __future__ import annotations

from backend.index.model import IndexDocument, Tombstone
from backend.index.ports import MemoryIndex
from tests.contract.index.index_cases import ANA, BEN, document, found, ids, question, scope_of, tombstone


def test_a_pending_document_is_found_and_says_so(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "boat")])
    result = index.search(ANA, question("boat"), [document("m2", "boat")])
    assert [(hit.memory_id, hit.from_overlay) for hit in result.hits] == [("m1", False), ("m2", True)]
    assert ids(index.search(ANA, question("boat"))) == ["m1"]


def test_an_overlay_is_found_in_an_index_that_holds_nothing(index: MemoryIndex) -> None:
    assert found(index, overlay=[document("m2")]) == {"m2#1#0"}


def test_the_scores_are_those_after_the_write(index: MemoryIndex) -> None:
    pending: list[IndexDocument | Tombstone] = [
        document("m1", "tree", row_version=2),
        document("m3", "boat boat house"),
        tombstone("m2"),
    ]
    index.write("acme", [document("m1", "boat"), document("m2", "boat tree"), document("m4", "boat house")])
    asked = question("boat house tree")
    before = index.search(ANA, asked, pending)
    index.write("acme", pending)
    after = index.search(ANA, asked)
    assert [(h.memory_id, h.dense, h.lexical) for h in before.hits] == [(h.memory_id, h.dense, h.lexical) for h in after.hits]
    assert before.considered == after.considered


def test_a_newer_pending_version_replaces_what_is_indexed(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "boat")])
    result = index.search(ANA, question("boat tree"), [document("m1", "tree", row_version=2)])
    assert [(hit.memory_id, hit.row_version, hit.from_overlay) for hit in result.hits] == [("m1", 2, True)]


def test_an_older_or_equal_pending_version_is_ignored(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "boat", row_version=3)])
    for version in (1, 2, 3):
        result = index.search(ANA, question("boat tree"), [document("m1", "tree", row_version=version)])
        assert [(hit.row_version, hit.from_overlay) for hit in result.hits] == [(3, False)]


def test_a_pending_tombstone_hides_documents_indexed_and_pending(index: MemoryIndex) -> None:
    index.write("acme", [document("m1"), document("m1", chunk=1), document("m2")])
    assert found(index, overlay=[document("m1", row_version=2), tombstone("m1", 3), document("m1", row_version=1)]) == {"m2#1#0"}
    assert found(index) == {"m1#1#0", "m1#1#1", "m2#1#0"}


def test_a_pending_end_hides_what_the_index_still_holds_as_open(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", known_from=100), document("m2")])
    ended: list[IndexDocument | Tombstone] = [
        document("m1", row_version=2, known_from=100, known_until=2000),
        document("m1", revision=2, row_version=2, known_from=2000, valid_until=1500),
    ]
    assert found(index, overlay=ended, now=2000) == {"m2#1#0"}
    assert found(index, overlay=ended, now=2000, as_of=1200) == {"m1#2#0", "m2#1#0"}
    assert found(index, overlay=ended, now=2000, known_at=1900) == {"m1#1#0", "m2#1#0"}


def test_a_pending_tombstone_leaves_newer_documents_alone(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", row_version=5)])
    assert found(index, overlay=[tombstone("m1", 4)]) == {"m1#1#0"}
    assert found(index, overlay=[tombstone("m1", 6), document("m1", row_version=7)]) == {"m1#1#0"}


def test_a_pending_document_of_a_forgotten_memory_stays_hidden(index: MemoryIndex) -> None:
    index.write("acme", [tombstone("m1", 4)])
    assert found(index, overlay=[document("m1", row_version=4)]) == set()
    assert found(index, overlay=[document("m1", row_version=5)]) == {"m1#1#0"}


def test_of_several_pending_versions_the_highest_counts(index: MemoryIndex) -> None:
    pending = [document(text="tree", row_version=2), document(text="boat", row_version=4), document(text="leaf", row_version=3)]
    for changes in (pending, pending[::-1]):
        assert [hit.row_version for hit in index.search(ANA, question("boat tree leaf"), changes).hits] == [4]


def test_pending_documents_pass_the_same_filters(index: MemoryIndex) -> None:
    pending = [
        document("m1", source="mail"),
        document("m2", source="chat"),
        document("m3", known_until=5),
        document("m4", state="x"),
    ]
    assert found(index, overlay=pending, sources=("mail",)) == {"m1#1#0"}
    assert found(index, overlay=pending) == {"m1#1#0", "m2#1#0"}


def test_pending_changes_of_another_scope_are_not_seen(index: MemoryIndex) -> None:
    index.write("acme", [document("m1")])
    others: list[IndexDocument | Tombstone] = [document("m2", scope_key=BEN.home), tombstone("m1", scope_key=BEN.home)]
    assert found(index, overlay=others) == {"m1#1#0"}


def test_pending_changes_reach_every_key_of_the_scope(index: MemoryIndex) -> None:
    both = scope_of(also_projects=(None,))
    index.write("acme", [document("m1", scope_key=both.keys[0]), document("m2", scope_key=both.keys[1])])
    pending: list[IndexDocument | Tombstone] = [tombstone("m1", scope_key=both.keys[0]), document("m3", scope_key=both.keys[1])]
    assert found(index, both, overlay=pending) == {"m2#1#0", "m3#1#0"}


def test_many_pending_changes_at_once(index: MemoryIndex) -> None:
    index.write("acme", [document(f"m{n:03}", "boat") for n in range(0, 200, 2)])
    pending: list[IndexDocument | Tombstone] = [document(f"m{n:03}", "tree", row_version=2) for n in range(100)]
    pending += [tombstone(f"m{n:03}") for n in range(100, 150)]
    result = index.search(ANA, question("tree boat"), pending)
    assert set(ids(result)) == {f"m{n:03}" for n in [*range(100), *range(150, 200, 2)]}
    assert sum(hit.from_overlay for hit in result.hits) == 100
