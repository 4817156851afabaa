"""What every index promises (backend.index.ports): writing, searching, filters, scores, isolation."""

from __future__ import annotations

import inspect
import math
from array import array

import pytest

from backend.embedding.model import Vector
from backend.index.model import IndexDocument, IndexQuery
from backend.index.ports import MemoryIndex
from backend.tenancy.scope import Scope
from tests.contract.index.index_cases import (
    ANA,
    BEN,
    BETWEEN,
    EAST,
    MODEL,
    NORTH,
    document,
    found,
    ids,
    question,
    scope_of,
    tombstone,
    vector,
)


def test_what_is_written_is_found_by_the_next_search(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "The red boat", created_at=1234, tier="warm", row_version=3)])
    result = index.search(ANA, question("boats", BETWEEN))
    assert result.considered == 1
    (hit,) = result.hits
    assert (hit.scope_key, hit.memory_id, hit.revision, hit.chunk, hit.row_version) == (ANA.home, "m1", 1, 0, 3)
    assert (hit.tier, hit.created_at, hit.from_overlay) == ("warm", 1234, False)
    assert hit.dense == pytest.approx(0.8, abs=1e-6)
    assert hit.lexical == pytest.approx(math.log(1 + 0.5 / 1.5) / 2.2)


def test_an_empty_index_answers_with_nothing(index: MemoryIndex) -> None:
    result = index.search(ANA, question("boat"))
    assert (result.hits, result.considered) == ((), 0)
    assert index.versions(ANA, ["m1"]) == {}
    index.write("acme", [])
    index.check()


def test_a_write_of_the_same_version_changes_nothing(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "red boat")])
    before = index.search(ANA, question("red boat"))
    index.write("acme", [document("m1", "red boat"), document("m1", "red boat")])
    assert index.search(ANA, question("red boat")) == before


def test_of_two_writes_of_one_version_the_first_stays(index: MemoryIndex) -> None:
    index.write("acme", [document(text="first word")])
    index.write("acme", [document(text="second tale")])
    assert ids(index.search(ANA, question("first", None))) == ["m1"]
    assert ids(index.search(ANA, question("tale", None))) == []


def test_a_late_write_of_an_older_version_is_skipped(index: MemoryIndex) -> None:
    index.write("acme", [document(text="new words", row_version=5)])
    index.write("acme", [document(text="old tale", row_version=4)])
    assert ids(index.search(ANA, question("tale", None))) == []
    assert ids(index.search(ANA, question("words", None))) == ["m1"]
    assert index.versions(ANA, ["m1"]) == {"m1": 5}


def test_a_newer_version_replaces_the_older_one(index: MemoryIndex) -> None:
    index.write("acme", [document(text="old tale", vector=None, model=None)])
    index.write("acme", [document(text="new words", row_version=2)])
    result = index.search(ANA, question("old new"))
    assert [(hit.row_version, hit.dense) for hit in result.hits] == [(2, 1.0)]
    assert ids(index.search(ANA, question("tale", None))) == []


def test_a_memory_has_as_many_documents_as_chunks(index: MemoryIndex) -> None:
    index.write("acme", [document(chunk=0, text="red boat"), document(chunk=1, text="red house")])
    assert found(index) == {"m1#1#0", "m1#1#1"}
    assert [hit.chunk for hit in index.search(ANA, question("house", None)).hits] == [1]


def test_a_tombstone_hides_every_document_of_its_memory(index: MemoryIndex) -> None:
    index.write("acme", [document(chunk=0), document(chunk=1), document(revision=2, known_from=2000), document("m2")])
    index.write("acme", [tombstone(row_version=2)])
    assert found(index) == {"m2#1#0"}
    assert found(index, known_at=1500) == {"m2#1#0"}
    assert index.versions(ANA, ["m1", "m2", "m3"]) == {"m1": 2, "m2": 1}


def test_a_late_document_does_not_bring_back_what_is_forgotten(index: MemoryIndex) -> None:
    index.write("acme", [tombstone(row_version=4)])
    index.write("acme", [document(row_version=3), document(row_version=4), document(chunk=7, row_version=1)])
    assert found(index) == set()


def test_a_document_of_a_higher_version_brings_the_memory_back(index: MemoryIndex) -> None:
    index.write("acme", [document(), tombstone(row_version=4), document(row_version=5)])
    assert found(index) == {"m1#1#0"}
    index.write("acme", [document(chunk=1, row_version=4)])
    assert found(index) == {"m1#1#0"}
    index.write("acme", [tombstone(row_version=4)])
    assert found(index) == {"m1#1#0"}
    assert index.versions(ANA, ["m1"]) == {"m1": 5}


