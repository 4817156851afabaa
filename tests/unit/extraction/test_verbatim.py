"""What is kept word for word."""

from __future__ import annotations

import pytest

from backend.extraction.verbatim import VerbatimExtractor
from backend.memories.extracted_key import extracted_key
from backend.memories.model import Candidate, Said


@pytest.mark.parametrize("text", ["I moved to Lisbon.", "  two\n\nlines  ", "?!", "語" * 30_000])
def test_what_was_said_is_the_one_candidate_whole_and_unchanged(text: str) -> None:
    assert VerbatimExtractor().extract(Said(text, speaker="Ana")) == [
        Candidate(
            text=text,
            extracted_key=extracted_key(f"Ana: {text}"),
            span=(0, len(text)),
            category="factual",
            memory_type="fact",
            confidence=1.0,
        )
    ]


def test_the_same_words_of_another_speaker_are_another_fact() -> None:
    keys = {VerbatimExtractor().extract(Said("I love hiking.", speaker=who))[0].extracted_key for who in ("Ada", "Bob", None)}

    assert len(keys) == 3
