"""What the tests of every index share: small documents, questions and the ways to make an index."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from math import hypot
from pathlib import Path
from typing import Any

from backend.embedding.model import Vector
from backend.index.embedded import EmbeddedIndex
from backend.index.fake import FakeIndex
from backend.index.model import IndexDocument, IndexFilter, IndexQuery, SearchResult, Tombstone
from backend.index.ports import MemoryIndex
from backend.index.text import query_stems, stems
from backend.kit.clock import FakeClock
from backend.tenancy.scope import Environment, Scope, user_scope

MODEL = "small/4"

MAKERS: dict[str, Callable[[Path], MemoryIndex]] = {
    "fake": lambda _: FakeIndex(),
    "embedded": lambda folder: EmbeddedIndex(folder / "index.db", FakeClock()),
}
"""One way to make an empty index for each implementation; another engine joins with one line."""


def scope_of(user: str = "ana", tenant: str = "acme", also_projects: tuple[str | None, ...] = ()) -> Scope:
    return user_scope(tenant, "shop", Environment.LIVE, user, also_projects)


ANA = scope_of()
BEN = scope_of("ben")


def vector(*parts: float) -> Vector:
    """A unit vector in this direction."""
    length = hypot(*parts)
    return Vector(array("f", [part / length for part in parts]).tobytes())


NORTH, EAST, BETWEEN = vector(0, 1, 0, 0), vector(1, 0, 0, 0), vector(3, 4, 0, 0)


def document(memory_id: str = "m1", text: str = "red boat", **changes: Any) -> IndexDocument:
    facts: dict[str, Any] = {
        "scope_key": ANA.home,
        "revision": 1,
        "chunk": 0,
        "row_version": 1,
        "stems": stems(text),
        "vector": NORTH,
        "model": MODEL,
        "created_at": 1000,
        "known_from": 1000,
    }
    return IndexDocument(memory_id=memory_id, **{**facts, **changes})


def tombstone(memory_id: str = "m1", row_version: int = 9, recorded_at: int = 5000, scope_key: str = ANA.home) -> Tombstone:
    return Tombstone(scope_key, memory_id, row_version, recorded_at)


def question(  # noqa: PLR0913, PLR0917 - each has a plain default, and the filters are the rest
    text: str = "",
    towards: Vector | None = NORTH,
    model: str = MODEL,
    limit: int = 200,
    speaker: str | None = None,
    around: int = 0,
    **asked: Any,
) -> IndexQuery:
    return IndexQuery(towards, model if towards else None, query_stems(text), IndexFilter(**asked), limit, speaker, around)


def everything(**asked: Any) -> IndexQuery:
    return question(**asked)


def ids(result: SearchResult) -> list[str]:
    return [hit.memory_id for hit in result.hits]


def found(index: MemoryIndex, scope: Scope = ANA, overlay: Iterable[IndexDocument | Tombstone] = (), **asked: Any) -> set[str]:
    """The document ids that a question pointing north finds."""
    result = index.search(scope, everything(**asked), list(overlay))
    return {f"{hit.memory_id}#{hit.revision}#{hit.chunk}" for hit in result.hits}
