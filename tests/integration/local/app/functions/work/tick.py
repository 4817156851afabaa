"""The schedule: note that the time came."""

import os

import boto3


def handler(event, context):
    boto3.resource("dynamodb").Table(os.environ["TABLE"]).put_item(Item={"pk": "tick", "sk": "SEEN", "from": event["from"]})
