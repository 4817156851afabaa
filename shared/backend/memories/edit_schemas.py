"""What the routes that change memories, and tell how they came to be, take and answer."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic.config import JsonDict

from backend.kit import wire
from backend.kit.errors import Fault, ValidationFailedError
from backend.kit.faults import EACH
from backend.kit.wire import EndUserId, Moment, Name, Wire
from backend.memories import model
from backend.memories.bounds import check_bounds
from backend.memories.editing import Change
from backend.memories.model import Evidence, Memory, Revision
from backend.memories.schemas import IMPORTANCE_DIGITS, MemoryAdd, MemoryView, OutcomeView, Text, checked_metadata

MOST_BULK = 50
MOST_UPDATES = 100
CHANGEABLE = ("tags", "importance", "metadata", "source", "event_type", "valid_from", "valid_until")
_TIMES = ("valid_from", "valid_until")

AN_ID = "mem_01M7ZN9S1GEXAMP1E0F0AN01D0"
PATCH_EXAMPLE: JsonDict = {"tags": ["home"], "importance": 0.8, "reason": "sorted"}
TEXT_EXAMPLE: JsonDict = {"text": "I moved to Lisbon in April.", "reason": "a slip"}
UPDATE_EXAMPLE: JsonDict = {"id": AN_ID, "tags": ["home"], "if_match": "r1"}

MemoryIdText = Annotated[str, Field(pattern=r"^mem_[0-9A-HJKMNP-TV-Z]{26}$", description="The memory's id.")]
Reason = Annotated[Name, Field(max_length=256, description="Why; it stands in the history.")]


def _never_null(schema: JsonDict) -> None:
    """Say in the contract that a value can be changed and not be taken away."""
    [form] = [each for each in schema.pop("anyOf") if each != {"type": "null"}]  # type: ignore[union-attr]  # pydantic's own list
    schema.pop("default")
    schema.update(form)  # type: ignore[arg-type]  # as above


class MemoryPatch(Wire):
    """Body of `PATCH /memory/{id}`: what is sent is changed, null takes a value away, what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"examples": [PATCH_EXAMPLE]})

    user_id: EndUserId | None = None
    tags: list[Annotated[Name, Field(max_length=128)]] | None = Field(default=None, max_length=model.MAX_TAGS)
    importance: float | None = Field(default=None, ge=0, le=1, json_schema_extra=_never_null)
    metadata: Annotated[dict[str, Any], AfterValidator(checked_metadata)] | None = None
    source: Name | None = None
    event_type: Name | None = None
    valid_from: Moment | None = Field(default=None, json_schema_extra=_never_null)
    valid_until: Moment | None = None
    reason: Reason | None = None

    def changes(self) -> dict[str, Any]:
        """Return the fields to change, as `Memory` has them. Raises `ValidationFailedError`."""
        sent: dict[str, Any] = {name: getattr(self, name) for name in CHANGEABLE if name in self.model_fields_set}
        fields: dict[str, Any] = {name: wire.utc(value) if name in _TIMES else value for name, value in sent.items()}
        for name, empty in (("tags", ()), ("metadata", {}), ("importance", None), ("valid_from", None)):
            if name in fields and fields[name] is None:
                if empty is None:
                    fault = Fault(f"/{name}", "Send a value, or leave the field out.")
                    msg = "A value cannot be taken away; see errors."
                    raise ValidationFailedError(msg, faults=(fault,))
                fields[name] = empty
        if "valid_from" in sent:
            check_bounds(fields["valid_from"], fields.get("valid_until"))
        if "tags" in fields:
            fields["tags"] = tuple(dict.fromkeys(fields["tags"]))
        if "importance" in fields:
            fields["importance"] = round(fields["importance"], IMPORTANCE_DIGITS)
        return fields


class MemoryText(Wire):
    """Body of `PUT /memory/{id}/text`."""

    model_config = ConfigDict(json_schema_extra={"examples": [TEXT_EXAMPLE]})

    user_id: EndUserId | None = None
    text: Text
    reason: Reason | None = None

    @model_validator(mode="after")
    def _fits(self) -> Self:
        model.check_text_size(self.text, "/text")
        return self


