"""The parts of the embedded index that its contract tests see only from outside: layout, hashes, the cache."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import apsw
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from backend.index.embedded import EmbeddedIndex
from backend.index.embedded_layout import PAGE_BYTES, local_bytes, zeros_around
from backend.index.embedded_rows import Facet, Hasher, encode
from backend.index.embedded_shelf import Shelf, ShelfCache, Stamp
from backend.index.fake import FakeIndex
from backend.kit.clock import FakeClock
from backend.kit.errors import IndexUnavailableError
from tests.contract.index.index_cases import ANA, MODEL, NORTH, document, question

HASHER = Hasher(b"k" * 32)


@settings(deadline=None)
@given(
    size=some.integers(0, 20_000),
    memory_id=some.text(alphabet="m1é", max_size=80),
    model=some.none() | some.text(alphabet="a", max_size=130),
)
def test_the_part_of_a_row_that_moves_holds_no_content(size: int, memory_id: str, model: str | None) -> None:
    beside = [memory_id.encode(), b"hot", None if model is None else model.encode(), bytes(128)]
    lead, tail = zeros_around(size, beside)
    with closing(apsw.Connection("")) as connection:
        connection.execute(f"PRAGMA page_size={PAGE_BYTES}")
        connection.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT, d BLOB, content BLOB)")
        columns = (memory_id, "hot", model, bytes(128), bytes(lead) + b"\xa5" * size + bytes(tail))
        connection.execute("INSERT INTO t VALUES (7, ?, ?, ?, ?, ?)", columns)
        pages = connection.serialize("main")
    cut = [pages[start : start + PAGE_BYTES] for start in range(0, len(pages), PAGE_BYTES)]
    leaves = [page for page in cut[1:] if page[:1] == b"\x0d"]
    assert len(leaves) == 1
    assert b"\xa5" not in leaves[0]
    assert sum(page.count(b"\xa5") for page in cut) == size


@pytest.mark.parametrize(("payload", "local"), [(10, 10), (989, 989), (990, 103), (103 + 1020, 103), (103 + 1020 + 5, 108)])
def test_how_much_of_a_row_stays_in_its_leaf_follows_the_file_format(payload: int, local: int) -> None:
    assert local_bytes(payload) == local


def test_a_row_gives_back_what_was_put_in() -> None:
    row = encode(document("m1", "boat boat tree", revision=3, chunk=2, row_version=9), HASHER)
    terms, facets, vector = row.parts
    assert row.identity == ("m1", 3, 2)
    assert (row.row_version, vector, len(terms), len(facets)) == (9, NORTH, 24, 24)
    assert HASHER.term("boat").to_bytes(8, "little") + b"\x02\0\0\0" in terms
    assert encode(document(vector=None, model=None), HASHER).parts[2] == b""


def test_hashes_differ_between_files_and_between_kinds() -> None:
    other = Hasher(b"j" * 32)
    assert HASHER.term("boat") != other.term("boat")
    assert len({HASHER.facet(kind, "boat") for kind in Facet} | {HASHER.term("boat")}) == len(Facet) + 1
    assert HASHER.metadata("ab", "c") != HASHER.metadata("a", "bc")


def shelf_of(*memory_ids: str) -> Shelf:
    return Shelf.of((encode(document(memory_id), HASHER) for memory_id in memory_ids), len(memory_ids), {})


def test_the_cache_keeps_what_was_used_last_within_its_bytes() -> None:
    size = shelf_of("m1").nbytes
    cache = ShelfCache(2 * size)
    for key in ("a", "b"):
        cache.put(("acme", key), Stamp(1, 0, 1), shelf_of("m1"))
    assert cache.get(("acme", "a")) is not None
    cache.put(("acme", "c"), Stamp(1, 0, 1), shelf_of("m1"))
    assert cache.get(("acme", "b")) is None
    assert cache.get(("acme", "a")) is not None
    assert cache.used == 2 * size
    cache.put(("acme", "a"), Stamp(1, 0, 2), shelf_of(*(f"m{number}" for number in range(200))))
    assert cache.get(("acme", "a")) is None, "larger than all the room"
    cache.drop(("acme", "c"))
    assert cache.used == 0


def test_many_small_changes_leave_few_segments_and_no_dead_weight() -> None:
    shelf = shelf_of("m0")
    for version in range(2, 300):
        rows = [encode(document(f"m{version % 40}", row_version=version), HASHER)]
        shelf = shelf.changed(rows, {}, HASHER).compacted()
        assert len(shelf.slices) <= 5
        assert sum(len(each.segment) for each in shelf.slices) <= 60
    assert sum(int(np.count_nonzero(each.alive)) for each in shelf.slices) == 40
    assert shelf.statistics.documents == 40
    assert shelf.changed([], {f"m{number}": 999 for number in range(40)}, HASHER).compacted().slices == ()


def test_a_shelf_is_not_changed_by_what_follows_it() -> None:
    shelf = shelf_of("m1", "m2")
    shelf.changed([encode(document("m1", row_version=5), HASHER)], {"m2": 9}, HASHER, overlay=True)
    assert shelf.statistics.documents == 2
    assert [each.alive.tolist() for each in shelf.slices] == [[True, True]]


def test_the_fake_can_be_down() -> None:
    index = FakeIndex()
    index.write("acme", [document()])
    index.down = True
    for call in (
        index.check,
        lambda: index.search(ANA, question()),
        lambda: index.write("acme", []),
        lambda: index.versions(ANA, []),
    ):
        with pytest.raises(IndexUnavailableError):
            call()
    index.down = False
    assert index.search(ANA, question(model=MODEL)).considered == 1


def test_an_index_file_is_not_made_before_it_is_needed(tmp_path: Path) -> None:
    index = EmbeddedIndex(tmp_path / "index.db", FakeClock())
    assert list(tmp_path.iterdir()) == []
    index.close()
