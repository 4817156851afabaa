"""What a deployed stack says of itself, so that whoever migrates its index names the stack and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from backend.bootstrap import Container
from backend.index.opensearch_documents import Space
from backend.kit.config import Settings
from infrastructure.search.indexes import SearchError

OUTPUTS = {
    "SearchEndpoint": "search_endpoint",
    "MemoriesTableName": "memories_table",
    "PepperSecret": "pepper_secret",
    "DataKeyArn": "data_key",
    "EmbeddingProvider": "embedding_provider",
}
"""Which settings the outputs of the template give. The steps here need no others."""

_ON_ONE_MACHINE = "file:"


class CloudFormation(Protocol):
    """What is asked of AWS's client."""

    def describe_stacks(self, *, StackName: str) -> Mapping[str, Any]:  # noqa: N803 - AWS's own names
        """Describe one stack."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """One stack, through the settings that its functions have."""

    settings: Settings

    @property
    def endpoint(self) -> str:
        """Where its OpenSearch answers. Raises `SearchError` when its index is a file, which makes itself."""
        endpoint = self.settings.search_endpoint
        if endpoint.startswith(_ON_ONE_MACHINE):
            msg = "The index of this stack is a file: it makes itself, and RebuildIndex fills it."
            raise SearchError(msg)
        return endpoint

    def space(self) -> Space:
        """Return the vectors that its embedder makes. Nothing is loaded or called. Raises `SearchError`."""
        try:
            model = Container(self.settings).embedder.model
        except ValueError as error:
            raise SearchError(str(error)) from error
        return Space(model.identity, model.dimension)


def deployment(client: CloudFormation, stack: str) -> Deployment:
    """Read the outputs of a stack. Raises `SearchError` when it cannot be asked, is not there, or is of an older release."""
    try:
        [found] = client.describe_stacks(StackName=stack)["Stacks"]
    except ClientError as error:
        msg = f"The stack {stack} cannot be read: {error.response['Error'].get('Message', 'no reason given')}"
        raise SearchError(msg) from error
    except BotoCoreError as error:
        msg = f"AWS cannot be asked for the stack {stack}: {error}"
        raise SearchError(msg) from error
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}
    if missing := sorted(OUTPUTS.keys() - outputs.keys()):
        msg = f"The stack {stack} has no output {', '.join(missing)}: deploy this release first."
        raise SearchError(msg)
    given = {field: outputs[output] for output, field in OUTPUTS.items()}
    return Deployment(Settings(**{each.name: given.get(each.name, "") for each in fields(Settings)}))
