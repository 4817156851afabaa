"""Between items and the JSON of DynamoDB's calls, past the general reader and writer of botocore.

Botocore takes every attribute value for a structure of ten members, of which one is there. A query reads twenty rows of thirty
attributes, a bulk-add writes four hundred items (docs/performance.md, "What was tried"). What is read becomes plain values here
at once; keys stay typed: what the service left over is sent to it again as it came. What is written is typed already.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from botocore import __version__
from botocore.config import Config
from botocore.model import MapShape, OperationModel, StructureShape
from botocore.parsers import JSONParser, ResponseParserFactory
from botocore.serialize import JSONSerializer
from botocore.session import Session

from backend.kit.dynamodb.values import PlainItem, from_attribute

PROTOCOL = "json"
"""What DynamoDB speaks: AWS JSON 1.0."""

ATTRIBUTE_VALUE = "AttributeValue"
ITEM = "AttributeMap"
"""The service model's name for an item in an answer. A key is a `Key`, an item that was left over has a name of its own too."""

USER_AGENT = f"MemorySync Botocore/{__version__}"
"""Without one botocore joins its own of sixteen parts anew, twice a call: 0.09 ms of processor."""


class ItemParser(JSONParser):
    """Reads answers as its parent does, but for items: those come out plain, as `PlainItem`."""

    def _handle_map(self, shape: MapShape, value: dict[str, Any]) -> dict[str, Any]:
        if shape.name == ITEM:
            return PlainItem({name: from_attribute(each, b64decode) for name, each in value.items()})
        found: dict[str, Any] = super()._handle_map(shape, value)  # type: ignore[misc]  # not in the stubs
        return found

    def _handle_structure(self, shape: StructureShape, value: dict[str, Any] | None) -> Any:  # noqa: ANN401 - as the parent's
        if shape.name == ATTRIBUTE_VALUE and value is not None:
            return _typed(value)
        return super()._handle_structure(shape, value)  # type: ignore[misc]  # not in the stubs


class ItemSerializer(JSONSerializer):
    """Writes calls as its parent does, but for attribute values: those are written at once."""

    def serialize_to_request(self, parameters: Mapping[str, Any], operation_model: OperationModel) -> dict[str, Any]:
        """Return what the parent does. Its JSON says the same, without blanks where pydantic writes it."""
        request: dict[str, Any] = super().serialize_to_request({}, operation_model)
        body: dict[str, Any] = {}
        self._serialize(body, parameters, operation_model.input_shape)  # type: ignore[attr-defined]  # not in the stubs
        return {**request, "body": _text(body)}

    def _serialize_type_map(self, serialized: dict[str, Any], value: dict[str, Any], shape: MapShape, key: str) -> None:
        if shape.value.name == ATTRIBUTE_VALUE:
            serialized[key] = {name: _written(each) for name, each in value.items()}
        else:
            super()._serialize_type_map(serialized, value, shape, key)  # type: ignore[misc]  # not in the stubs

    def _serialize_type_structure(
        self, serialized: dict[str, Any], value: dict[str, Any], shape: StructureShape, key: str | None
    ) -> None:
        if shape.name == ATTRIBUTE_VALUE and key is not None:
            serialized[key] = _written(value)
        else:
            super()._serialize_type_structure(serialized, value, shape, key)  # type: ignore[misc]  # not in the stubs


class Parsers(ResponseParserFactory):
    """Gives the reader above to whoever speaks DynamoDB's protocol."""

    def create_parser(self, protocol_name: str) -> Any:  # noqa: ANN401 - as the parent's
        """Return a reader of answers in this protocol."""
        return ItemParser() if protocol_name == PROTOCOL else super().create_parser(protocol_name)


def speed_up(session: Session) -> None:
    """Have the clients that this session makes from now on read items at once, and name themselves in words that stay."""
    session.register_component("response_parser_factory", Parsers())
    session.set_default_client_config(Config(user_agent=USER_AGENT))


def write_at_once(client: Any) -> None:  # noqa: ANN401 - botocore makes the class of a client as it goes
    """Have a client write items at once: one that does not check parameters first, as ours do not."""
    client._serializer = ItemSerializer()  # noqa: SLF001 - unlike readers, writers have no place to be registered at
    # A transaction would be searched for tables that are named by an ARN, for the account's endpoint: ours have names.
    client.meta.service_model.operation_model("TransactWriteItems").operation_context_parameters = []


def _text(body: dict[str, Any]) -> bytes:
    # It takes a quarter of the time, but 32 ms to load: where nothing else has done that, it would not pay.
    core = sys.modules.get("pydantic_core")
    if core:
        # Half of a surrogate pair is the table's to refuse.
        with suppress(core.PydanticSerializationError):
            return bytes(core.to_json(body))
    return json.dumps(body).encode()


def _written(value: dict[str, Any]) -> dict[str, Any]:
    if "S" in value or "N" in value:
        return value
    ((kind, held),) = value.items()
    match kind:
        case "B":
            return {kind: b64encode(held).decode("ascii")}
        case "BS":
            return {kind: [b64encode(each).decode("ascii") for each in held]}
        case "L":
            return {kind: [_written(each) for each in held]}
        case "M":
            return {kind: {name: _written(each) for name, each in held.items()}}
    return value


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
