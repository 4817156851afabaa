"""From a question that found nothing to `scope_diagnostics`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from backend.kit import observability
from backend.retrieval.model import Found, Question
from backend.tenancy.model import PROJECT_HEADER, Caller
from backend.tenancy.scope import Scope

if TYPE_CHECKING:
    from backend.bootstrap import Container
    from backend.retrieval.diagnosis import Diagnosis


def diagnosed(container: Container, caller: Caller, scope: Scope, question: Question, found: Found) -> dict[str, Any] | None:
    """Return `scope_diagnostics` of a question; None of one that found something, and where the index cannot say."""
    if found.answers:
        return None
    beside, is_all = container.access.beside(caller, scope.end_user_id)
    diagnosis = container.scope_doctor.examine(scope, question, found.changes, beside, is_all=is_all)
    if diagnosis is None:
        return None
    observability.count("found_nothing")
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
        "complete": diagnosis.is_whole,
        "advice": _advice(diagnosis),
    }


def _advice(found: Diagnosis) -> list[str]:
    blamed = (each for each in found.filters if each.memories)
    said = [f"Without {each.filter.pointer} this question finds {each.memories}." for each in blamed]
    if found.without_filters and not said:
        said.append(f"Without any filter this question finds {found.without_filters}; no single filter keeps them out.")
    if found.archived:
        said.append(f"With 'include_archived' this question finds {found.archived}.")
    for place in found.elsewhere:
        change = f"With {PROJECT_HEADER}: {place.project_id}" if place.project_id else f"Without {PROJECT_HEADER}"
        said.append(f"{change} this question finds {place.memories}.")
    return said or ["Nothing is stored here for this end user that could be found; see that they are named as when it was added."]