def test_a_late_tombstone_leaves_newer_documents_alone(index: MemoryIndex) -> None:
    index.write("acme", [document(row_version=7), document(chunk=1, row_version=2)])
    index.write("acme", [tombstone(row_version=3)])
    assert found(index) == {"m1#1#0"}


def test_the_highest_version_of_a_tombstone_counts(index: MemoryIndex) -> None:
    index.write("acme", [tombstone(row_version=6), tombstone(row_version=2)])
    index.write("acme", [document(row_version=5)])
    assert found(index) == set()
    assert index.versions(ANA, ["m1"]) == {"m1": 6}


def test_old_tombstones_can_be_purged_and_are_counted(index: MemoryIndex) -> None:
    index.write("acme", [tombstone("m1", 2, recorded_at=100), tombstone("m2", 2, recorded_at=200), document("m3")])
    index.write("rival", [tombstone("m4", 2, recorded_at=50)])
    assert index.purge_tombstones(200) == 2
    assert index.purge_tombstones(200) == 0
    assert index.versions(ANA, ["m1", "m2", "m3"]) == {"m2": 2, "m3": 1}
    index.write("acme", [document("m1"), document("m2")])
    assert found(index) == {"m1#1#0", "m3#1#0"}


def test_a_memory_purged_to_nothing_can_be_written_again(index: MemoryIndex) -> None:
    index.write("acme", [document("m1"), document("m2")])
    assert found(index) == {"m1#1#0", "m2#1#0"}
    index.write("acme", [tombstone("m1", recorded_at=1), tombstone("m2", recorded_at=1)])
    assert index.purge_tombstones(2) == 2
    assert found(index) == set()
    index.write("acme", [document("m3"), document("m2")])
    assert found(index) == {"m3#1#0", "m2#1#0"}


# Whose documents a search sees.


def test_nobody_finds_the_memories_of_another_end_user(index: MemoryIndex) -> None:
    index.write("acme", [document("m1"), document("m2", scope_key=BEN.home)])
    assert found(index, ANA) == {"m1#1#0"}
    assert found(index, BEN) == {"m2#1#0"}
    assert index.versions(BEN, ["m1", "m2"]) == {"m2": 1}


def test_nobody_finds_the_memories_of_another_tenant_even_under_the_same_scope_key(index: MemoryIndex) -> None:
    index.write("acme", [document("m1")])
    intruder = Scope("rival", ANA.project_id, ANA.environment, ANA.end_user_id, ANA.keys)
    assert found(index, intruder) == set()
    assert index.versions(intruder, ["m1"]) == {}
    index.write("rival", [tombstone("m1")])
    assert found(index, ANA) == {"m1#1#0"}


def test_one_id_in_two_scopes_is_two_memories(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", row_version=5), document("m1", row_version=1, scope_key=BEN.home)])
    index.write("acme", [tombstone("m1", 2, scope_key=BEN.home)])
    assert found(index, ANA) == {"m1#1#0"}
    assert found(index, BEN) == set()


def test_a_search_spans_all_keys_of_its_scope(index: MemoryIndex) -> None:
    both = scope_of(also_projects=(None,))
    index.write("acme", [document("m1", scope_key=both.keys[0]), document("m2", scope_key=both.keys[1])])
    assert found(index, both) == {"m1#1#0", "m2#1#0"}
    assert found(index, ANA) == {"m1#1#0"}
    assert index.versions(both, ["m1", "m2"]) == {"m1": 1, "m2": 1}


def test_there_is_no_way_to_ask_without_a_scope(index: MemoryIndex) -> None:
    for name in ("search", "versions"):
        first = next(iter(inspect.signature(getattr(index, name)).parameters.values()))
        assert first.name == "scope"
        assert first.default is inspect.Parameter.empty
    assert next(iter(inspect.signature(index.write).parameters)) == "tenant_id"


def test_the_documents_of_others_do_not_move_a_score(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "red boat"), document("m2", "blue boat house")])
    before = index.search(ANA, question("boat house"))
    index.write("acme", [document(f"b{n}", "house house boat garden", scope_key=BEN.home) for n in range(30)])
    index.write("rival", [document(f"r{n}", "house", scope_key=ANA.home) for n in range(30)])
    assert index.search(ANA, question("boat house")) == before


def test_each_key_of_a_scope_has_its_own_word_statistics(index: MemoryIndex) -> None:
    both = scope_of(also_projects=(None,))
    index.write("acme", [document("m1", "boat", scope_key=both.keys[0])])
    index.write("acme", [document(f"n{n}", "boat" if n == 0 else "tree", scope_key=both.keys[1]) for n in range(9)])
    scores = {hit.memory_id: hit.lexical for hit in index.search(both, question("boat", None)).hits}
    assert scores["m1"] == pytest.approx(math.log(1 + 0.5 / 1.5) / 2.2)
    assert scores["n0"] == pytest.approx(math.log(1 + 8.5 / 1.5) / 2.2)


