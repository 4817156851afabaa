"""How long a language model may be waited for, so that a request whose texts it reads ends in time all the same."""

from __future__ import annotations

from backend.extraction.ports import NO_TIME, LanguageModelUnavailableError
from backend.kit import deadline

READ_SECONDS = 12.0
"""Less than the half of a request, so that the rules still have time when it fails."""

KEPT_BACK_SECONDS = 8.0
"""Of a request, for what comes after the reading: rules for what was not read, embedding, storing."""

LEAST_SECONDS = 2.0
"""An answer takes longer than this anyway: asking would cost tokens for nothing."""


def seconds_to_ask(longest: float) -> float:
    """Return how long a model may be waited for now: at most `longest`, and what the request's deadline leaves.

    Raises `LanguageModelUnavailableError` where that is too little to ask at all.
    """
    left = deadline.remaining() - KEPT_BACK_SECONDS
    if left < LEAST_SECONDS:
        raise LanguageModelUnavailableError(NO_TIME)
    return min(longest, left)