class MemoryArchive(Wire):
    """Body of `POST /memory/{id}/archive`, which may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "the project is over"}]})

    user_id: EndUserId | None = None
    reason: Annotated[Reason | None, Field(description="Why; it stands in the history, and as `state_reason`.")] = None


class UpdateItem(MemoryPatch):
    """One change of `POST /memory/batch-update`. `if_match` is the ETag that the caller knows, such as `"r3"`."""

    model_config = ConfigDict(json_schema_extra={"examples": [UPDATE_EXAMPLE]})

    id: MemoryIdText
    text: Text | None = None
    if_match: Annotated[str, Field(pattern='^"?r[1-9][0-9]{0,8}"?$')] | None = None

    def change(self) -> Change:
        """Return the change. Raises `ValidationFailedError`, `PayloadTooLargeError`."""
        if self.text is not None:
            model.check_text_size(self.text, "/text")
        revisions = frozenset({int(self.if_match.strip('"')[1:])}) if self.if_match else None
        return Change(self.id, self.changes(), self.text, self.reason, revisions)


class BatchUpdate(Wire):
    """Body of `POST /memory/batch-update`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [UPDATE_EXAMPLE]}]})

    user_id: EndUserId | None = None
    items: list[Annotated[UpdateItem, EACH]] = Field(min_length=1, max_length=MOST_UPDATES)


class BulkAdd(Wire):
    """Body of `POST /memory/bulk-add`: each item is a body of `POST /memory/add`."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"text": "I play the cello."}, {"text": "My sister lives in Porto."}]}]}
    )

    user_id: EndUserId | None = None
    items: list[Annotated[MemoryAdd, EACH]] = Field(min_length=1, max_length=MOST_BULK)
    dry_run: bool = Field(default=False, description="Say what would happen to all of them and do nothing.")
    return_candidates: bool = False


class Feedback(Wire):
    """Body of `POST /memory/{id}/feedback`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"helpful": True}]})

    user_id: EndUserId | None = None
    helpful: bool
    reason: Literal["irrelevant", "wrong", "outdated", "harmful", "other"] | None = None


