"""A step of the state machine."""


class TooEarlyError(Exception):
    pass


def handler(event, context):
    if event.get("fail"):
        raise TooEarlyError("not yet")
    return {"done": True}
