"""A prompt holds the best of what was found, and never more tokens than it may."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from backend.composing.model import DEFAULT_TEMPLATE, Asked, Composition, Order, Reason
from backend.composing.selection import ordered
from backend.composing.service import Composer
from backend.composing.tiktoken_tokenizer import TiktokenTokenizer
from backend.composing.wrapping import markers
from backend.kit.errors import ValidationFailedError
from backend.memories.model import REDACTED, Memory
from backend.retrieval.model import Answer
from tests.unit.memories.samples import NOW, memory, memory_id

FRAME = 60
SCRIPTS = [
    "word ",
    "Wort, ",
    "слово ",
    "言葉",
    "ไทย",
    "\U0001f600",
    "\U0001f468\u200d\U0001f469\u200d\U0001f466",
    "x" * 300,
    "e\u0301",
    "\n",
    "\t",
    '"',
    "\u0627\u0644 ",
]
texts = st.lists(
    st.sampled_from(SCRIPTS) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8),
    min_size=1,
    max_size=60,
)


def derived(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()[:16]


def answers(*memories: Memory) -> list[Answer]:
    """Return the memories as found, the best first."""
    return [Answer(each, 1 - number / 100, 0.5, 1.0) for number, each in enumerate(memories)]


def told(tokenizer: TiktokenTokenizer, *memories: Memory, **asked: object) -> Composition:
    question = Asked(**{"query": "Where does she live?", **asked})  # type: ignore[arg-type]  # fields of Asked
    return Composer(tokenizer).compose(question, answers(*memories), derived)


kinds = st.builds(
    Asked,
    query=st.just("Where does she live?"),
    budget=st.integers(FRAME, 400),
    order=st.sampled_from(Order),
    cites=st.booleans(),
    wraps=st.booleans(),
)


@settings(max_examples=60)
@given(st.lists(texts.map("".join), max_size=6), kinds)
def test_no_prompt_is_over_its_budget(tokenizer: TiktokenTokenizer, said: list[str], asked: Asked) -> None:
    memories = [memory(number, text=text, speaker="An\na") for number, text in enumerate(said)]

    composed = Composer(tokenizer).compose(asked, answers(*memories), derived)

    assert composed.tokens == tokenizer.measure(composed.prompt) <= asked.budget
    named = [each.memory.memory_id for each in composed.used] + [each.memory_id for each in composed.dropped]
    assert sorted(named) == sorted(each.memory_id for each in memories)
    assert composed.is_truncated or not any(each.reason is Reason.BUDGET for each in composed.dropped)


def test_a_prompt_says_what_was_recalled_by_whom_and_when_and_cites_it(tokenizer: TiktokenTokenizer) -> None:
    composed = told(tokenizer, memory(1, text="I moved to Lisbon.", speaker="Ana", occurred_at=NOW - timedelta(days=1)))

    first, last = markers(derived(0))
    lines = composed.prompt.split("\n")
    assert lines[1:] == [first, "[m1] (2026-01-04) Ana: I moved to Lisbon.", last, "", "Where does she live?"]
    assert [(each.citation, each.span, each.memory.memory_id) for each in composed.used] == [("m1", (0, 18), memory_id(1))]
    assert (composed.dropped, composed.is_truncated) == ((), False)


def test_without_wrapper_and_citations_there_are_lines_alone(tokenizer: TiktokenTokenizer) -> None:
    composed = told(tokenizer, memory(1, text="I moved."), cites=False, wraps=False, template="Known:\n{memories}")

    assert composed.prompt == "Known:\n- (2026-01-05) I moved."
    assert composed.used[0].citation is None


def test_a_memory_that_holds_the_words_of_a_place_is_not_filled_in(tokenizer: TiktokenTokenizer) -> None:
    composed = told(tokenizer, memory(1, text="Say {query} and {memories}."), template="{query} {memories} {query}")

    assert composed.prompt.count("Where does she live?") == 2
    assert "Say {query} and {memories}." in composed.prompt


def test_a_budget_that_does_not_hold_the_frame_is_refused_with_the_smallest_that_does(tokenizer: TiktokenTokenizer) -> None:
    with pytest.raises(ValidationFailedError) as refused:
        told(tokenizer, memory(1), budget=32)

    smallest = refused.value.facts["smallest_budget"]
    assert refused.value.faults[0].pointer == "/token_budget"
    assert isinstance(smallest, int)
    assert told(tokenizer, budget=smallest).tokens == smallest
    with pytest.raises(ValidationFailedError):
        told(tokenizer, budget=smallest - 1)


def test_what_says_the_same_stands_once_and_what_differs_in_a_number_or_a_no_twice(tokenizer: TiktokenTokenizer) -> None:
    long = "The key of the summer house by the lake hangs behind the second door of the old barn at"
    same = [memory(1, text=f"{long} home."), memory(2, text=f"{long}  home!")]
    other = [
        memory(3, text=f"{long} home 7."),
        memory(4, text=f"{long} home not."),
        memory(5, text=f"{long} home.", speaker="Bo"),
    ]

    composed = told(tokenizer, *same, *other)

    assert [(each.memory_id, each.reason) for each in composed.dropped] == [(memory_id(2), Reason.DUPLICATE)]
    assert len(composed.used) == 4
    assert not composed.is_truncated


def test_what_cannot_be_decrypted_is_left_out_and_named(tokenizer: TiktokenTokenizer) -> None:
    composed = told(tokenizer, memory(1, text=REDACTED, unreadable=b"sealed"), memory(2))

    assert [(each.memory_id, each.reason) for each in composed.dropped] == [(memory_id(1), Reason.UNREADABLE)]
    assert REDACTED not in composed.prompt


def test_a_long_memory_gives_the_part_that_answers_and_leaves_room_for_others(tokenizer: TiktokenTokenizer) -> None:
    long = "Nothing happened that day. " * 300 + "She lives in Porto by the sea. " + "Nothing happened then. " * 300

    composed = told(tokenizer, memory(1, text=long), memory(2, text="Tea at four."), memory(3, text="Rain."), budget=300)

    part = next(each for each in composed.used if each.memory.memory_id == memory_id(1))
    assert "She lives in Porto" in long[slice(*part.span)]
    assert "She lives in Porto" in composed.prompt
    assert len(composed.used) == 3
    assert composed.is_truncated


def test_a_short_memory_is_whole_or_not_there_and_makes_room_for_one_that_fits(tokenizer: TiktokenTokenizer) -> None:
    first, second = "Porto is where she has lived with her sister since the spring of that year.", "She likes it."
    frame = told(tokenizer, budget=400).tokens

    composed = told(tokenizer, memory(1, text=first), memory(2, text=second), budget=frame + 20)

    assert [(each.memory.text, each.span) for each in composed.used] == [(second, (0, len(second)))]
    assert [(each.memory_id, each.reason) for each in composed.dropped] == [(memory_id(1), Reason.BUDGET)]


def test_what_the_budget_leaves_out_is_named(tokenizer: TiktokenTokenizer) -> None:
    many = [memory(number, text=f"Fact {number} is about thing {number * 7} and nothing else at all.") for number in range(30)]

    composed = told(tokenizer, *many, budget=200)

    assert {each.reason for each in composed.dropped} == {Reason.BUDGET}
    assert memory_id(0) in {each.memory.memory_id for each in composed.used}
    assert composed.is_truncated


def test_the_best_stand_at_the_edges_unless_another_order_is_asked_for() -> None:
    moments = [NOW + timedelta(days=day) for day in (3, 1, 2, 5, 4)]

    assert ordered("abcde", Order.EDGES, moments) == list("acedb")
    assert ordered("abcde", Order.RELEVANCE, moments) == list("abcde")
    assert ordered("abcde", Order.CHRONOLOGICAL, moments) == list("bcaed")
    assert DEFAULT_TEMPLATE.count("{memories}") == 1
