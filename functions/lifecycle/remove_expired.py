"""Every 5 minutes: forget the memories, and delete the states, whose time is up."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task


@task
def handler(_: dict[str, Any]) -> dict[str, int]:
    """Forget what has expired; nobody could find it since then."""
    container = bootstrap.container()
    return {"expired": container.expiry.sweep(), "states": container.states.sweep()}
