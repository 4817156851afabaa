"""Called by operators only, with their AWS identity: tenants, projects and API keys. Has no route."""

from typing import Any

from backend import bootstrap
from backend.kit.tasks import task
from backend.tenancy.operations import perform


@task
def handler(command: dict[str, Any]) -> dict[str, Any]:
    """Do `{"action": "create_key", ...}` and answer with what came of it; a key is shown here once and never again."""
    return perform(bootstrap.container().tenancy, command)
