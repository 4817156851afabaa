"""Gap: the grammar of a condition is checked, and the condition taken apart, anew for every item that it is asked of.

Of a transaction of a hundred items that was a sixth of the emulator's processor. Both follow from the text alone, and a program
has few of them: values stand beside.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from functools import lru_cache
from typing import Any

from ministack.services import dynamodb

from infrastructure.local.patches.patcher import Patcher

EXPRESSIONS_KEPT = 1024


def apply(patcher: Patcher) -> None:
    """Read each expression once."""
    stock = dynamodb._tokenize

    @lru_cache(EXPRESSIONS_KEPT)
    def tokens(text: str) -> tuple[Any, ...]:
        return tuple(stock(text))

    patcher.attribute(dynamodb, "_tokenize", lambda text: list(tokens(text)))
    patcher.attribute(dynamodb, "_condition_syntax_error", lru_cache(EXPRESSIONS_KEPT)(dynamodb._condition_syntax_error))
