"""Request bodies: JSON in UTF-8, read strictly, before anything in them is looked at."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, NoReturn

from fastapi import Request, Response
from fastapi.routing import APIRoute

from backend.kit.errors import Fault, MalformedRequestError, UnsupportedMediaTypeError, ValidationFailedError
from backend.kit.faults import escaped
from backend.kit.wire import SURROGATE

# Python's reader lets halves of surrogate pairs through, and they can only come as escapes.
_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_CURE = "Send one JSON object in UTF-8."


class JsonRoute(APIRoute):
    """A route that reads its body strictly, if it takes one.

    The content type is looked at once the route is known, so that an unknown path is a 404 whatever was sent to it.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers the route."""
        if self.dependant.call is not None:
            self.dependant.call = _in_this_thread(self.dependant.call)
        answer = super().get_route_handler()
        if self.body_field is None:
            return answer
        required = self.body_field.field_info.is_required()

        async def answer_json(request: Request) -> Response:
            raw = await request.body()
            if not raw and not required:
                return await answer(request)
            require_json(request.headers.get("content-type", ""))
            return await answer(_Read(request, raw, read_json(raw)))

        return answer_json


def _in_this_thread(endpoint: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
    """Return the endpoint as FastAPI calls it without a thread.

    A function has one request at a time, so there is nobody to keep the loop free for, and a thread for each request and two
    changes of threads for each step cost more than what they do. Dependencies are `async` for the same reason.
    """

    @wraps(endpoint)
    async def answer(**values: Any) -> Any:  # noqa: ANN401 - whatever the endpoint takes and answers
        return endpoint(**values)

    return answer


def require_json(content_type: str) -> None:
    """Raise `UnsupportedMediaTypeError` unless this names JSON: `application/json` or `application/...+json`."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        cure = Fault("header:Content-Type", "Send Content-Type: application/json.")
        msg = "The body must be JSON by its content type."
        raise UnsupportedMediaTypeError(msg, faults=(cure,))


def read_json(raw: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the value. Raises `MalformedRequestError`, and `ValidationFailedError` for half of a surrogate pair."""
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse, object_pairs_hook=_distinct)
    except _TwiceError:
        msg = "The body holds an object that names a member twice."
        raise MalformedRequestError(msg, faults=(Fault("", "Name each member once: one of the two would be dropped."),)) from None
    except UnicodeDecodeError:
        msg = "The body is not UTF-8."
        raise MalformedRequestError(msg, faults=(Fault("", _CURE),)) from None
    except (ValueError, RecursionError):
        # The cause quotes the body, so it goes no further.
        msg = "The body is not JSON."
        raise MalformedRequestError(msg, faults=(Fault("", _CURE),)) from None
    broken = _half_pair(value, "") if _ESCAPED_SURROGATE.search(raw) else None
    if broken is not None:
        cure = "Must not hold half of a surrogate pair; send whole Unicode characters."
        msg = "A value is not allowed; see errors."
        raise ValidationFailedError(msg, faults=(Fault(broken, cure),))
    return value


class _Read(Request):
    """A request whose body was read already."""

    def __init__(self, request: Request, raw: bytes, value: object) -> None:
        super().__init__(request.scope, request.receive)
        self._raw = raw
        self._value = value

    async def body(self) -> bytes:
        return self._raw

    async def json(self) -> Any:  # noqa: ANN401 - as the parent says
        return self._value


class _TwiceError(ValueError):
    """A name stands twice in one object. Readers of JSON differ in which of the values they take (RFC 8259, section 4)."""


def _distinct(members: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(members)
    if len(value) < len(members):
        raise _TwiceError
    return value


def _refuse(_constant: str) -> NoReturn:
    msg = "NaN and Infinity are not JSON"
    raise ValueError(msg)


def _half_pair(value: object, place: str) -> str | None:
    """Return the pointer of the first text with half of a surrogate pair; where a name is broken, of what holds it."""
    left = [(value, place)]
    while left:
        value, place = left.pop()
        if isinstance(value, str) and SURROGATE.search(value):
            return place
        if isinstance(value, dict):
            if any(SURROGATE.search(name) for name in value):
                return place
            left += [(each, f"{place}/{escaped(name)}") for name, each in value.items()]
        elif isinstance(value, list):
            left += [(each, f"{place}/{number}") for number, each in enumerate(value)]
    return None
