"""POST /notes: store the body."""

import json
import os
from typing import Any

import boto3

Json = dict[str, Any]

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event: Json, _: object) -> Json:
    note = json.loads(event["body"])
    table.put_item(Item={"pk": note["id"], "sk": "ROW", "kind": "note", "text": note["text"]})
    return {"statusCode": 201, "body": json.dumps({"id": note["id"]})}
