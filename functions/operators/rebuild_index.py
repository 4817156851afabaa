"""Called by operators only: fill a lost index from the table, or project chosen rows again. Has no route."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(command: dict[str, Any]) -> dict[str, Any]:
    """Project `{"rows": [[tenant, memory id], ...]}`, or all rows after `{"after": ...}`: call again while it names a place."""
    projection = bootstrap.container().projection
    if "rows" in command:
        return {"projected": projection.project((tenant, memory) for tenant, memory in command["rows"]).shown, "after": None}
    rebuilt = projection.rebuild(command.get("after"))
    return {"projected": rebuilt.shown, "after": rebuilt.after}
