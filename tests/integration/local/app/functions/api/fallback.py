"""$default: unknown paths."""

import json

import backend

VERSION = "one"


def handler(event, context):
    body = {"title": "No such route", "path": event["rawPath"], "version": VERSION, "backend": backend.__name__}
    return {"statusCode": 404, "headers": {"content-type": "application/problem+json"}, "body": json.dumps(body)}
