"""Every day: drop the index's tombstones that no late record can need any more."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(_: dict[str, Any]) -> dict[str, int]:
    """Purge what is older than 15 days."""
    return {"purged": bootstrap.container().projection.purge()}
