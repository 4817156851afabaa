"""Stream of the memories table: make the index show what changed."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task
from backend.memories.items import changed_rows


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Project every row that the batch names. The keys are a hint only; the rows are read as they are now."""
    bootstrap.container().projection.follow(changed_rows(event["Records"]))
    return {"batchItemFailures": []}
