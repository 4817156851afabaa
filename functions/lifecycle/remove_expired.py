"""Every 5 minutes: forget the memories whose time is up."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(_: dict[str, Any]) -> dict[str, int]:
    """Forget what has expired; nobody could find it since then."""
    return {"expired": bootstrap.container().expiry.sweep()}
