"""An OpenSearch beside the local stack: what a deploy to AWS does by hand, making the first index, is done by `up` here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from backend.index.opensearch_engine import Engine, connect
from backend.index.opensearch_layout import DEFAULT_NAME
from backend.kit.clock import SystemClock
from backend.kit.errors import MemorySyncError
from infrastructure.local.environment import REGION
from infrastructure.local.errors import DeployError
from infrastructure.search.deployment import deployment
from infrastructure.search.indexes import Indexes, SearchError
from infrastructure.search.mapping import Size

if TYPE_CHECKING:
    from infrastructure.local.stack import Stack


def make_first_index(stack: Stack) -> None:
    """Make the index of a deployed stack unless it is there. Raises `DeployError` when the engine does not answer."""
    try:
        deployed = deployment(stack.client("cloudformation"), stack.name)
        client = connect(deployed.endpoint, region=REGION)
        try:
            Indexes(Engine(client, SystemClock()), DEFAULT_NAME).create(deployed.space(), Size())
        finally:
            client.close()
    except (MemorySyncError, SearchError) as error:
        message = f"The index could not be made in OpenSearch: {error}"
        raise DeployError(message) from error
