"""Every minute: do what is due of refreshes and re-encryptions."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(_: dict[str, Any]) -> dict[str, int]:
    """Do the next pages of the jobs that are open."""
    return {"pages": bootstrap.container().jobs.run()}
