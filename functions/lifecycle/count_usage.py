"""Queue of what queries returned: count it."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(event: dict[str, Any]) -> dict[str, Any]:
    """Fold a batch into one update for each memory; what could not be counted comes again."""
    left = bootstrap.container().counting.count({each["messageId"]: each["body"] for each in event["Records"]})
    return {"batchItemFailures": [{"itemIdentifier": each} for each in left]}