# What the scores mean.


def bm25(count: int, length: int, average: float, documents: int, frequency: int) -> float:
    idf = math.log(1 + (documents - frequency + 0.5) / (frequency + 0.5))
    return idf * count / (count + 1.2 * (0.25 + 0.75 * length / average))


def test_the_lexical_score_is_bm25_and_a_repeated_word_counts_twice(index: MemoryIndex) -> None:
    index.write(
        "acme",
        [
            document("m1", "boat boat sail"),
            document("m2", "boat"),
            document("m3", "garden tree leaf"),
            document("m4", "sail tree"),
        ],
    )
    scores = {hit.memory_id: hit.lexical for hit in index.search(ANA, question("boat sail boat", None)).hits}
    average = 9 / 4
    assert scores == {
        "m1": pytest.approx(2 * bm25(2, 3, average, 4, 2) + bm25(1, 3, average, 4, 2)),
        "m2": pytest.approx(2 * bm25(1, 1, average, 4, 2)),
        "m4": pytest.approx(bm25(1, 2, average, 4, 2)),
    }


def test_word_statistics_are_of_what_default_searches_see_whatever_the_filters(index: MemoryIndex) -> None:
    index.write(
        "acme",
        [
            document("m1", "boat", source="mail"),
            document("m2", "boat tree", source="chat", expires_at=2000),
            document("m3", "boat boat boat", known_until=1500),
            document("m4", "boat boat boat", state="soft_deleted"),
        ],
    )
    (hit,) = index.search(ANA, question("boat", None, sources=("mail",), now=3000)).hits
    assert hit.lexical == pytest.approx(bm25(1, 1, 1.5, 2, 2))


def test_words_of_earlier_revisions_alone_have_finite_scores(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "boat", known_until=1500)])
    (hit,) = index.search(ANA, question("boat", None, known_at=1200)).hits
    assert hit.lexical > 0
    assert math.isfinite(hit.lexical)


def test_the_dense_score_is_the_cosine(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", vector=EAST), document("m2", vector=BETWEEN), document("m3", vector=vector(0, -1, 0, 0))])
    result = index.search(ANA, question())
    assert [(hit.memory_id, hit.dense) for hit in result.hits] == [
        ("m2", pytest.approx(0.8, abs=1e-6)),
        ("m1", 0.0),
        ("m3", -1.0),
    ]


def test_a_document_without_a_vector_is_found_by_its_words(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "red boat", vector=None, model=None), document("m2", "tree", vector=None, model=None)])
    result = index.search(ANA, question("boat"))
    assert [(hit.memory_id, hit.dense) for hit in result.hits] == [("m1", None)]
    assert result.considered == 2


def test_vectors_of_another_model_or_size_are_not_compared(index: MemoryIndex) -> None:
    index.write(
        "acme",
        [
            document("m1", "boat", model="other/4"),
            document("m2", "boat", vector=Vector(NORTH + NORTH)),
            document("m3", "boat", vector=BETWEEN),
        ],
    )
    dense = {hit.memory_id: hit.dense for hit in index.search(ANA, question("boat")).hits}
    assert dense == {"m1": None, "m2": None, "m3": pytest.approx(0.8, abs=1e-6)}


def test_a_question_without_a_vector_is_lexical_only(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "red boat"), document("m2", "tree")])
    result = index.search(ANA, question("boat", None))
    assert [(hit.memory_id, hit.dense) for hit in result.hits] == [("m1", None)]


def test_a_question_without_words_is_dense_only(index: MemoryIndex) -> None:
    index.write("acme", [document("m1"), document("m2", vector=None, model=None)])
    result = index.search(ANA, question(""))
    assert [(hit.memory_id, hit.lexical) for hit in result.hits] == [("m1", 0.0)]
    assert index.search(ANA, question("", None)).hits == ()


def test_every_score_is_finite_whatever_a_vector_holds(index: MemoryIndex) -> None:
    broken = Vector(array("f", [math.nan, math.inf, 1, 0]).tobytes())
    zero = Vector(array("f", [0, 0, 0, 0]).tobytes())
    index.write("acme", [document("m1", "boat", vector=broken), document("m2", "boat", vector=zero), document("m3", "")])
    result = index.search(ANA, question("boat"))
    assert {hit.memory_id: hit.dense for hit in result.hits} == {"m1": None, "m2": 0.0, "m3": 1.0}
    assert all(math.isfinite(hit.lexical) for hit in result.hits)
    assert [hit.dense for hit in index.search(ANA, question("boat", broken)).hits] == [None, None]


