"""The use case behind `POST /memory/synthesize`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from backend.composing import model_answers
from backend.composing.answering import Reader, abstention, extracted
from backend.composing.model import Abstained, AnswerWanted, Asked, Method, Synthesis
from backend.composing.service import Composer
from backend.embedding.ports import Embedder
from backend.extraction.model import Method as Extraction
from backend.extraction.ports import LanguageModel, LanguageModelUnavailableError
from backend.kit import observability
from backend.memories.policy_ports import PolicySource
from backend.retrieval.model import Answer

TOKENS_FOR_THE_MODEL = 4000
QUESTION = "{memories}\n\nQuestion: {query}"


class Synthesizer:
    """Answers questions from what was found for them."""

    def __init__(
        self, *, embedder: Embedder, composer: Composer, policies: PolicySource, model: Callable[[], LanguageModel | None]
    ) -> None:
        """`model` gives the language model of this installation, None where there is none."""
        self._reader = Reader(embedder)
        self._composer = composer
        self._policies = policies
        self._model = model

    def answer(self, tenant_id: str, wanted: AnswerWanted, answers: Sequence[Answer], derived: Callable[[int], str]) -> Synthesis:
        """Return a cited answer, or why there is none. `derived` as in `Composer.compose`.

        A language model is asked where the tenant's policy chose one for extraction; when it does not answer, or says what it
        cannot quote, the sentences themselves are the answer and `fallback` says why.
        """
        evidence = self._reader.evidence(wanted.query, answers)
        none = abstention(evidence, wanted.threshold)
        if none:
            return none
        found = extracted(wanted.query, evidence, wanted.most)
        if self._policies.of(tenant_id).extraction.method is not Extraction.MODEL:
            return found
        budget = TOKENS_FOR_THE_MODEL + self._composer.measure(wanted.query)
        asked = Asked(wanted.query, budget=budget, template=QUESTION)
        composed = self._composer.compose(asked, answers, derived)
        try:
            written = model_answers.answer(self._model(), composed.prompt, composed.used)
        except LanguageModelUnavailableError as error:
            observability.count("llm_fallback")
            observability.note(llm_fallback_reason=error.reason)
            observability.count("llm_input_tokens", error.input_tokens)
            observability.count("llm_output_tokens", error.output_tokens)
            return replace(found, fallback=error.reason)
        observability.count("llm_input_tokens", written.input_tokens)
        observability.count("llm_output_tokens", written.output_tokens)
        abstained = None if written.text else Abstained.NOT_IN_MEMORIES
        return Synthesis(written.text, written.cited, found.confidence, abstained, Method.MODEL, is_lexical=found.is_lexical)
