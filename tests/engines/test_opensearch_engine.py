"""What only a real engine can show: versions, races, big owners, files, strictness."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random

import pytest

from backend.embedding.model import to_unit
from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery
from backend.index.opensearch_documents import Space
from backend.index.opensearch_layout import MAPPING_VERSION
from backend.kit.clock import SystemClock
from backend.kit.errors import IndexUnavailableError, InternalError
from tests.contract.index.index_cases import ANA, document, found, question, tombstone, vector
from tests.engines.conftest import Cluster
from tests.support.files import files_with

WORDS = [f"word{number}" for number in range(300)]


def test_a_write_is_visible_when_it_returns_also_by_the_engines_own_refresh(cluster: Cluster) -> None:
    index = cluster.index(refresh="wait_for")
    index.write("acme", [document("m1", "boat")])
    assert found(index) == {"m1#1#0"}
    index.write("acme", [tombstone("m1")])
    assert found(index) == set()


def test_what_another_writer_put_there_is_visible_when_a_write_returns_that_came_second(cluster: Cluster) -> None:
    name = cluster.name()
    first, second = cluster.index(name=name, refresh="wait_for"), cluster.index(name=name, refresh="wait_for")
    cluster.engine.call("PUT", f"/{name}-*/_settings", {"index": {"refresh_interval": -1}})

    def is_there() -> bool:
        said = cluster.engine.call("GET", f"/{name}-*/_stats/indexing")
        return bool(said["_all"]["primaries"]["indexing"]["index_total"])

    with ThreadPoolExecutor(1) as threads:
        # It waits to be shown, which nothing but the second write does.
        waits = threads.submit(first.write, "acme", [document("m1", "boat")])
        try:
            assert any(is_there() for _ in range(10_000))
            second.write("acme", [document("m1", "boat")])
            assert found(second) == {"m1#1#0"}
        finally:
            cluster.engine.call("POST", f"/{name}-*/_refresh")
        waits.result(timeout=60)


@pytest.mark.parametrize("round_", range(5))
def test_no_race_of_documents_and_their_tombstone_leaves_a_document(cluster: Cluster, round_: int) -> None:
    index = cluster.index()
    changes = [[document(f"m{n}", chunk=chunk, row_version=1 + chunk)] for n in range(6) for chunk in range(3)]
    graves = [[tombstone(f"m{n}", 3)] for n in range(6)]
    everything = changes + graves
    Random(round_).shuffle(everything)  # noqa: S311 - an order, not a secret
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda each: index.write("acme", each), everything))
    assert found(index) == set()
    assert index.versions(ANA, [f"m{n}" for n in range(6)]) == dict.fromkeys([f"m{n}" for n in range(6)], 3)


def test_an_owner_of_thousands_gets_exact_scores_and_nearly_all_of_the_nearest(cluster: Cluster) -> None:
    chance = Random(7)  # noqa: S311 - test data
    centres = [[chance.gauss(0, 1) for _ in range(32)] for _ in range(40)]

    def near(centre: list[float]) -> list[float]:
        return [part + chance.gauss(0, 0.5) for part in centre]

    rows = [
        IndexDocument(
            scope_key=ANA.home,
            memory_id=f"m{number:05}",
            revision=1,
            chunk=0,
            row_version=1,
            stems={word: chance.randint(1, 3) for word in chance.choices(WORDS, k=12)},
            vector=to_unit(near(chance.choice(centres))),
            model="middle/32",
            created_at=number,
            tags=("rare",) if number % 50 == 0 else (),
        )
        for number in range(3000)
    ]
    index, fake = cluster.index(Space("middle/32", 32)), FakeIndex()
    index.write("acme", rows)
    fake.write("acme", rows)
    missed = all_of_them = 0
    for number in range(20):
        asked = IndexQuery(
            to_unit(near(chance.choice(centres))),
            "middle/32",
            tuple(chance.choices(WORDS, k=5)),
            IndexFilter(tags=("rare",) if number % 2 else ()),
            100,
        )
        ours, truth = index.search(ANA, asked), fake.search(ANA, asked)
        assert ours.considered == truth.considered
        scores = {hit.memory_id: (hit.dense, hit.lexical) for hit in truth.hits}
        for hit in ours.hits:
            if hit.memory_id in scores:
                dense, lexical = scores[hit.memory_id]
                assert hit.dense == pytest.approx(dense, abs=2e-9)
                assert hit.lexical == pytest.approx(lexical, abs=1e-9)
        missed += len(scores.keys() - {hit.memory_id for hit in ours.hits})
        all_of_them += len(scores)
    assert missed <= all_of_them * 0.01


def test_more_documents_of_one_memory_than_a_page_are_all_emptied(cluster: Cluster) -> None:
    index = cluster.index()
    index.write("acme", [document("m1", chunk=chunk) for chunk in range(1100)])
    hidden = index.search(ANA, question("boat"), [tombstone("m1")])
    assert (hidden.hits, hidden.considered) == ((), 0)
    index.write("acme", [tombstone("m1")])
    assert found(index) == set()


def test_a_field_that_is_not_in_the_mapping_is_refused(cluster: Cluster) -> None:
    name = cluster.name()
    cluster.index(name=name)
    operation = {"_index": f"{name}-small-4-4-v{MAPPING_VERSION}", "_id": "x", "routing": "acme"}
    with pytest.raises(InternalError, match="strict_dynamic_mapping_exception"):
        cluster.engine.bulk([(operation, {"text": "in the clear"})])


def test_an_index_that_is_not_there_is_not_made_by_writing_to_it(cluster: Cluster) -> None:
    index = cluster.index()
    cluster.clear()
    with pytest.raises(IndexUnavailableError):
        index.write("acme", [document()])
    with pytest.raises(IndexUnavailableError):
        index.check()


def test_check_answers_when_both_aliases_do(cluster: Cluster) -> None:
    cluster.index().check()


def test_what_is_stored_by_row_is_ids_and_numbers_only(cluster: Cluster) -> None:
    name = cluster.name()
    index = cluster.index(name=name)
    index.write("acme", [document("m1", "zanzibar", tags=("zanzibar",), metadata={"zanzibar": "zanzibar"})])
    (answer,) = cluster.engine.search(f"{name}-read", [{"query": {"match_all": {}}}], None)
    (hit,) = answer["hits"]["hits"]
    assert set(hit["_source"]) == {"kind", "scope", "memory_id", "row_version"}


def test_no_file_of_the_engine_ever_holds_a_word_of_a_user(cluster: Cluster) -> None:
    index = cluster.index()
    index.write(
        "acme",
        [
            document(
                "m1",
                "zanzibar quagga",
                tags=("zanzibar",),
                session_id="zanzibar",
                speaker="zanzibar",
                metadata={"who": "zanzibar"},
            )
        ],
    )
    index.search(ANA, question("zanzibar", tags=("zanzibar",), speaker="zanzibar", around=1))
    index.speakers(ANA, ["zanzibar"])
    index.write("acme", [tombstone("m1")])
    index.expunge()
    assert files_with(kept_in(cluster.folder), b"zanzibar") == []


def test_a_forgotten_vector_leaves_the_files_when_they_are_rewritten(cluster: Cluster) -> None:
    index = cluster.index()
    secret = vector(0.123456, 0.654321, 0.2, 0.3)
    index.write("acme", [document("m1", vector=secret), document("m2")])

    def held() -> bool:
        return bool(files_with(kept_in(cluster.folder), bytes(secret)))

    index.expunge()
    assert held()
    index.write("acme", [tombstone("m1")])
    for _ in range(90):
        # For half a minute the engine keeps what was deleted, for copies that lag.
        index.expunge()
        if not held():
            break
        SystemClock().sleep(1)
    assert not held()
    assert found(index) == {"m2#1#0"}


def kept_in(folder: Path) -> list[Path]:
    """Return where an engine keeps what it is given, and what it says of it."""
    return [folder / "data", folder / "logs"]
