"""Prompts are measured as tiktoken measures them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import tiktoken_ext.openai_public as published
from hypothesis import given
from hypothesis import strategies as st

from backend.composing import tiktoken_tokenizer
from backend.composing.tiktoken_tokenizer import TiktokenTokenizer
from backend.kit.errors import DependencyUnavailableError
from layers.embedder import source


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        # OpenAI Cookbook, "How to count tokens with tiktoken": the rows of o200k_base, and its first example.
        ("antidisestablishmentarianism", 6),
        ("2 + 2 = 4", 7),
        ("お誕生日おめでとう", 8),
        ("tiktoken is great!", 6),
        ("", 0),
    ],
)
def test_a_text_has_as_many_tokens_as_its_publisher_says(tokenizer: TiktokenTokenizer, text: str, tokens: int) -> None:
    assert tokenizer.measure(text) == tokens


def test_the_pattern_and_the_vocabulary_are_those_that_tiktoken_asks_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, str] = {}

    def load(address: str, expected_hash: str) -> dict[bytes, int]:
        asked[address.rpartition("/")[2]] = expected_hash
        return {}

    # Its loader would fetch the file: what it asks for is looked at instead.
    monkeypatch.setattr(published, "load_tiktoken_bpe", load)
    encoding = published.o200k_base()

    assert encoding["name"] == tiktoken_tokenizer.NAME
    assert encoding["pat_str"] == tiktoken_tokenizer._PATTERN
    assert asked == {source.VOCABULARY: source.DIGESTS[source.VOCABULARY]}


def test_a_special_token_in_a_users_text_is_text(tokenizer: TiktokenTokenizer) -> None:
    assert tokenizer.measure("<|endoftext|>") > 1


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_has_more_tokens_than_bytes(tokenizer: TiktokenTokenizer, text: str) -> None:
    assert tokenizer.measure(text) <= len(text.encode())


def test_many_threads_may_count_at_once(tokenizer: TiktokenTokenizer) -> None:
    with ThreadPoolExecutor(4) as threads:
        assert set(threads.map(tokenizer.measure, ["one two three"] * 20)) == {3}


def test_without_its_vocabulary_it_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DependencyUnavailableError, match="build_model"):
        TiktokenTokenizer(tmp_path).measure("anything")
