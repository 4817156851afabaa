"""From what was said to candidates: categorise, extract, chunk, validate, score, key.

The first three stages are one reading of the text, by rules (`rules.py`), which refuse as they read, or by a language model
(`language_model.py`), which is held to the same rules afterwards (`validating.py`). Then every statement is looked at by the
guards, whoever sent it and whoever read it, scored by who speaks, and given its key.
"""

from __future__ import annotations

from collections.abc import Callable

from backend.extraction import language_model, rules
from backend.extraction.extracted_key import extracted_key
from backend.extraction.guards import guarded
from backend.extraction.model import LONGEST_UTTERANCE, Candidate, Method, Reading, Statement, Utterance
from backend.extraction.patience import READ_SECONDS, seconds_to_ask
from backend.extraction.policy import ExtractionPolicy
from backend.extraction.ports import LanguageModel, LanguageModelUnavailableError
from backend.extraction.validating import held_to_the_rules, of_its_speaker

CONFIDENCE_DIGITS = 3
NOT_CONFIGURED = "not-configured"
LONG_TEXT = "long-text"
"""A long text is kept whole and cut into chunks, whoever reads: there is nothing to ask a model for."""

NOTHING_FOUND = "nothing-found"
"""The model found nothing in a text that states something to the rules."""


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
        if not utterance.infer:
            return [rules.word_for_word(utterance.text, utterance.said_at)], Reading((), Method.VERBATIM)
        if policy.method is Method.MODEL:
            statements, reading = self._by_model(utterance)
        else:
            statements, reading = _by_rules(utterance), Reading((), Method.RULES)
        return of_its_speaker(statements, utterance.role), reading

    def _by_model(self, utterance: Utterance) -> tuple[list[Statement], Reading]:
        """Return what the model found, or what the rules find where it does not do it. What it took is told either way."""
        try:
            found = self._asked(utterance)
        except LanguageModelUnavailableError as error:
            reading = Reading((), Method.RULES, error.reason, error.input_tokens, error.output_tokens)
            return _by_rules(utterance), reading
        tokens = found.input_tokens, found.output_tokens
        if found.statements:
            return held_to_the_rules(utterance.text, found.statements), Reading((), Method.MODEL, None, *tokens)
        statements = _by_rules(utterance)
        if any(each.refusal is None for each in statements):
            return statements, Reading((), Method.RULES, NOTHING_FOUND, *tokens)
        # There is nothing in it indeed, and the rules say why.
        return statements, Reading((), Method.MODEL, None, *tokens)

    def _asked(self, utterance: Utterance) -> language_model.Extracted:
        model = self._model()
        if model is None:
            raise LanguageModelUnavailableError(NOT_CONFIGURED)
        if len(utterance.text) > LONGEST_UTTERANCE:
            raise LanguageModelUnavailableError(LONG_TEXT)
        # Of many texts of one request the last may come too late to be read like the first.
        seconds_to_ask(READ_SECONDS)
        return language_model.extract(model, utterance.text, utterance.said_at)


def _by_rules(utterance: Utterance) -> list[Statement]:
    return rules.statements_in(utterance.text, utterance.said_at, utterance.role)


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
