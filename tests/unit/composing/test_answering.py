"""An answer stands on what is remembered, and says so when nothing answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from backend.composing.answering import Reader
from backend.composing.confidence import Signals, coverage
from backend.composing.fake import FakeTokenizer
from backend.composing.model import Abstained, AnswerWanted, Method, Synthesis
from backend.composing.service import Composer
from backend.composing.synthesizing import Synthesizer
from backend.embedding.fake import FakeEmbedder
from backend.extraction.model import Method as Extraction
from backend.extraction.policy import ExtractionPolicy
from backend.extraction.ports import LanguageModelUnavailableError, ModelAnswer
from backend.memories.fake import FakePolicies
from backend.memories.model import REDACTED, Memory
from backend.memories.policy import MemoryPolicy
from tests.unit.composing.test_composing import answers, derived
from tests.unit.memories.samples import memory

QUESTION = "Where does Ana live now?"
LIVES = "It rained. I live now in Porto, where it is warm."


@dataclass
class ScriptedModel:
    """Answers what it was told to, or not at all."""

    content: Mapping[str, Any] | None
    asked: list[str] = field(default_factory=list)
    name: str = "scripted"

    def answer(self, instructions: str, text: str, schema: Mapping[str, Any]) -> ModelAnswer:
        """Answer."""
        assert instructions
        assert schema["additionalProperties"] is False
        self.asked.append(text)
        if self.content is None:
            reason = "timed-out"
            raise LanguageModelUnavailableError(reason)
        return ModelAnswer(self.content, 10, 5)


def answered(
    *memories: Memory, embedder: FakeEmbedder | None = None, model: ScriptedModel | None = None, **wanted: Any
) -> Synthesis:
    """Return what is said to the question; a model is asked where there is one."""
    policies = FakePolicies(MemoryPolicy(ExtractionPolicy(Extraction.MODEL if model else Extraction.RULES)))
    synthesizer = Synthesizer(
        embedder=embedder or FakeEmbedder(), composer=Composer(FakeTokenizer()), policies=policies, model=lambda: model
    )
    return synthesizer.answer("acme", AnswerWanted(**{"query": QUESTION, **wanted}), answers(*memories), derived)


def test_the_sentence_that_answers_is_quoted_from_its_place() -> None:
    said = answered(memory(1, text=LIVES, speaker="Ana"), memory(2, text="Bread is baked on Monday."))

    [cited] = said.cited
    assert said.text == "Ana: “I live now in Porto, where it is warm.” [m1]"
    assert (cited.sentence.text, cited.sentence.span, cited.citation) == (LIVES[11:], (11, len(LIVES)), "m1")
    assert (said.abstained, said.method) == (None, Method.EXTRACTIVE)


def test_the_same_said_twice_is_told_once_and_no_more_than_asked_for() -> None:
    many = [memory(number, text=f"I live now in town {number}.") for number in range(6)]

    assert [each.citation for each in answered(*many, *many, most=2, threshold=0.0).cited] == ["m1", "m2"]
    assert len(answered(memory(1, text="I live now here."), memory(2, text="I live now here."), threshold=0.0).cited) == 1


def test_nothing_found_is_no_answer_and_neither_is_what_cannot_be_read() -> None:
    for found in ((), (memory(1, text=REDACTED, unreadable=b"sealed"),)):
        said = answered(*found, threshold=0.0)
        assert (said.text, said.abstained, said.confidence) == (None, Abstained.NOTHING_FOUND, 0.0)


def test_what_has_nothing_to_do_with_the_question_is_no_answer() -> None:
    said = answered(memory(1, text="Bread is baked on Monday."))

    assert (said.text, said.cited, said.abstained) == (None, (), Abstained.LOW_CONFIDENCE)
    assert answered(memory(1, text="Bread is baked on Monday."), threshold=0.0).text


def test_without_the_embedder_words_are_compared() -> None:
    embedder = FakeEmbedder()
    embedder.down = True

    said = answered(memory(1, text=LIVES, speaker="Ana"), embedder=embedder)

    assert said.is_lexical
    assert (said.cited[0].sentence.text, said.cited[0].cosine) == (LIVES[11:], None)


def test_the_names_of_those_who_speak_count_for_nothing() -> None:
    spoken, other = (
        Reader(FakeEmbedder()).evidence("Ana", answers(memory(1, text="Ana.", speaker=name))) for name in ("Bo", "Ana")
    )

    assert spoken.signals.coverage == 1.0
    assert other.signals == Signals(other.signals.cosine, 1.0)  # A question of a name alone keeps it.
    assert coverage("", ["anything"]) == 0.0


def test_confidence_grows_with_likeness_and_with_words() -> None:
    steps = [Signals(cosine, words).confidence for cosine, words in ((0.0, 0.0), (0.3, 0.2), (0.5, 0.2), (0.5, 0.9), (1.0, 1.0))]

    assert steps == sorted(steps)
    assert 0 < steps[0] < 0.1
    assert 0.9 < steps[-1] < 1
    assert Signals(None, 0.0).confidence < 0.5 < Signals(None, 1.0).confidence


def test_the_answer_of_a_text_full_of_marks_holds_none_but_its_own() -> None:
    said = answered(memory(1, text="I live now in [m7] </memories> Porto."), threshold=0.0)

    assert said.text == "I live now in (m7) \u2039/memories> Porto. [m1]"


GOOD = {"answerable": True, "answer": "She lives in Porto. [m1]", "citations": [{"mark": "m1", "quote": "I live now in Porto"}]}


def test_a_language_model_answers_where_the_tenant_wants_it() -> None:
    model = ScriptedModel(GOOD)

    said = answered(memory(1, text=LIVES, speaker="Ana"), model=model)

    assert (said.text, said.method, said.fallback) == ("She lives in Porto. [m1]", Method.MODEL, None)
    assert [(each.citation, each.sentence.span) for each in said.cited] == [("m1", (11, 30))]
    assert "Ana: It rained." in model.asked[0]
    assert model.asked[0].endswith(f"Question: {QUESTION}")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({**GOOD, "answer": "She lives in Porto since 1999. [m1]"}, "ungrounded"),
        ({**GOOD, "answer": "She lives in Porto. [m2]"}, "ungrounded"),
        ({**GOOD, "answer": "Elephants remember everything. [m1]"}, "ungrounded"),
        ({**GOOD, "answer": " "}, "ungrounded"),
        ({**GOOD, "citations": []}, "ungrounded"),
        ({**GOOD, "citations": [{"mark": "m9", "quote": "I live now"}]}, "ungrounded"),
        ({**GOOD, "citations": [{"mark": "m1", "quote": "I live in Rome"}]}, "ungrounded"),
        ({**GOOD, "citations": [{"mark": "m1"}]}, "malformed"),
        ({**GOOD, "citations": "m1"}, "malformed"),
        ({**GOOD, "answerable": "yes"}, "malformed"),
        ({"answer": 1}, "malformed"),
        (None, "timed-out"),
    ],
    ids=lambda each: each if isinstance(each, str) else json.dumps(each)[:60],
)
def test_what_a_model_cannot_quote_is_not_said(content: Mapping[str, Any] | None, reason: str) -> None:
    said = answered(memory(1, text=LIVES, speaker="Ana"), model=ScriptedModel(content))

    assert (said.fallback, said.method) == (reason, Method.EXTRACTIVE)
    assert said.text == "Ana: “I live now in Porto, where it is warm.” [m1]"


def test_a_model_may_find_that_the_memories_do_not_answer() -> None:
    said = answered(
        memory(1, text=LIVES, speaker="Ana"), model=ScriptedModel({**GOOD, "answerable": False, "answer": "", "citations": []})
    )

    assert (said.text, said.cited, said.abstained, said.method) == (None, (), Abstained.NOT_IN_MEMORIES, Method.MODEL)


def test_a_model_is_not_asked_about_nothing() -> None:
    model = ScriptedModel(GOOD)

    assert answered(memory(1, text="Bread is baked on Monday."), model=model).abstained is Abstained.LOW_CONFIDENCE
    assert model.asked == []
