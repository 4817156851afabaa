"""What the recall benchmark measures is the product, and what it hands to others is what it says."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose
from benchmarks import peers
from benchmarks.datasets import Conversation, Question, Turn
from benchmarks.handlers import embeds
from benchmarks.peer_worker import Given, measured, vectors_of
from benchmarks.peers import work_of
from benchmarks.recall import judged, table, weight
from benchmarks.stores import InProcess, Prepared
from infrastructure.template import functions, load

TURNS = (
    Turn("D1:1", "The key hangs behind the blue door.", "Ann", "s1", None),
    Turn("D1:2", "Thanks!", "Ben", "s1", None),
    Turn("D1:3", "Thanks!", "Ben", "s1", None),
)
TALK = Conversation("one", TURNS, (Question("Where is the key of the blue door?", "single-hop", frozenset({"D1:1"})),))
OTHER = Conversation("two", (Turn("D9:1", "The key of the blue door is lost.", "Cy", "s1", None),), TALK.questions)


def test_every_turn_is_a_memory_and_the_answer_names_it(tmp_path: Path) -> None:
    store = InProcess(tmp_path / "index.db", FakeEmbedder())
    store.remember("one", TURNS)

    assert store.ask("one", "Where is the key?", 5)[0] == "D1:1"
    assert sorted(store.ask("one", "Where is the key?", 5)) == ["D1:1", "D1:2", "D1:3"]
    store.close()


def test_with_extraction_a_turn_becomes_the_facts_that_it_tells(tmp_path: Path) -> None:
    turns = (
        Turn("D1:1", "I live in Porto. My dog is called Rex.", "Ann", "s1", None),
        Turn("D1:2", "Thanks!", "Ben", "s1", None),
        Turn("D1:3", "My dog is called Rex.", "Ann", "s1", None),
        Turn("D1:4", "I live in Lisbon.", "Ann", "s1", None),
    )
    store = InProcess(tmp_path / "index.db", FakeEmbedder(), infer=True)
    store.remember("one", turns)

    assert sorted(store.ask("one", "What is the dog called?", 5)) == ["D1:1", "D1:4"]
    store.close()


def test_owners_do_not_answer_for_each_other(tmp_path: Path) -> None:
    store = InProcess(tmp_path / "index.db", FakeEmbedder())
    answers, seconds = judged(store, [TALK, OTHER])
    store.close()

    assert [found[0] for _, found, _ in answers] == ["D1:1", "D9:1"]
    assert len(seconds) == 2
    assert [(row["category"], row["R@5"]) for row in table(answers)] == [("(all)", 0.5), ("single-hop", 0.5)]


def test_a_weight_is_read_as_it_is_written() -> None:
    assert weight("cluster=0.1") == ("cluster", 0.1)
    for wrong in ("colour=1", "cluster", "cluster=much"):
        with pytest.raises(ValueError, match=r"colour|float"):
            weight(wrong)


def test_prepared_vectors_are_those_that_the_model_makes() -> None:
    embedder = FakeEmbedder()
    prepared = Prepared(embedder, ["one", "two", "one"])

    assert prepared.embed(["two", "new"], Purpose.QUERY) == embedder.embed(["two", "new"], Purpose.QUERY)


@pytest.mark.parametrize("speaker", [False, True])
def test_peers_get_every_text_and_question_with_its_vector(speaker: bool) -> None:
    work = work_of([TALK], FakeEmbedder(), speaker=speaker)  # type: ignore[arg-type] # any embedder will do
    said = [turn["text"] for turn in work["talks"][0]["turns"]]

    assert said[0] == ("Ann: " if speaker else "") + TURNS[0].text
    assert {*said, TALK.questions[0].text} == work["vectors"].keys()
    assert len(vectors_of(work)[said[0]]) == len(base64.b64decode(work["vectors"][said[0]])) // 4


def test_a_peer_is_asked_every_question_of_every_owner() -> None:
    class Echo:
        def remember(self, owner: str, turns: list[dict[str, str]]) -> None:
            self.last = owner, len(turns)

        def ask(self, owner: str, question: str, k: int) -> list[str]:
            assert self.last[0] == owner
            return [question, str(k)]

    work = work_of([TALK, OTHER], FakeEmbedder(), speaker=False)  # type: ignore[arg-type] # as above
    found = measured(Echo(), work["talks"], work["k"])

    assert found["answers"] == [[TALK.questions[0].text, "20"]] * 2
    assert len(found["asking"]) == 2


def test_the_peers_embedder_answers_with_what_it_was_given() -> None:
    assert Given({"a ": [1.0], "b": [2.0]}).embed_batch(["b", "a"]) == [[2.0], [1.0]]


def test_without_the_peers_environment_the_run_says_how_to_make_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "python")

    assert peers.main(["data.json", "--format", "locomo", "--python", missing]) == 1
    assert "make .venv-peers/.ready" in capsys.readouterr().err


def test_the_functions_measured_with_the_embedder_are_those_that_embed() -> None:
    assert {each.name for each in functions(load()) if embeds(each)} >= {"AddMemory", "QueryMemories", "RepairEmbeddings"}
