"""What becomes of an engine that refuses, answers in part, late or not at all."""

from __future__ import annotations

import socket

import pytest

from backend.index.opensearch_documents import Coder
from backend.index.opensearch_engine import ATTEMPTS, Engine, connect
from backend.kit import deadline
from backend.kit.clock import FakeClock
from backend.kit.errors import IndexUnavailableError, InternalError
from tests.contract.index.index_cases import ANA, document, question, tombstone
from tests.unit.index.loopback_opensearch import World, item, key_of, nothing

REFUSAL = {"error": {"type": "some_exception", "reason": "the secret canary"}}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_what_passes_by_itself_is_asked_again(world: World, status: int) -> None:
    world.server.tell("/_msearch", (status, REFUSAL), (status, REFUSAL))
    assert world.index.search(ANA, question("boat")).hits == ()
    assert len(world.server.sent("/_msearch")) == 3
    assert world.clock.slept == [0.1, 0.2]


def test_the_purge_has_the_files_written_anew_that_hold_something_deleted(world: World) -> None:
    world.server.tell("/_delete_by_query", *[(200, {"timed_out": False, "failures": [], "deleted": 0, "total": 0})] * 2)
    assert world.index.purge_tombstones(0) == 0
    [flushed], [merged] = world.server.sent("/one/_flush"), world.server.sent("/one/_forcemerge")
    assert "force=true" in flushed.path
    assert "only_expunge_deletes=true" in merged.path
    assert "wait_for_completion=false" in merged.path
    assert world.server.requests.index(flushed) < world.server.requests.index(merged)


def test_asking_again_has_an_end(world: World) -> None:
    world.server.tell("/_msearch", *[(503, REFUSAL)] * 9)
    with pytest.raises(IndexUnavailableError, match="some_exception"):
        world.index.search(ANA, question("boat"))
    assert len(world.server.sent("/_msearch")) == ATTEMPTS


@pytest.mark.parametrize("status", [401, 403, 404, 500])
def test_what_would_be_refused_again_is_not_asked_again(world: World, status: int) -> None:
    world.server.tell("/_msearch", (status, REFUSAL))
    with pytest.raises(IndexUnavailableError):
        world.index.search(ANA, question("boat"))
    assert len(world.server.sent("/_msearch")) == 1


def test_a_request_that_is_wrong_is_our_fault_and_its_error_repeats_nothing_of_it(world: World) -> None:
    world.server.tell("/_msearch", (400, REFUSAL))
    with pytest.raises(InternalError) as caught:
        world.index.search(ANA, question("boat"))
    assert "canary" not in f"{caught.value!r} {caught.value.__cause__!r}"
    assert caught.value.__suppress_context__


def test_one_question_of_several_that_is_throttled_makes_all_be_asked_again(world: World) -> None:
    world.server.tell("/_msearch", (200, {"responses": [{"status": 429, **REFUSAL}]}))
    world.index.search(ANA, question("boat"))
    assert len(world.server.sent("/_msearch")) == 2


@pytest.mark.parametrize(
    "flaw",
    [
        {"timed_out": True},
        {"_shards": {"total": 3, "failed": 1}},
        {"status": 500, **REFUSAL},
    ],
)
def test_a_part_of_an_answer_is_no_answer(world: World, flaw: dict[str, object]) -> None:
    world.server.tell("/_msearch", (200, {"responses": [{**nothing({}), **flaw}]}))
    with pytest.raises(IndexUnavailableError):
        world.index.search(ANA, question("boat"))


def test_a_question_asks_the_engine_not_to_answer_in_part(world: World) -> None:
    world.index.search(ANA, question("boat"))
    header, body = world.server.sent("/_msearch")[0].lines
    assert header["allow_partial_search_results"] is False
    assert body["timeout"].endswith("ms")


def test_only_the_changes_that_were_refused_in_passing_are_sent_again(world: World) -> None:
    world.server.held = {"m2#1#0"}
    world.server.tell("/_bulk", (200, {"items": [item(201), item(429, "rejected"), item(409, "conflict"), item(503, "gone")]}))
    world.index.write("acme", [document(f"m{n}") for n in range(4)])
    first, second = ([line["index"]["_id"][-6:] for line in each.lines[::2]] for each in world.server.sent("/_bulk"))
    assert first == ["m0#1#0", "m1#1#0", "m2#1#0", "m3#1#0"]
    assert second == ["m1#1#0", "m3#1#0"]


def test_changes_that_are_refused_to_the_end_are_an_error(world: World) -> None:
    world.server.tell("/_bulk", *[(200, {"items": [item(429, "rejected")]})] * ATTEMPTS)
    with pytest.raises(IndexUnavailableError, match="1 of 1"):
        world.index.write("acme", [document()])


def test_a_conflict_says_that_something_newer_is_there_and_is_success(world: World) -> None:
    world.server.held = {"m1#1#0"}
    world.server.tell("/_bulk", (200, {"items": [item(409, "version_conflict_engine_exception")]}))
    world.index.write("acme", [document()])
    assert len(world.server.sent("/_bulk")) == 1


def test_a_conflict_with_what_was_just_purged_is_none(world: World) -> None:
    world.server.tell("/_bulk", (200, {"items": [item(409, "version_conflict_engine_exception")]}))
    world.index.write("acme", [document()])
    assert len(world.server.sent("/_bulk")) == 2


