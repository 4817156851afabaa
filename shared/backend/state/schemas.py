"""What `/v1/state` routes take and answer."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from backend.kit import wire
from backend.kit.errors import Fault, PayloadTooLargeError, UnknownFilterError, ValidationFailedError
from backend.kit.wire import EndUserId, Name, Whole, Wire
from backend.memories.list_parameters import DEFAULT_LIMIT, LARGEST_LIMIT
from backend.memories.model import REDACTED
from backend.memories.schemas import Minutes
from backend.state.model import (
    COMPARISONS,
    MAX_LABEL_CHARACTERS,
    MAX_LABELS,
    MAX_VALUE_BYTES,
    MAX_VALUE_DEPTH,
    Pattern,
    State,
    is_comparison,
)

MOST_CONDITIONS = 16


def _well_formed(value: dict[str, Any]) -> dict[str, Any]:
    size = wire.json_size(value, most_depth=MAX_VALUE_DEPTH)
    if size > MAX_VALUE_BYTES:
        msg = f"The value has {size} bytes as compact JSON; the limit is {MAX_VALUE_BYTES}."
        fault = Fault("/value", "Keep the parts under keys of their own.")
        raise PayloadTooLargeError(msg, faults=(fault,), limit_bytes=MAX_VALUE_BYTES)
    return value


def _known(conditions: dict[str, Any]) -> dict[str, Any]:
    wire.json_size(conditions, most_depth=MAX_VALUE_DEPTH)
    for condition in conditions.values():
        unknown = sorted(set(condition) - set(COMPARISONS)) if is_comparison(condition) else []
        if unknown:
            # Which member it stands at is the user's own word.
            fault = Fault("/filter", f"Use one of: {', '.join(COMPARISONS)}.")
            msg = "A comparison does not exist. It was not dropped: that would have changed the answer."
            raise UnknownFilterError(msg, faults=(fault,))
    return conditions


Label = Annotated[Name, Field(max_length=MAX_LABEL_CHARACTERS)]
NamespaceSent = Annotated[list[Label], Field(min_length=1, max_length=MAX_LABELS)]
Beginning = Annotated[list[Label], Field(max_length=MAX_LABELS)]
Value = Annotated[
    dict[str, Any],
    AfterValidator(_well_formed),
    Field(description="Any JSON object, up to 350 KB and 32 levels."),
]
Conditions = Annotated[dict[str, Any], Field(max_length=MOST_CONDITIONS), AfterValidator(_known)]
BodyCursor = Annotated[str, Field(min_length=1, max_length=2048)]
_CURSOR = "`next_cursor` of the page before."


class StatePut(Wire):
    """Body of `POST /v1/state/put`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"namespace": ["plans", "trips"], "key": "lisbon", "value": {"days": 4, "booked": True}, "user_id": "u1"}
            ]
        }
    )

    namespace: NamespaceSent
    key: Name
    value: Value
    user_id: EndUserId | None = None
    ttl_minutes: Minutes | None = Field(default=None, description="Gone after so many minutes; for good without it.")


class StateGet(Wire):
    """Body of `POST /v1/state/get`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"namespace": ["plans", "trips"], "key": "lisbon", "user_id": "u1"}]}
    )

    namespace: NamespaceSent
    key: Name
    user_id: EndUserId | None = None


class StateDelete(StateGet):
    """Body of `POST /v1/state/delete`."""


class StateList(Wire):
    """Body of `POST /v1/state/list`: what is in one namespace."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"namespace": ["plans", "trips"], "user_id": "u1"}]})

    namespace: NamespaceSent
    user_id: EndUserId | None = None
    limit: Whole = Field(default=DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT)
    cursor: BodyCursor | None = Field(default=None, description=_CURSOR)


class StateSearch(Wire):
    """Body of `POST /v1/state/search`: what is in all namespaces that begin so, and fits the filter."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"namespace_prefix": ["plans"], "filter": {"days": {"$gte": 3}}, "user_id": "u1"}]}
    )

    namespace_prefix: Beginning = Field(default=[], description="The first labels; none for all namespaces.")
    filter: Conditions = Field(
        default={}, description='Top-level members: a value to be equal to, or comparisons, as in `{"days": {"$gte": 3}}`.'
    )
    user_id: EndUserId | None = None
    limit: Whole = Field(default=DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT)
    cursor: BodyCursor | None = Field(default=None, description=_CURSOR)


class StateNamespaces(Wire):
    """Body of `POST /v1/state/namespaces`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"prefix": ["plans"], "max_depth": 2, "user_id": "u1"}]})

    prefix: Beginning = Field(default=[], description="How they begin; `*` stands for any label.")
    suffix: Beginning = Field(default=[], description="How they end; `*` stands for any label.")
    max_depth: Annotated[int, Field(ge=1, le=MAX_LABELS), BeforeValidator(wire.whole)] | None = Field(
        default=None, description="Show so many labels of each, and what is alike then once."
    )
    user_id: EndUserId | None = None
    limit: Whole = Field(default=DEFAULT_LIMIT, ge=1, le=LARGEST_LIMIT)
    cursor: BodyCursor | None = Field(default=None, description=_CURSOR)

    @model_validator(mode="after")
    def _deep_enough(self) -> Self:
        if self.max_depth is not None and self.max_depth < len(self.prefix):
            fault = Fault("/max_depth", "Must not be less than the number of labels of 'prefix'.")
            msg = "No namespace with this prefix is so short."
            raise ValidationFailedError(msg, faults=(fault,))
        return self

    def pattern(self) -> Pattern:
        """Return what is asked for."""
        return Pattern(tuple(self.prefix), tuple(self.suffix), self.max_depth)


class StateView(BaseModel):
    """A value under its key, as answers show it."""

    namespace: list[str]
    key: str
    value: dict[str, Any]
    version: str
    created_at: str
    updated_at: str
    expires_at: str | None
    decryption_failed: bool

    @classmethod
    def fields_of(cls, state: State) -> dict[str, Any]:
        """Return the members of a state's answer."""
        return {
            "namespace": list(state.namespace or (REDACTED,)),
            "key": state.key if state.key is not None else REDACTED,
            "value": dict(state.value) if state.value is not None else {},
            "version": state.version,
            "created_at": wire.shown(state.created_at),
            "updated_at": wire.shown(state.updated_at),
            "expires_at": wire.shown(state.expires_at),
            "decryption_failed": state.value is None,
        }


class StateRead(StateView):
    """Answer of `POST /v1/state/put` and `/get`."""

    warnings: list[str]
    request_id: str


class StatePage(BaseModel):
    """Answer of `POST /v1/state/list` and `/search`."""

    items: list[StateView]
    next_cursor: str | None
    has_more: bool
    warnings: list[str]
    request_id: str


class NamespacePage(BaseModel):
    """Answer of `POST /v1/state/namespaces`. `unreadable` counts values on the way that cannot be decrypted, names and all."""

    items: list[list[str]]
    unreadable: int
    next_cursor: str | None
    has_more: bool
    warnings: list[str]
    request_id: str


class StateDeleted(BaseModel):
    """Answer of `POST /v1/state/delete`."""

    deleted: bool
    warnings: list[str]
    request_id: str
