"""An index for tests, which can be told to be down."""

from __future__ import annotations

from backend.index.in_memory import InMemoryIndex
from backend.kit.errors import IndexUnavailableError


class FakeIndex(InMemoryIndex):
    """Set `down` and every call raises `IndexUnavailableError`."""

    def __init__(self) -> None:
        super().__init__()
        self.down = False

    def check(self) -> None:
        """Return while it is not told to be down."""
        if self.down:
            msg = "The index was told to be down."
            raise IndexUnavailableError(msg)
