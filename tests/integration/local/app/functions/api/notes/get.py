"""GET /notes/{id}: read a note."""

import json
import os
from typing import Any

import boto3

Json = dict[str, Any]

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: Json, _: object) -> Json:
    item = table.get_item(Key={"pk": event["pathParameters"]["id"], "sk": "ROW"}).get("Item")
    if item is None:
        problem = json.dumps({"title": "Not found", "status": 404})
        return {"statusCode": 404, "headers": {"content-type": "application/problem+json"}, "body": problem}
    return {"statusCode": 200, "body": json.dumps({"id": item["pk"], "text": item["text"]})}
