"""Every minute: give vectors to the rows that were stored while the embedder was down."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(_: dict[str, Any]) -> dict[str, int]:
    """Fill what is pending."""
    return {"repaired": bootstrap.container().projection.repair()}
