"""The schedule: note that the time came."""

import os
from typing import Any

import boto3

Json = dict[str, Any]


def handler(event: Json, _: object) -> None:
    boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"pk": "tick", "sk": "SEEN", "from": event["from"]})
