"""A step of the state machine."""

from typing import Any

Json = dict[str, Any]


class TooEarlyError(Exception):
    pass


def handler(event: Json, _: object) -> Json:
    if event.get("fail"):
        raise TooEarlyError
    return {"done": True}
