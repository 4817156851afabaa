"""Every minute: project what the stream should have projected and did not."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(_: dict[str, Any]) -> dict[str, int]:
    """Project rows whose pending marker is over a minute old."""
    return {"projected": bootstrap.container().projection.sweep()}
