"""Answering a question from memory: every sentence cited, and no answer where nothing says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from backend.composing.confidence import Signals, coverage
from backend.composing.model import Abstained, Cited, Sentence, Synthesis
from backend.composing.sentences import matrix_of, sentences_of
from backend.composing.wrapping import safe
from backend.embedding.model import Purpose
from backend.embedding.ports import Embedder
from backend.index.speakers import names_of
from backend.index.text import query_stems
from backend.kit.errors import EmbeddingUnavailableError
from backend.memories.model import Memory
from backend.retrieval.model import ANSWER_TEXT_BYTES, Answer
from backend.retrieval.reading import possible_names, read
from backend.retrieval.spans import best_span

MOST_SENTENCES_READ = 64
"""A quarter of a second of one processor with the embedding model in the process."""

NEAR_THE_BEST = 0.6
"""A further sentence is cited when its cosine is at least this part of the best one's."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found for a question: sentences with their cosines, the best memory's first, and how sure they make an answer."""

    sentences: tuple[Sentence, ...]
    cosines: tuple[float, ...] | None
    signals: Signals


class Reader:
    """Looks in what was found for the sentences that answer."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder

    def evidence(self, query: str, answers: Sequence[Answer]) -> Evidence:
        """Return the sentences of the answers, compared with the question."""
        told = [each for each in answers if each.memory.unreadable is None]
        bare = _without_names(query, [each.memory for each in told])
        words = frozenset(query_stems(query))
        parts = [(each.memory, best_span(each.memory.text, words, ANSWER_TEXT_BYTES, each.piece)) for each in told]
        sentences = [each for memory, span in parts for each in sentences_of(memory, span)][:MOST_SENTENCES_READ]
        covered = coverage(bare, [memory.text[slice(*span)] for memory, span in parts])
        try:
            cosines = self._cosines(bare, [each.text for each in sentences])
        except EmbeddingUnavailableError:
            return Evidence(tuple(sentences), None, Signals(None, covered))
        best = max(cosines, default=0.0)
        return Evidence(tuple(sentences), tuple(cosines), Signals(best, covered))

    def _cosines(self, bare: str, texts: Sequence[str]) -> list[float]:
        if not texts:
            return []
        (question,) = self._embedder.embed([bare], Purpose.QUERY)
        documents = matrix_of(self._embedder.embed(texts, Purpose.DOCUMENT))
        found: list[float] = np.round(documents @ matrix_of([question])[0], 6).tolist()
        return found


def extracted(query: str, evidence: Evidence, most: int) -> Synthesis:
    """Return the answer made of the sentences themselves: of each memory, the best first, the one that answers best.

    Memories keep the order in which they were found, as that sees what stands around them; cosines choose within a memory, and
    leave out what is much less like the question than the best.
    """
    confidence = evidence.signals.confidence
    scores = evidence.cosines or tuple(coverage(query, [each.text]) for each in evidence.sentences)
    floor = NEAR_THE_BEST * max(scores, default=0.0)
    best: dict[str, int] = {}
    for place, sentence in enumerate(evidence.sentences):
        name = sentence.memory.memory_id
        if name not in best or scores[place] > scores[best[name]]:
            best[name] = place
    told: dict[tuple[str | None, str], int] = {}
    for place in best.values():
        sentence = evidence.sentences[place]
        if scores[place] >= floor:
            told.setdefault((sentence.memory.speaker, " ".join(sentence.text.split())), place)
    places = list(told.values())[:most]
    cited = tuple(
        Cited(f"m{number}", evidence.sentences[place], evidence.cosines[place] if evidence.cosines else None)
        for number, place in enumerate(places, 1)
    )
    text = " ".join(f"{_said(each.sentence)} [{each.citation}]" for each in cited)
    return Synthesis(text, cited, confidence, is_lexical=evidence.cosines is None)


def abstention(evidence: Evidence, threshold: float) -> Synthesis | None:
    """Return the answer that there is none, where nothing was found or what was found is too weak; None otherwise."""
    is_lexical = evidence.cosines is None
    if not evidence.sentences:
        return Synthesis(None, (), 0.0, Abstained.NOTHING_FOUND, is_lexical=is_lexical)
    confidence = evidence.signals.confidence
    if confidence < threshold:
        return Synthesis(None, (), confidence, Abstained.LOW_CONFIDENCE, is_lexical=is_lexical)
    return None


def _said(sentence: Sentence) -> str:
    """Return a sentence with who said it: "I" is somebody."""
    words = " ".join(safe(sentence.text).split())
    speaker = " ".join(safe(sentence.memory.speaker or "").split())
    return f"{speaker}: “{words}”" if speaker else words


def _without_names(query: str, memories: Sequence[Memory]) -> str:
    """Return the question without the names of those who speak in what was found, as it was searched for."""
    names = frozenset().union(*(names_of(each.speaker) for each in memories))
    return read(query, names & possible_names(query)).bare
