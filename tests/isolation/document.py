"""The operations of the OpenAPI document, and how each is called. What it says nothing of is an error, never left out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from tests.isolation.owners import Row

DOCUMENT = Path(__file__).parents[2] / "shared" / "backend" / "openapi.json"
PATH_PARAMETERS = frozenset({"id", "job_id", "tenant", "user"})
FORM = "multipart/form-data"
LIST_FILTERS = frozenset({"source", "tag", "memory_type", "category", "state", "since", "until", "include_ended"})
QUERY_PARAMETERS = frozenset({"limit", "cursor", "as_of", "known_at"}) | LIST_FILTERS
HEADER_PARAMETERS = frozenset({"X-Project-ID", "X-End-User-ID", "X-Tenant-ID", "Idempotency-Key", "If-Match"})
_WHERE = "tests/isolation/document.py"


class UnknownToMatrixError(Exception):
    """The matrix does not know how to call an operation; the message says what to tell it and where."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one path."""

    name: str
    method: str
    path: str
    public: bool
    parameters: frozenset[tuple[str, str]] = frozenset()
    is_form: bool = False
    example: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def route(self) -> str:
        """Return the template's route key."""
        return f"{self.method} {self.path}"

    @property
    def has_id(self) -> bool:
        """Tell whether the path names a memory."""
        return ("path", "id") in self.parameters

    @property
    def names_memory(self) -> bool:
        """Tell whether the path or the body names something of an owner's."""
        in_path = {("path", "job_id"), ("path", "tenant")} & self.parameters
        return self.has_id or bool(in_path) or bool(self.naming("mem_"))

    def naming(self, memory_id: str) -> dict[str, Any]:
        """Return the part of the body that names a memory, with this one named; nothing where the body names none."""
        if self.example is None:
            return {}
        if "memory_id" in self.example:
            return {"memory_id": memory_id}
        if "memory_ids" in self.example:
            return {"memory_ids": [memory_id]}
        items = self.example.get("items", [])
        return {"items": [{**each, "id": memory_id} for each in items]} if any("id" in each for each in items) else {}


@dataclass(frozen=True, slots=True)
class Call:
    """One request. Headers may repeat."""

    operation: Operation
    path: str
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    body: Any = None
    context: Mapping[str, Any] = field(default_factory=dict)
    """What a gateway might add to its event. Only a function that is called directly gets it."""

    @property
    def form(self) -> tuple[bytes, str]:
        """Return the body as a form with a file, and its content type."""
        fields = {name: str(value) for name, value in self.body.items() if name != "file" and value is not None}
        sent = httpx.Request("POST", "http://form.example", data=fields, files={"file": ("note.txt", self.body["file"])})
        return sent.read(), sent.headers["content-type"]

    @property
    def query_string(self) -> str:
        """Return the query as it stands in the address."""
        return urlencode(self.query)

    def sent(self) -> str:
        """Return everything that the caller said, in plain words."""
        return json.dumps([self.path, self.headers, self.query, self.body, self.context], ensure_ascii=False)

    def plus(self, *headers: tuple[str, str], query: tuple[tuple[str, str], ...] = (), **body: Any) -> Call:
        """Return the request with more in it; body fields only where there is a body."""
        said = {**self.body, **body} if self.body is not None else None
        return replace(self, headers=(*self.headers, *headers), query=(*self.query, *query), body=said)

    def instead(self, **headers: str) -> Call:
        """Return the request with other headers, given as `X_Project_ID="main"`; an empty one is left out."""
        named = {name.replace("_", "-").lower(): (name.replace("_", "-"), value) for name, value in headers.items()}
        kept = [pair for pair in self.headers if pair[0].lower() not in named]
        return replace(self, headers=(*kept, *(pair for pair in named.values() if pair[1])))


def operations(document: Mapping[str, Any] | None = None) -> tuple[Operation, ...]:
    """Return every operation of a document, or of ours. Raises `UnknownToMatrixError`."""
    return _ours() if document is None else _operations(document)


@cache
def _ours() -> tuple[Operation, ...]:
    return _operations(json.loads(DOCUMENT.read_text()))


def _operations(document: Mapping[str, Any]) -> tuple[Operation, ...]:
    return tuple(
        _operation(document, method.upper(), path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    )


def call(operation: Operation, row: Row | None = None, headers: Mapping[str, str] | None = None, **body: Any) -> Call:
    """Return the request to an operation: the row in path or body, the document's example, with these fields changed."""
    path = operation.path
    if row:
        # A turn's id has the form of a memory's.
        thing = row.turn_id if path.startswith("/v1/memory/status") else row.memory_id
        path = path.replace("{id}", thing).replace("{job_id}", row.job_id)
        path = path.replace("{tenant}", row.owner.tenant).replace("{user}", quote(row.owner.user, safe=""))
    named = operation.naming(row.memory_id) if row else {}
    said = {**operation.example, **named, **body} if operation.example is not None else None
    return Call(operation, path, tuple((headers or {}).items()), body=said)


def asking(operation: Operation, text: str) -> dict[str, Any]:
    """Return the part of a body that asks this: as a question, or as the end of a conversation."""
    if "messages" in (operation.example or {}):
        return {"messages": [{"role": "user", "content": text}]}
    return {"query": text}


def _operation(document: Mapping[str, Any], method: str, path: str, described: Mapping[str, Any]) -> Operation:
    name = f"{method} {path}"
    known = {"path": PATH_PARAMETERS, "query": QUERY_PARAMETERS, "header": HEADER_PARAMETERS}
    named = {(each["in"], each["name"]) for each in described.get("parameters", [])}
    named |= {("path", each) for each in re.findall(r"{([^}]+)}", path)}
    for place, parameter in sorted(named):
        if parameter not in known.get(place, frozenset()):
            msg = (
                f"The isolation matrix does not know how to fill the {place} parameter {parameter!r} of {name}. "
                f"Say in {_WHERE} what stands there, and try other owners' values of it."
            )
            raise UnknownToMatrixError(msg)
    return Operation(
        name=described["operationId"],
        method=method,
        path=path,
        public=described.get("security") == [],
        parameters=frozenset(named),
        is_form=FORM in described.get("requestBody", {}).get("content", {}),
        example=_example(document, name, described.get("requestBody")),
    )


def _example(document: Mapping[str, Any], name: str, body: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the body's first example, without the end user: the header names one."""
    if body is None:
        return None
    if FORM in body["content"]:
        return {"file": "The ferry leaves at nine."}
    content = body["content"].get("application/json")
    if content is None:
        msg = f"The isolation matrix only knows JSON and files; {name} takes {', '.join(body['content'])}. See {_WHERE}."
        raise UnknownToMatrixError(msg)
    schema = content["schema"]
    while "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    examples = schema.get("examples") or ([content["example"]] if "example" in content else [])
    if not examples:
        msg = f"The document gives no example of the body of {name}, so the isolation matrix cannot call it. Add one."
        raise UnknownToMatrixError(msg)
    return {field: value for field, value in examples[0].items() if field != "user_id"}
