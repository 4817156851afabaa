"""What is sent to the engine: whose it is always, what it says never."""

from __future__ import annotations

import json
from typing import Any

import pytest

from backend.index.opensearch_documents import Coder, Space
from backend.kit.errors import IndexUnavailableError
from tests.contract.index.index_cases import ANA, BEN, document, question, tombstone
from tests.unit.index.loopback_opensearch import Request, World, described, key_of

CANARY = "zanzibar"


def test_no_word_of_a_user_reaches_the_engine_in_the_clear(world: World) -> None:
    secret = document(
        text=CANARY,
        tags=(CANARY,),
        source=CANARY,
        session_id=CANARY,
        speaker=CANARY,
        scope_key=f"acme#shop#live#USER#{CANARY}",
        metadata={CANARY: CANARY},
    )
    world.index.write("acme", [secret, tombstone("m2")])
    told: dict[str, Any] = {"tags": (CANARY,), "session_id": CANARY, "metadata": {CANARY: CANARY}}
    pending = document(text=CANARY, source=CANARY, speaker=CANARY, **told)
    world.index.search(ANA, question(CANARY, sources=(CANARY,), speaker=CANARY, around=2, **told), [pending])
    world.index.speakers(ANA, [CANARY], [pending])
    assert world.server.sent("/_bulk")
    assert sum(sessions_asked_for(each) for each in world.server.sent("/_msearch")) == 1
    for request in world.server.requests:
        assert CANARY not in (request.path + request.body + json.dumps(request.headers)).lower()


def sessions_asked_for(request: Request) -> int:
    """How many sessions a request wants to have the documents of."""
    parts = [part for body in request.lines[1::2] for part in body["query"]["bool"]["filter"]]
    return sum(len(part["terms"]["session"]) for part in parts if "session" in part.get("terms", {}))


def test_the_same_session_of_two_scope_keys_or_tenants_is_not_the_same_to_a_reader() -> None:
    coder, other = Coder("acme", key_of("acme")), Coder("acme", key_of("rival"))
    assert len({coder.session(ANA.home, "s"), coder.session(BEN.home, "s"), other.session(ANA.home, "s")}) == 3


def test_every_question_names_tenant_and_scope_and_goes_by_the_tenants_route(world: World) -> None:
    world.index.search(ANA, question("boat", around=1), [document(session_id="s")])
    world.index.versions(ANA, ["m1"])
    world.index.speakers(ANA, ["ana"], [document()])
    coder = Coder("acme", key_of("acme"))
    asked = world.server.sent("/_msearch")
    assert len(asked) == 4
    for request in asked:
        for header, body in zip(request.lines[::2], request.lines[1::2], strict=True):
            assert header["routing"] == "acme"
            told = body["query"]["bool"]["filter"]
            assert {"term": {"tenant": "acme"}} in told
            assert {"terms": {"scope": [coder.scope(ANA.home)]}} in told


def test_every_write_is_versioned_and_goes_by_the_tenants_route(world: World) -> None:
    world.index.write("a,b", [document(row_version=7), tombstone("m2", 8)])
    operations = [line["index"] for each in world.server.sent("/_bulk") for line in each.lines[::2]]
    assert [each["version"] for each in operations] == [8, 7]
    assert {each["version_type"] for each in operations} == {"external"}
    assert {each["routing"] for each in operations} == {"a%2Cb"}


def test_the_same_word_of_two_owners_or_under_two_keys_is_not_the_same_to_a_reader() -> None:
    coder, other = Coder("acme", key_of("acme")), Coder("acme", key_of("rival"))
    words = {coder.word(ANA.home, CANARY), coder.word(BEN.home, CANARY), other.word(ANA.home, CANARY)}
    assert len(words) == 3
    assert all(0 <= word < 2**43 for word in words)


def test_a_vector_is_sent_in_as_few_digits_as_tell_it_from_every_other() -> None:
    entry = Coder("acme", key_of("acme")).document(document(), Space("small/4", 4))
    assert entry["vector"] == [0.0, 1.0, 0.0, 0.0]


def test_a_vector_that_is_not_whole_numbers_is_refused(world: World) -> None:
    with pytest.raises(ValueError, match="float32"):
        world.index.write("acme", [document(vector=b"abc")])


# Which index is asked, and which are written.


def test_while_a_new_index_is_filled_both_are_written_and_the_old_one_is_asked(world: World) -> None:
    world.server.layout = {"old": described("memories-read", "memories-write"), "new": described("memories-write")}
    world.index.write("acme", [document()])
    written = {line["index"]["_index"] for each in world.server.sent("/_bulk") for line in each.lines[::2]}
    assert written == {"old", "new"}
    world.index.search(ANA, question("boat"))
    assert {line["index"] for each in world.server.sent("/_msearch") for line in each.lines[::2]} == {"old"}


def test_a_process_learns_of_a_move_within_half_a_minute(world: World) -> None:
    world.index.search(ANA, question("boat"))
    world.server.layout = {"new": described("memories-read", "memories-write")}
    world.clock.advance(seconds=29)
    world.index.search(ANA, question("boat"))
    world.clock.advance(seconds=1)
    world.index.search(ANA, question("boat"))
    asked = [each.lines[0]["index"] for each in world.server.sent("/_msearch")]
    assert asked == ["one", "one", "new"]


@pytest.mark.parametrize(
    "layout",
    [
        {},
        {"one": described("memories-read")},
        {"one": described("memories-read", "memories-write"), "two": described("memories-read")},
        {"one": described("memories-read", "memories-write", mapping_version=99)},
    ],
)
def test_aliases_that_make_no_sense_are_an_error_and_nothing_is_written(world: World, layout: dict[str, object]) -> None:
    world.server.layout = layout
    with pytest.raises(IndexUnavailableError):
        world.index.write("acme", [document()])
    assert world.server.sent("/_bulk") == []
