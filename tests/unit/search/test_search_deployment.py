"""What the steps read of a deployed stack, and what they say when it is not what they need."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from backend.index.opensearch_documents import Space
from infrastructure.search.deployment import OUTPUTS, deployment
from infrastructure.search.indexes import SearchError
from infrastructure.template import load

WHOLE = {
    "SearchEndpoint": "https://search.example",
    "MemoriesTableName": "memories",
    "PepperSecret": "pepper",
    "DataKeyArn": "data-key",
    "EmbeddingProvider": "local",
    "ApiUrl": "https://api.example",
}


class Stacks:
    """CloudFormation with one stack of these outputs; or what it raises."""

    def __init__(self, outputs: dict[str, str] | None = None, error: Exception | None = None) -> None:
        self.outputs = WHOLE | (outputs or {})
        self.error = error

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's own name
        assert StackName in {"prod", "local"}
        if self.error:
            raise self.error
        return {"Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": value} for key, value in self.outputs.items()]}]}


def test_everything_is_read_from_the_stack() -> None:
    found = deployment(Stacks(), "prod")

    assert (found.endpoint, found.settings.memories_table, found.settings.pepper_secret) == (
        "https://search.example",
        "memories",
        "pepper",
    )


def test_every_output_that_is_read_is_one_of_the_template() -> None:
    assert set(OUTPUTS) <= set(load()["Outputs"])


@pytest.mark.parametrize(
    ("provider", "space"),
    [
        ("local", Space("minilm-l6-v2-int8/384", 384)),
        ("bedrock:amazon.titan-embed-text-v2:0", Space("amazon.titan-embed-text-v2/1024", 1024)),
        ("bedrock:eu.cohere.embed-v4:0", Space("cohere.embed-v4/1024", 1024)),
    ],
)
def test_the_index_is_made_for_the_vectors_of_the_stacks_own_embedder(provider: str, space: Space) -> None:
    assert deployment(Stacks({"EmbeddingProvider": provider}), "prod").space() == space


def test_an_embedder_that_does_not_exist_is_said_to_be_one() -> None:
    with pytest.raises(SearchError, match="not a model that can be asked"):
        deployment(Stacks({"EmbeddingProvider": "bedrock:none"}), "prod").space()


def test_an_index_in_a_file_has_no_such_steps() -> None:
    found = deployment(Stacks({"SearchEndpoint": "file:///index.db"}), "local")

    with pytest.raises(SearchError, match="it makes itself"):
        _ = found.endpoint


def test_a_stack_of_an_older_release_is_to_be_deployed_first() -> None:
    stacks = Stacks()
    del stacks.outputs["PepperSecret"]

    with pytest.raises(SearchError, match="no output PepperSecret: deploy this release first"):
        deployment(stacks, "prod")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            ClientError({"Error": {"Code": "ValidationError", "Message": "Stack with id prod does not exist"}}, "DescribeStacks"),
            "prod does not exist",
        ),
        (EndpointConnectionError(endpoint_url="https://cloudformation.example"), "AWS cannot be asked"),
    ],
)
def test_a_stack_that_cannot_be_read_is_named_with_the_reason(error: Exception, said: str) -> None:
    with pytest.raises(SearchError, match=said):
        deployment(Stacks(error=error), "prod")
