"""A memory for its owner: what belongs to others is not there, and a change names the revision that it means."""

from __future__ import annotations

from backend.kit.errors import Fault, NewerReleaseError, PreconditionFailedError
from backend.memories.model import Memory
from backend.memories.ports import MemoryStore
from backend.tenancy.scope import Scope


def own_row(store: MemoryStore, scope: Scope, memory_id: str) -> Memory | None:
    """Return the scope's row in whatever state, None where it has none.

    Raises `NewerReleaseError` to the owner alone: that somebody has a row which cannot be read is nobody else's business. What
    names no owner, such as a data key, is the tenant's, and raised to all of it.
    """
    try:
        memory = store.get(scope.tenant_id, memory_id)
    except NewerReleaseError as error:
        if not error.scope_key or error.scope_key in scope:
            raise
        return None
    return memory if memory and memory.scope_key in scope else None


def check_revision(memory: Memory, revisions: frozenset[int] | None) -> None:
    """Raise `PreconditionFailedError` for another revision than those that a caller means."""
    if revisions is None or memory.revision in revisions:
        return
    msg = "The memory is at another revision than the one you mean; read it again."
    fault = Fault("header:If-Match", f'Send the ETag that the memory has now, "r{memory.revision}", or leave it out.')
    raise PreconditionFailedError(msg, faults=(fault,), revision=memory.revision)