def test_all_that_passes_the_filters_was_considered_not_only_the_hits(index: MemoryIndex) -> None:
    index.write(
        "acme", [document("m1", "boat boat"), document("m2", "boat tree", vector=EAST), document("m3", "tree", vector=BETWEEN)]
    )
    index.write("acme", [document("m4", "boat boat boat", vector=vector(0, -1, 0, 0), source="chat")])
    result = index.search(ANA, question("boat", limit=1))
    assert (ids(result), result.considered) == (["m1", "m4"], 4)
    filtered = index.search(ANA, question("boat", limit=1, sources=("chat",)))
    assert (ids(filtered), filtered.considered) == (["m4"], 1)


def test_the_hits_are_the_union_of_both_lists_each_with_both_scores(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "tree"), document("m2", "boat", vector=EAST), document("m3", "tree", vector=BETWEEN)])
    result = index.search(ANA, question("boat", limit=1))
    assert [(hit.memory_id, hit.dense, hit.lexical > 0) for hit in result.hits] == [("m1", 1.0, False), ("m2", 0.0, True)]


def test_no_more_than_the_limit_of_each_field_comes_back_and_no_fewer_while_there_are_some(index: MemoryIndex) -> None:
    index.write("acme", [document(f"m{n:02}", "boat", vector=vector(n, 1, 0, 0), source=f"s{n % 10}") for n in range(40)])
    assert len(ids(index.search(ANA, question("", limit=7)))) == 7
    assert ids(index.search(ANA, question("", limit=7, sources=("s0",)))) == ["m00", "m10", "m20", "m30"]
    assert len(ids(index.search(ANA, question("boat", None, limit=100)))) == 40
    nothing = index.search(ANA, question("boat", limit=0))
    assert (nothing.hits, nothing.considered) == ((), 40)


def test_equal_scores_are_ordered_by_memory_then_revision_then_chunk(index: MemoryIndex) -> None:
    twins = [document(f"m{n}", chunk=chunk, revision=10 - n) for n in (3, 1, 2) for chunk in (10, 9, 2)]
    for each in twins:
        index.write("acme", [each])
    order = [(hit.memory_id, hit.chunk) for hit in index.search(ANA, question("boat")).hits]
    assert order == [(f"m{n}", chunk) for n in (1, 2, 3) for chunk in (2, 9, 10)]
    first = index.search(ANA, question("boat", limit=4))
    assert [(hit.memory_id, hit.chunk) for hit in first.hits] == order[:4]


def test_the_same_question_has_the_same_answer_whatever_order_things_were_written_in(index: MemoryIndex) -> None:
    rows = [document(f"m{n:03}", "boat tree"[: 4 + n % 6], vector=vector(1, n % 5, 2, n % 3)) for n in range(60)]
    index.write("acme", rows)
    moved = [document(each.memory_id, "", stems=each.stems, vector=each.vector, scope_key=BEN.home) for each in rows]
    for each in reversed(moved):
        index.write("acme", [each])
        index.search(BEN, question("tree", limit=3))
    asked = question("boat tree", vector(1, 2, 3, 0), limit=9)
    here, there = index.search(ANA, asked), index.search(BEN, asked)
    assert [(h.memory_id, h.dense, h.lexical) for h in here.hits] == [(h.memory_id, h.dense, h.lexical) for h in there.hits]


def test_text_of_any_script_is_found(index: MemoryIndex) -> None:
    index.write("acme", [document("m1", "黒猫がいる"), document("m2", "Привет, город"), document("m3", "\ud800 tree")])
    assert ids(index.search(ANA, question("猫", None))) == ["m1"]
    assert ids(index.search(ANA, question("黒猫", None))) == ["m1"]
    assert ids(index.search(ANA, question("ГОРОД", None))) == ["m2"]
    assert ids(index.search(ANA, question("trees", None))) == ["m3"]


def test_a_big_batch_is_taken_in_whole(index: MemoryIndex) -> None:
    changes: list[IndexDocument] = [document(f"m{n:04}", f"boat number{n}") for n in range(1200)]
    index.write("acme", changes)
    assert index.search(ANA, question("boat")).considered == 1200
    assert ids(index.search(ANA, question("number777", None))) == ["m0777"]


def test_a_question_can_be_asked_again_after_each_write(index: MemoryIndex) -> None:
    for number in range(30):
        index.write(
            "acme",
            [document(f"m{number:02}", "boat", row_version=1), document(f"m{number // 2:02}", "tree", row_version=number + 2)],
        )
        trees = {f"m{n // 2:02}" for n in range(number + 1)}
        assert set(ids(index.search(ANA, question("tree", None)))) == trees
        assert index.search(ANA, IndexQuery(NORTH, MODEL, (), question().filter)).considered == number + 1
