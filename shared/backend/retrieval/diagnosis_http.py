"""From a question that found nothing to `scope_diagnostics`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from backend.index.model import IndexDocument, Tombstone
from backend.kit import observability
from backend.retrieval.model import Found, Question
from backend.tenancy.model import PROJECT_HEADER, Caller
from backend.tenancy.scope import Scope

if TYPE_CHECKING:
    from backend.bootstrap import Container
    from backend.retrieval.diagnosis import Diagnosis

NOTHING_STORED = "Nothing is stored here for this end user that could be found; see that they are named as when it was added."
LACKING = {
    "semantic": "Its meaning could not be compared: it was looked for by its words alone, and what says it in other words is not"
    " counted. Ask again.",
    "index": "The index did not answer: it was looked for only in what the index has yet to take in. Ask again.",
    "index_lag": "So much waits for the index that not all of it was looked at. Ask again in a moment.",
}
"""What is said for each name of `degraded`."""


def diagnosed_nothing(
    container: Container, caller: Caller, scope: Scope, question: Question, found: Found
) -> dict[str, Any] | None:
    """Return `scope_diagnostics` where nothing was found, None where something was, or where the index cannot say."""
    return (
        None if found.answers else diagnosed(container, caller, scope, question, degraded=found.degraded, changes=found.changes)
    )


def diagnosed(  # noqa: PLR0913 - one word for each thing that the answer depends on
    container: Container,
    caller: Caller,
    scope: Scope,
    question: Question,
    *,
    degraded: Sequence[str],
    changes: Sequence[IndexDocument | Tombstone] | None = None,
) -> dict[str, Any] | None:
    """Return `scope_diagnostics` of a question that found nothing, None where the index cannot say.

    `degraded` names what could not be asked when it found nothing, `changes` what was pending then, None where nobody looked.
    """
    beside, is_all = container.access.beside(caller, scope.end_user_id)
    diagnosis = container.scope_doctor.examine(scope, question, beside, changes=changes, is_all=is_all)
    if diagnosis is None:
        return None
    observability.count("found_nothing")
    lacking = [name for name in LACKING if name in degraded or name in diagnosis.degraded]
    return {
        "project_id": scope.project_id,
        "environment": scope.environment.value,
        "memories_without_filters": diagnosis.without_filters,
        "filters": [
            {"filter": each.filter.name, "pointer": each.filter.pointer, "memories_without_it": each.memories}
            for each in diagnosis.filters
        ],
        "memories_archived": diagnosis.archived,
        "projects": [{"project_id": each.project_id, "memories": each.memories} for each in diagnosis.elsewhere],
        "complete": diagnosis.is_whole and not lacking,
        "advice": _advice(diagnosis, lacking),
    }


def _advice(found: Diagnosis, lacking: Sequence[str]) -> list[str]:
    blamed = (each for each in found.filters if each.memories)
    said = [f"Without {each.filter.pointer} this question finds {each.memories}." for each in blamed]
    if found.without_filters and not said:
        said.append(f"Without any filter this question finds {found.without_filters}; no single filter keeps them out.")
    if found.archived:
        said.append(f"With 'include_archived' this question finds {found.archived}.")
    for place in found.elsewhere:
        change = f"With {PROJECT_HEADER}: {place.project_id}" if place.project_id else f"Without {PROJECT_HEADER}"
        said.append(f"{change} this question finds {place.memories}.")
    return [*said, *(LACKING[name] for name in lacking)] or [NOTHING_STORED]
