"""$default: unknown paths."""

import json
from typing import Any

import backend

Json = dict[str, Any]

VERSION = "one"


def handler(event: Json, _: object) -> Json:
    body = {"title": "No such route", "path": event["rawPath"], "version": VERSION, "backend": backend.__name__}
    return {"statusCode": 404, "headers": {"content-type": "application/problem+json"}, "body": json.dumps(body)}
