"""From what was said to candidates: categorise, extract, chunk, validate, score, key.

The first three stages and the rules of low signal are one reading of the text, by rules (`rules.py`) or by a language model
(`language_model.py`); then every statement is looked at by the guards, whoever sent it, scored, and given its key.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from backend.extraction import language_model, rules
from backend.extraction.extracted_key import extracted_key
from backend.extraction.guards import GuardPolicy, guarded
from backend.extraction.model import Candidate, Method, Reading, Statement, Utterance
from backend.extraction.ports import LanguageModel, LanguageModelUnavailableError

CONFIDENCE_DIGITS = 3


@dataclass(frozen=True, slots=True)
class ExtractionPolicy:
    """A tenant's: whether a language model may read its texts, and what the guards do."""

    method: Method = Method.RULES
    guards: GuardPolicy = field(default_factory=GuardPolicy)


class Pipeline:
    """Reads texts. `model` gives the language model of this installation, None where there is none."""

    def __init__(self, model: Callable[[], LanguageModel | None] = lambda: None) -> None:
        self._model = model

    def read(self, utterance: Utterance, policy: ExtractionPolicy) -> Reading:
        """Return every candidate in the text, the refused ones with their rule. Never fails: what no rule fits is kept whole."""
        statements, reading = self._statements(utterance, policy)
        statements = guarded(utterance.text, statements, policy.guards)
        candidates = tuple(_candidate(each, utterance) for each in statements)
        return Reading(candidates, reading.method, reading.fallback, reading.input_tokens, reading.output_tokens)

    def _statements(self, utterance: Utterance, policy: ExtractionPolicy) -> tuple[list[Statement], Reading]:
        text, said_at = utterance.text, utterance.said_at
        if not utterance.infer:
            return [rules.word_for_word(text, said_at)], Reading((), Method.VERBATIM)
        fallback = None
        if policy.method is Method.MODEL:
            try:
                return self._by_model(utterance)
            except LanguageModelUnavailableError as error:
                fallback = error.reason
        return rules.statements_in(text, said_at, utterance.role), Reading((), Method.RULES, fallback)

    def _by_model(self, utterance: Utterance) -> tuple[list[Statement], Reading]:
        model = self._model()
        if model is None:
            reason = "not-configured"
            raise LanguageModelUnavailableError(reason)
        found = language_model.extract(model, utterance.text, utterance.said_at)
        reading = Reading((), Method.MODEL, None, found.input_tokens, found.output_tokens)
        return list(found.statements), reading


def _candidate(statement: Statement, utterance: Utterance) -> Candidate:
    # Who said it belongs to the key: "I love hiking" of Ada is another fact than that of Bob.
    speaker = utterance.speaker
    fact = f"{speaker}: {statement.text}" if speaker else statement.text
    return Candidate(
        text=statement.text,
        extracted_key=extracted_key(fact),
        span=statement.span,
        category=statement.category.value,
        memory_type=statement.category.memory_type,
        confidence=round(statement.confidence, CONFIDENCE_DIGITS),
        speaker=speaker,
        event=statement.event,
        claimed=statement.claimed,
        chunks=statement.chunks,
        refusal=statement.refusal,
    )
