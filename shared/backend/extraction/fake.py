"""Extraction without rules: for tests of what stands on it."""

from __future__ import annotations

from dataclasses import replace

from backend.extraction.extracted_key import extracted_key
from backend.extraction.model import Candidate, Method, Reading, Utterance
from backend.extraction.policy import ExtractionPolicy


class WholeTexts:
    """Keeps every text whole, word for word, whatever it says; with `lines`, every line of it."""

    def __init__(self, *, lines: bool = False) -> None:
        self._lines = lines

    def read(self, utterance: Utterance, policy: ExtractionPolicy) -> Reading:
        """Return one candidate for the text, or for each of its lines."""
        del policy
        texts = utterance.text.split("\n") if self._lines else [utterance.text]
        candidates: list[Candidate] = []
        start = 0
        for text in texts:
            said = replace(utterance, text=text)
            fact = f"{said.speaker}: {text}" if said.speaker else text
            span = (start, start + len(text))
            candidates.append(Candidate(text=text, extracted_key=extracted_key(fact), span=span, speaker=said.speaker))
            start = span[1] + 1
        return Reading(tuple(candidates), Method.VERBATIM)
