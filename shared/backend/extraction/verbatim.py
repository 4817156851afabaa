"""Keeps what was said, whole and word for word, as the one candidate: what `infer=false` asks for."""

from __future__ import annotations

from backend.memories.extracted_key import extracted_key
from backend.memories.model import Candidate, Said


class VerbatimExtractor:
    """`Extractor` that takes the caller at their word."""

    def extract(self, said: Said) -> list[Candidate]:
        """Return one candidate. Its confidence is 1.0: that it was said is certain.

        Who said it belongs to the key: "I love hiking" of Ada is another fact than that of Bob.
        """
        fact = f"{said.speaker}: {said.text}" if said.speaker else said.text
        return [Candidate(text=said.text, extracted_key=extracted_key(fact), span=(0, len(said.text)))]
