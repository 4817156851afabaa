"""The span that is shown is the one that a search through all of them finds."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from backend.retrieval.spans import best_span

ASKED = frozenset({"ada", "bob", "eve"})
SENTENCES = st.lists(
    st.sampled_from(["Ada.", "Bob!", "Eve?", "Ada bob.", "Nobody.", "Ëlse.", "Ada ada ada."]), min_size=1, max_size=14
)


@given(SENTENCES, st.integers(14, 60))
def test_the_first_run_that_shares_most_and_cannot_grow_is_chosen(sentences: list[str], most_bytes: int) -> None:
    text = " ".join(sentences)
    if len(text.encode()) <= most_bytes:
        return
    runs = []
    for first in range(len(sentences)):
        # A run holds the space behind its last sentence, unless the text ends there.
        grown = [" ".join(sentences[first:end]) + " " * (end < len(sentences)) for end in range(first + 1, len(sentences) + 1)]
        run = max((each for each in grown if len(each.encode()) <= most_bytes), key=len)
        runs.append((run, len({word for word in ASKED if word in run.lower()})))
    most = max(count for _, count in runs)

    start, end = best_span(text, ASKED, most_bytes)

    assert text[start:end] == next(run for run, count in runs if count == most)
