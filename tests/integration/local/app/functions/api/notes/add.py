"""POST /notes: store the body."""

import json
import os

import boto3

table = boto3.resource("dynamodb").Table(os.environ["TABLE"])


def handler(event, context):
    note = json.loads(event["body"])
    table.put_item(Item={"pk": note["id"], "sk": "ROW", "kind": "note", "text": note["text"]})
    return {"statusCode": 201, "body": json.dumps({"id": note["id"]})}
