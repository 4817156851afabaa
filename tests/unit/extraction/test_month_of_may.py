"""The month of May is no doubt."""

from __future__ import annotations

import pytest

from backend.extraction.modality import is_hedged


@pytest.mark.parametrize(
    "words",
    [
        "the deadline of apollo is 3 may.",
        "we meet on the 21st may.",
        "it is due by may 3.",
        "she was born in may.",
        "i work at acme since may.",
    ],
)
def test_a_date_in_may_is_sure(words: str) -> None:
    assert not is_hedged(words)


@pytest.mark.parametrize("words", ["i may move to rome.", "all 30 of us may come.", "it may be 3 o'clock."])
def test_what_may_be_is_not(words: str) -> None:
    assert is_hedged(words)