def test_a_conflict_with_nothing_that_does_not_end_is_an_error(world: World) -> None:
    world.server.tell("/_bulk", *[(200, {"items": [item(409, "version_conflict_engine_exception")]})] * 9)
    with pytest.raises(IndexUnavailableError):
        world.index.write("acme", [document()])
    assert len(world.server.sent("/_bulk")) == ATTEMPTS


def test_a_change_that_the_mapping_refuses_is_not_the_index_being_down(world: World) -> None:
    world.server.tell("/_bulk", (200, {"items": [item(201), item(400, "strict_dynamic_mapping_exception", "the canary")]}))
    with pytest.raises(InternalError, match="strict_dynamic_mapping_exception") as caught:
        world.index.write("acme", [document("m1"), document("m2")])
    assert "canary" not in str(caught.value)


def test_a_write_that_not_every_copy_took_is_an_error(world: World) -> None:
    partly = {"index": {"status": 201, "_shards": {"total": 2, "successful": 1, "failed": 1}}}
    world.server.tell("/_bulk", (200, {"items": [partly]}))
    with pytest.raises(IndexUnavailableError):
        world.index.write("acme", [document()])


@pytest.mark.parametrize("flaw", [{"timed_out": True, "failures": []}, {"timed_out": False, "failures": [REFUSAL]}])
def test_a_purge_that_stops_half_way_is_an_error(world: World, flaw: dict[str, object]) -> None:
    world.server.tell("/_delete_by_query", (200, {"deleted": 1, "total": 2, **flaw}))
    with pytest.raises(IndexUnavailableError):
        world.index.purge_tombstones(1)


def test_what_is_held_and_cannot_be_read_is_an_error(world: World) -> None:
    world.server.tell("/_mget", (200, {"docs": [{"_id": "x", **REFUSAL}]}))
    with pytest.raises(IndexUnavailableError):
        world.index.write("acme", [document()])


def test_an_engine_that_cannot_be_reached_is_tried_again_and_then_said_to_be_down() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    clock = FakeClock()
    engine = Engine(connect(f"http://127.0.0.1:{port}", region="eu-west-1"), clock)
    with pytest.raises(IndexUnavailableError, match="cannot be reached"):
        engine.call("GET", "/")
    assert len(clock.slept) == ATTEMPTS - 1


def test_something_that_is_not_opensearch_is_an_error(world: World) -> None:
    world.server.tell("/_msearch", (200, b"<html>welcome</html>"))
    with pytest.raises(IndexUnavailableError):
        world.index.search(ANA, question("boat"))


def test_a_pause_that_the_deadline_does_not_allow_is_not_taken(world: World) -> None:
    world.server.tell("/_msearch", (503, REFUSAL))
    # A timer that stands still: 90 ms are left at every moment, and the first pause is of 100.
    with deadline.deadline(0.09, timer=lambda: 0.0), pytest.raises(IndexUnavailableError):
        world.engine.search("one", [{"size": 0}], None)
    assert len(world.server.sent("/_msearch")) == 1
    assert world.clock.slept == []


def test_nothing_is_asked_once_the_time_is_used_up(world: World) -> None:
    moments = iter([0.0, *[99.0] * 20])
    with deadline.deadline(1, timer=lambda: next(moments)), pytest.raises(IndexUnavailableError, match="used up"):
        world.index.search(ANA, question("boat"))
    assert world.server.requests == []


def test_an_engine_that_hangs_is_given_up_when_the_deadline_ends(world: World) -> None:
    world.server.stuck = True
    with deadline.deadline(0.2), pytest.raises(IndexUnavailableError, match="in time"):
        world.index.check()


def test_a_tombstone_is_written_before_documents_are_looked_for(world: World) -> None:
    world.index.write("acme", [tombstone()])
    order = [request.path.split("?")[0].rpartition("/")[2] for request in world.server.requests[1:]]
    assert order == ["_bulk", "_refresh", "_msearch"]


def test_tombstones_are_looked_for_after_documents_are_written(world: World) -> None:
    world.index.write("acme", [document()])
    order = [request.path.split("?")[0].rpartition("/")[2] for request in world.server.requests[1:]]
    assert order == ["_mget", "_bulk", "_mget"]


def test_a_document_that_a_tombstone_overtook_while_it_was_written_is_emptied(world: World) -> None:
    coder = Coder("acme", key_of("acme"))
    late, grave = document(row_version=4), tombstone(row_version=6)
    grave_id, late_id = coder.tombstone_id(grave), coder.document_id(late)
    before = {"docs": [{"_id": grave_id, "found": False}]}
    after = {"docs": [{"_id": grave_id, "found": True, "_source": coder.tombstone(grave)}]}
    world.server.tell("/_mget", (200, before), (200, after))
    there = {"_id": late_id, "_source": {"scope": coder.scope(late.scope_key), "memory_id": "m1", "row_version": 4}}
    world.server.tell("/_msearch", (200, {"responses": [{**nothing({}), "hits": {"hits": [there]}}]}))
    world.index.write("acme", [late])
    written, emptied = (each.lines for each in world.server.sent("/_bulk"))
    assert written[1]["kind"] == "document"
    assert emptied[0]["index"]["_id"] == late_id
    assert (emptied[0]["index"]["version"], emptied[0]["index"]["version_type"]) == (6, "external_gte")
    assert (emptied[1]["kind"], emptied[1].keys() & {"words", "counts", "facets", "vector"}) == ("empty", set())
