"""From the JSON of DynamoDB's answers to typed values, past the general reader of botocore.

Botocore reads every attribute value as a structure of ten members, of which one is there; of a query that reads twenty rows
that was about a thirteenth of the processor time (docs/performance.md, "What was tried"). On the wire a value looks as it is
handed out already, but for binary.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from botocore.model import MapShape, StructureShape
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.session import Session

PROTOCOL = "json"
"""What DynamoDB speaks: AWS JSON 1.0."""

ATTRIBUTE_VALUE = "AttributeValue"


class AttributeParser(JSONParser):
    """Reads answers as its parent does, attribute values in one step."""

    def _handle_map(self, shape: MapShape, value: dict[str, Any]) -> dict[str, Any]:
        if shape.value.name == ATTRIBUTE_VALUE:
            return {name: _typed(each) for name, each in value.items()}
        found: dict[str, Any] = super()._handle_map(shape, value)  # type: ignore[misc]  # not in the stubs
        return found

    def _handle_structure(self, shape: StructureShape, value: dict[str, Any] | None) -> Any:  # noqa: ANN401 - as the parent's
        if shape.name == ATTRIBUTE_VALUE and value is not None:
            return _typed(value)
        return super()._handle_structure(shape, value)  # type: ignore[misc]  # not in the stubs


class Parsers(ResponseParserFactory):
    """Gives the reader above to whoever speaks DynamoDB's protocol."""

    def create_parser(self, protocol_name: str) -> Any:  # noqa: ANN401 - as the parent's
        """Return a reader of answers in this protocol."""
        return AttributeParser() if protocol_name == PROTOCOL else super().create_parser(protocol_name)


def read_fast(session: Session) -> None:
    """Have the clients that this session makes from now on read attribute values in one step."""
    session.register_component("response_parser_factory", Parsers())


def _typed(value: dict[str, Any]) -> dict[str, Any]:
    ((kind, held),) = value.items()
    match kind:
        case "B":
            return {kind: b64decode(held)}
        case "BS":
            return {kind: [b64decode(each) for each in held]}
        case "L":
            return {kind: [_typed(each) for each in held]}
        case "M":
            return {kind: {name: _typed(each) for name, each in held.items()}}
    return value
