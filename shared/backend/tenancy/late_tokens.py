"""Bearer tokens, for functions that mostly see keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property

from backend.tenancy.model import TokenClaims
from backend.tenancy.ports import Tokens


class LateTokens:
    """Makes its verifier when the first token comes: a cold start that brings an API key does not pay for cryptography."""

    def __init__(self, make: Callable[[], Tokens]) -> None:
        self._make = make

    @cached_property
    def _tokens(self) -> Tokens:
        return self._make()

    def verify(self, text: str) -> TokenClaims:
        """Return what the token says."""
        return self._tokens.verify(text)

    def usable_keys(self, jwks: str) -> Sequence[str]:
        """Return the key ids that could verify a token."""
        return self._tokens.usable_keys(jwks)
