"""What the recall benchmark measures is the product, and what it hands to others is what it says."""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FunctionType, ModuleType

import pytest

from backend.embedding.fake import FakeEmbedder
from backend.embedding.model import Purpose, Vector
from benchmarks import peers
from benchmarks.datasets import Conversation, Question, Turn
from benchmarks.handlers import embeds
from benchmarks.peer_worker import PEERS, Given, measured, vectors_of
from benchmarks.peers import work_of
from benchmarks.recall import judged, table, weight
from benchmarks.stores import InProcess, OverHttp, Prepared, bulks, embedded_texts
from examples.service import Service
from infrastructure.template import functions, load
from tests.unit.examples.small_service import SmallService

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


@pytest.mark.parametrize(("size", "requests"), [(10, 2), (90_000, 30), (500_000, 60)])
def test_turns_go_in_bulk_adds_of_bounded_size_each_once(size: int, requests: int) -> None:
    turns = [Turn(f"D1:{number}", "x" * size, None, "s1", None) for number in range(60)]

    found = list(bulks(turns))

    assert len(found) == requests
    assert [turn for some in found for turn in some] == turns


def test_over_http_answers_name_the_turns_that_were_added_together() -> None:
    small = SmallService("key")
    with Service("http://127.0.0.1:8080", "key", transport=small.transport) as service:
        store = OverHttp(service, "run")
        store.remember("one", TURNS)

        assert store.ask("one", "Where is the blue door?", 1) == ["D1:1"]
    assert [each.url.path for each in small.seen] == ["/memory/bulk-add", "/memory/pending", "/memory/query"]


def test_over_http_nothing_is_asked_before_all_can_be_found() -> None:
    small, waits = SmallService("key"), list[float]()
    small.waiting = [0, 1, 2]
    with Service("http://127.0.0.1:8080", "key", transport=small.transport) as service:
        OverHttp(service, "run", sleep=waits.append).remember("one", TURNS)

    assert len(waits) == 2


def test_a_long_turn_is_embedded_by_its_pieces_as_the_service_does(tmp_path: Path) -> None:
    text = " ".join(f"The harbour is closed in winter {year}." for year in range(1960, 2020))
    long = Turn("D1:4", text, "Ann", "s1", None)
    embedded: list[str] = []

    class Told(FakeEmbedder):
        def embed(self, texts: Sequence[str], purpose: Purpose) -> list[Vector]:
            embedded.extend(texts if purpose is Purpose.DOCUMENT else ())
            return super().embed(texts, purpose)

    store = InProcess(tmp_path / "index.db", Told())
    store.remember("one", [*TURNS, long])
    found = store.ask("one", "When is the harbour closed?", 5)
    store.close()

    assert embedded == embedded_texts([*TURNS, long])
    assert len(embedded) > 4
    assert sorted(found) == ["D1:1", "D1:2", "D1:3", "D1:4"]


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


class Embeddings:
    """What of txtai is asked: the best by a product of vectors, and what it was told to do."""

    made: tuple[Embeddings, ...] = ()

    def __init__(self, *, method: str, transform: Callable[[list[str]], list[list[float]]], content: bool, hybrid: bool) -> None:
        assert (method, content) == ("external", True)
        assert isinstance(transform, FunctionType)
        self.transform, self.hybrid = transform, hybrid
        self.kept: dict[str, str] = {}
        self.saved: list[str] = []
        Embeddings.made += (self,)

    def count(self) -> int:
        return len(self.kept)

    def upsert(self, documents: list[tuple[str, str]]) -> None:
        self.kept |= dict(documents)

    def save(self, path: str) -> None:
        self.saved.append(path)

    def search(self, query: str, limit: int) -> list[dict[str, str]]:
        wanted = self.transform([query])[0]
        near = {uid: sum(map(float.__mul__, wanted, self.transform([text])[0])) for uid, text in self.kept.items()}
        return [{"id": uid} for uid in sorted(near, key=near.__getitem__, reverse=True)[:limit]]


@pytest.mark.parametrize(("name", "hybrid"), [("txtai", False), ("txtai-hybrid", True)])
def test_txtai_keeps_an_index_for_each_owner(name: str, hybrid: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    module = ModuleType("txtai")
    module.__dict__["Embeddings"] = Embeddings
    monkeypatch.setitem(sys.modules, "txtai", module)
    monkeypatch.setattr(Embeddings, "made", ())
    peer = PEERS[name](tmp_path, {"key": [1.0, 0.0], "Thanks!": [0.0, 1.0], "Where?": [0.9, 0.1]})
    peer.remember("a/b", [{"id": "D1:1", "text": "key"}, {"id": "D1:2", "text": "Thanks!"}])
    peer.remember("c", [{"id": "D9:1", "text": "Thanks!"}])
    peer.remember("a/b", [{"id": f"D2:{number}", "text": "Thanks!"} for number in range(150)])

    assert peer.ask("a/b", "Where?", 2) == ["D1:1", "D1:2"]
    assert peer.ask("c", "Where?", 2) == ["D9:1"]
    assert len(peer.ask("a/b", "Where?", 200)) == 152
    assert [(each.hybrid, len(each.saved), len(set(each.saved))) for each in Embeddings.made] == [(hybrid, 3, 1), (hybrid, 1, 1)]
    assert Embeddings.made[0].saved[0] != Embeddings.made[1].saved[0]


def test_without_the_peers_environment_the_run_says_how_to_make_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    missing = str(tmp_path / "python")

    assert peers.main(["data.json", "--format", "locomo", "--python", missing]) == 1
    assert "make .venv-peers/.ready" in capsys.readouterr().err


def test_the_functions_measured_with_the_embedder_are_those_that_embed() -> None:
    assert {each.name for each in functions(load()) if embeds(each)} >= {"AddMemory", "QueryMemories", "RepairEmbeddings"}
