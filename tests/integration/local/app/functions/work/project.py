"""The table's stream: note what arrived; items whose key starts with poison fail."""

import os
from typing import Any

import boto3

Json = dict[str, Any]

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: Json, _: object) -> Json:
    failures = []
    for record in event["Records"]:
        key = record["dynamodb"]["Keys"]["pk"]["S"]
        table.update_item(Key={"pk": key, "sk": "SEEN"}, UpdateExpression="ADD times :one", ExpressionAttributeValues={":one": 1})
        if key.startswith("poison"):
            failures.append({"itemIdentifier": record["dynamodb"]["SequenceNumber"]})
    return {"batchItemFailures": failures}
