"""The demo's conversation and questions are what they claim to be, and the ranking finds the answers."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from backend.embedding.minilm import MiniLmEmbedder
from backend.embedding.model import Purpose
from backend.extraction.extracted_key import extracted_key
from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery
from backend.index.text import query_stems, stems
from backend.memories.schemas import MemoryAdd
from backend.retrieval.features import AROUND
from backend.retrieval.model import Candidates
from backend.retrieval.ranking import rank
from backend.retrieval.reading import possible_names, read
from backend.tenancy.scope import Environment, user_scope
from examples.demo import memory_of
from examples.story import EXPECTED_WITHIN, Question, Story, load

STORY = load()
TURNS = {turn.id: turn for turn in STORY.turns}
SCOPE = user_scope("demo", "demo", Environment.DEV, STORY.user_id)
EMBEDDER = Path(os.environ.get("EMBEDDER_DIR") or Path(__file__).parents[3] / ".local" / "embedder")
each_question = pytest.mark.parametrize("question", STORY.questions, ids=lambda question: question.id)


def test_two_people_talk_for_several_weeks() -> None:
    moments = [datetime.fromisoformat(turn.occurred_at) for turn in STORY.turns]

    assert len(STORY.turns) >= 40
    assert len({turn.speaker for turn in STORY.turns}) == 2
    assert len({turn.session_id for turn in STORY.turns}) >= 5
    assert moments[-1] - moments[0] > timedelta(weeks=4)
    assert all(earlier < later for earlier, later in pairwise(moments))


def test_no_session_lasts_longer_than_a_call() -> None:
    for session in {turn.session_id for turn in STORY.turns}:
        moments = [datetime.fromisoformat(turn.occurred_at) for turn in STORY.turns if turn.session_id == session]

        assert moments[-1] - moments[0] < timedelta(hours=1)


def test_every_turn_becomes_a_memory_of_its_own() -> None:
    assert len(TURNS) == len(STORY.turns)
    assert len({extracted_key(turn.text) for turn in STORY.turns}) == len(STORY.turns)


def test_the_service_takes_every_turn_without_a_warning() -> None:
    for turn in STORY.turns:
        body = MemoryAdd.model_validate(memory_of(STORY.user_id, turn))

        assert body.warnings() == []


def test_eight_questions_expect_eight_different_turns() -> None:
    assert len(STORY.questions) == 8
    assert len({question.id for question in STORY.questions}) == 8
    assert len({question.expected_turn for question in STORY.questions}) == 8
    assert {question.expected_turn for question in STORY.questions} <= set(TURNS)


@each_question
def test_a_question_shares_content_words_with_its_answer_exactly_when_it_says_so(question: Question) -> None:
    shared = set(query_stems(question.question)) & set(stems(TURNS[question.expected_turn].said))

    assert bool(shared) is question.shares_words


def test_three_questions_share_no_content_word_with_their_answer() -> None:
    assert sum(not question.shares_words for question in STORY.questions) == 3


@pytest.fixture(scope="module")
def embedder() -> MiniLmEmbedder:
    if not (EMBEDDER / "manifest.json").is_file():
        pytest.fail("The embedding model is not built. Run: python layers/embedder/build_model.py --fetch", pytrace=False)
    return MiniLmEmbedder(EMBEDDER)


@pytest.fixture(scope="module")
def index(embedder: MiniLmEmbedder) -> FakeIndex:
    return _indexed(STORY, embedder)


@each_question
def test_the_expected_memory_is_among_the_first_three(question: Question, index: FakeIndex, embedder: MiniLmEmbedder) -> None:
    reading = read(question.question, index.speakers(SCOPE, possible_names(question.question)))
    (vector,) = embedder.embed([reading.bare], Purpose.QUERY)
    stems_asked = query_stems(question.question)
    asked = IndexQuery(vector, embedder.model.identity, stems_asked, IndexFilter(), speaker=reading.speaker, around=AROUND)
    found = index.search(SCOPE, asked)
    best = [ranked.hit.memory_id for ranked in rank(Candidates(found, reading, asked.terms))]

    assert question.expected_turn in best[:EXPECTED_WITHIN]


@pytest.mark.parametrize(
    "question", [each for each in STORY.questions if not each.shares_words], ids=lambda question: question.id
)
def test_words_alone_do_not_find_what_shares_none(question: Question, index: FakeIndex) -> None:
    asked = IndexQuery(None, None, query_stems(question.question), IndexFilter())
    found = {hit.memory_id: hit.lexical for hit in index.search(SCOPE, asked).hits}

    assert found.get(question.expected_turn, 0.0) == 0.0


def _indexed(story: Story, embedder: MiniLmEmbedder) -> FakeIndex:
    """Return an index that holds each turn as `backend.memories.documents` would: words with the speaker, vector without."""
    index = FakeIndex()
    vectors = embedder.embed([turn.text for turn in story.turns], Purpose.DOCUMENT)
    documents = [
        IndexDocument(
            scope_key=SCOPE.home,
            memory_id=turn.id,
            revision=1,
            chunk=0,
            row_version=1,
            stems=stems(turn.said),
            vector=vector,
            model=embedder.model.identity,
            created_at=number,
        )
        for number, (turn, vector) in enumerate(zip(story.turns, vectors, strict=True), 1)
    ]
    index.write(SCOPE.tenant_id, documents)
    return index
