"""Gap: answers of DynamoDB are written by `json`, with blanks, in three times the time that they need.

The same JSON is written without blanks, as DynamoDB writes it. Half of a surrogate pair, which no UTF-8 can hold, goes the old
way and fails as before.
"""

from __future__ import annotations

from typing import Any

from ministack.core import responses
from ministack.services import dynamodb
from pydantic_core import PydanticSerializationError, to_json

from infrastructure.local.patches.patcher import Patcher


def apply(patcher: Patcher) -> None:
    """Write answers in one step."""
    stock = dynamodb.json_response

    def respond(data: dict[str, Any], status: int = 200, **options: Any) -> Any:  # noqa: ANN401 - as the stock one's
        if options:
            return stock(data, status, **options)
        try:
            return status, {"Content-Type": responses.JSON_1_0_CONTENT_TYPE}, to_json(data)
        except PydanticSerializationError:
            return stock(data, status)

    patcher.attribute(dynamodb, "json_response", respond)