class Resolve(Wire):
    """Body of `POST /memory/decision/resolve`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"memory_id": AN_ID, "decision": "keep_both"}]})

    memory_id: MemoryIdText
    decision: Literal["supersede", "keep_both", "reject"] = Field(
        description="What becomes of the statement that waits: it holds from now on, holds beside, or is dropped."
    )
    user_id: EndUserId | None = None


class DiffView(BaseModel):
    """A field before and after."""

    before: Any
    after: Any


class RevisionView(BaseModel):
    """One revision: since when and until when it was what is known, by whom, why, and what it changed."""

    revision: int
    known_from: str
    known_until: str | None
    actor: str | None
    reason: str | None
    changed: dict[str, DiffView]


class MemoryHistory(BaseModel):
    """Answer of `GET /memory/{id}/history`, newest first."""

    id: str
    items: list[RevisionView]
    next_cursor: str | None
    has_more: bool
    request_id: str


class EvidenceView(BaseModel):
    """Where a memory comes from: `span` in characters of what was sent, whose SHA-256 this is.

    `sha256` is null where something of what was sent was refused or taken out by a guard.
    """

    id: str
    recorded_at: str
    span: list[int]
    sha256: str | None
    source: str | None
    session_id: str | None
    occurred_at: str | None

    @classmethod
    def fields_of(cls, evidence: Evidence) -> dict[str, Any]:
        """Return the members of a piece of evidence."""
        return {
            "id": evidence.evidence_id,
            "recorded_at": wire.shown(evidence.recorded_at),
            "span": list(evidence.span),
            "sha256": evidence.sha256,
            "source": evidence.source,
            "session_id": evidence.session_id,
            "occurred_at": wire.shown(evidence.occurred_at),
        }


class MemoryEvidence(BaseModel):
    """Answer of `GET /memory/{id}/evidence`, oldest first; `count` is of all there is."""

    id: str
    count: int
    items: list[EvidenceView]
    next_cursor: str | None
    has_more: bool
    request_id: str


class OneOfMany(MemoryView):
    """A memory beside others; what its owner wrote is left out where it would have made the answer too large."""

    left_out: bool = Field(default=False, description="True where text, summary, metadata and tags are: read it by its id.")


class RelationView(BaseModel):
    """Another memory, and what it is to this one."""

    relation: Literal["supersedes", "superseded_by", "disputes", "derived_from"]
    memory: OneOfMany


class MemoryRelations(BaseModel):
    """Answer of `GET /memory/{id}/relations`."""

    id: str
    items: list[RelationView]
    request_id: str


class MemoryChanged(MemoryView):
    """Answer of the routes that change one memory."""

    warnings: list[str]
    request_id: str


class UpdatedItem(BaseModel):
    """What became of one change. `replayed`: an earlier request with the same key did it."""

    index: int
    status: int
    replayed: bool = False
    memory: OneOfMany | None = None
    etag: str | None = None
    problem: dict[str, Any] | None = None


class BatchUpdated(BaseModel):
    """Answer of `POST /memory/batch-update`: one entry for each item, in their order."""

    items: list[UpdatedItem]
    updated: int
    failed: int
    warnings: list[str]
    request_id: str


class AddedItem(BaseModel):
    """What became of one item: `result` is what `POST /memory/add` would have answered.

    `replayed`: an earlier request with the same key did it.
    With `left_out` in it candidates, and of its memory text, summary, metadata and tags, are: the answer would be too large.
    """

    index: int
    status: int
    replayed: bool = False
    outcomes: list[OutcomeView]
    result: dict[str, Any] | None = None
    problem: dict[str, Any] | None = None


class BulkAdded(BaseModel):
    """Answer of `POST /memory/bulk-add`: one entry for each item, in their order."""

    items: list[AddedItem]
    candidates_extracted: int
    candidates_stored: int
    failed: int
    warnings: list[str]
    request_id: str


class WaitingView(MemoryView):
    """A memory that waits for a decision, the rule that held it up, and what it contradicts."""

    rule: str | None
    conflicts_with: list[OneOfMany]


class WaitingPage(BaseModel):
    """Answer of `GET /memory/conflicts` and `GET /memory/quarantine`, newest first."""

    items: list[WaitingView]
    next_cursor: str | None
    has_more: bool
    request_id: str


class DecisionTaken(MemoryView):
    """Answer of the routes that decide: the memory that holds now, and the outcome."""

    outcome: str
    rule: str | None
    request_id: str


class MemoryPending(BaseModel):
    """Answer of `GET /memory/pending`: what is stored and cannot be found by meaning yet, counted up to 1,000."""

    pending_embedding: int
    oldest_since: str | None
    oldest_age_seconds: int | None
    pending_index: int
    request_id: str


def revision_views(memory: Memory, earlier: list[Revision]) -> list[dict[str, Any]]:
    """Return all revisions, newest first, each with what it changed of the one before."""
    every = [*(each.memory for each in earlier), memory]
    ends: list[datetime | None] = [*(each.known_until for each in earlier), None]
    views = []
    for number, (now, until) in enumerate(zip(every, ends, strict=True)):
        before = every[number - 1] if number else None
        views.append(
            {
                "revision": now.revision,
                "known_from": wire.shown(now.since),
                "known_until": wire.shown(until),
                "actor": now.actor,
                "reason": now.reason,
                "changed": _diff(before, now) if before else {},
            }
        )
    return views[::-1]


_TOLD = (
    *CHANGEABLE,
    "text",
    "category",
    "memory_type",
    "superseded_by",
    "state",
    "state_reason",
    "tier",
    "supersedes",
    "disputes",
)


def _diff(before: Memory, after: Memory) -> dict[str, Any]:
    pairs = {name: (getattr(before, name), getattr(after, name)) for name in _TOLD}
    return {name: {"before": _plain(old), "after": _plain(new)} for name, (old, new) in pairs.items() if old != new}


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return wire.shown(value)
    return list(value) if isinstance(value, tuple) else value
