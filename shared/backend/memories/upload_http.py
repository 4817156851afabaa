"""Between `POST /memory/upload` and the use cases: a form with a file becomes what `POST /memory/add` takes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from backend import bootstrap
from backend.kit import observability
from backend.kit.errors import (
    Fault,
    MalformedRequestError,
    MemorySyncError,
    PayloadTooLargeError,
    UnsupportedMediaTypeError,
    ValidationFailedError,
)
from backend.kit.faults import REFUSED, read_as
from backend.kit.http import json_answer
from backend.kit.wire import WITHOUT_NUL
from backend.memories.batch_answers import replay_header
from backend.memories.edit_http import BATCH_ANSWERS, EditDoor
from backend.memories.edit_schemas import AddedItem, BulkAdd
from backend.memories.http import one_key
from backend.memories.model import MAX_TAGS
from backend.memories.schemas import MemoryAdd
from backend.memories.uploading import TEXT_LIMIT_BYTES, parts_of
from backend.tenancy.model import Caller
from backend.uploads.model import Extracted

FILE_LIMIT_BYTES = 4_500_000
"""Lambda takes an event of 6 MB, and a file in it is a third larger (base64)."""

MOST_FIELDS = MAX_TAGS + 36
"""Each tag is a field of its own."""

FIELD_BYTES = 32 * 1024
MULTIPART = "multipart/form-data"
_NUMBERS = frozenset({"importance", "ttl_minutes"})
_SWITCHES = frozenset({"deduplicate", "infer", "dry_run", "return_candidates"})
_MANY = frozenset({"tags"})
_WORDS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class Upload:
    """A file as it came, and the other fields of its form as `POST /memory/add` names them."""

    name: str
    declared: str | None
    content: bytes
    fields: dict[str, Any]


class FileView(BaseModel):
    """What was read of a file."""

    name: str
    kind: str
    title: str | None
    pages: int | None
    parts: int


class MemoryUploaded(BaseModel):
    """Answer of `POST /memory/upload`: an entry for each part of the file, in their order."""

    file: FileView
    items: list[AddedItem]
    candidates_extracted: int
    candidates_stored: int
    failed: int
    warnings: list[str]
    request_id: str


_NAME: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 256, "pattern": WITHOUT_NUL}
_MOMENT: dict[str, Any] = {"type": "string", "format": "date-time"}
READ = (
    "text/plain",
    "text/markdown",
    "text/html",
    "application/pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "text/csv",
    "application/json",
)
"""What a file may be called, in the order of the description; other names of the same are taken too."""

UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary", "description": "txt, md, html, pdf, docx, csv or json."},
                        **dict.fromkeys(("user_id", "source", "event_type", "session_id"), _NAME),
                        "speaker": {**_NAME, "maxLength": 128},
                        "role": {**_NAME, "maxLength": 32},
                        **dict.fromkeys(("occurred_at", "valid_from", "valid_until"), _MOMENT),
                        "on_conflict": {"type": "string", "enum": ["supersede", "keep_both", "inbox"]},
                        "client_ref": {**_NAME, "maxLength": 255, "description": "Another name for the header Idempotency-Key."},
                        **{name: {"type": "string", "enum": ["true", "false"]} for name in sorted(_SWITCHES)},
                        "importance": {"type": "string", "description": "From 0 to 1."},
                        "ttl_minutes": {"type": "string"},
                        "tags": {
                            "type": "array",
                            "items": {**_NAME, "maxLength": 128},
                            "maxItems": MAX_TAGS,
                            "description": "The field may come many times.",
                        },
                        "metadata": {"type": "string", "description": "A JSON object."},
                    },
                },
                "encoding": {"file": {"contentType": ", ".join(READ)}},
                "example": {"file": "The keys of the workshop hang in the old mill.", "tags": ["house"], "source": "notes"},
            }
        },
    }
}


UPLOADING: dict[str, Any] = {"responses": BATCH_ANSWERS, "openapi_extra": UPLOAD_BODY}


async def upload_of(request: Request) -> Upload:
    """Return the form of a request.

    Raises `UnsupportedMediaTypeError` for another content type, `MalformedRequestError` for a form that cannot be read,
    `ValidationFailedError` for one without a file, `PayloadTooLargeError`.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MULTIPART:
        msg = "The body must be a form with a file."
        raise UnsupportedMediaTypeError(msg, faults=(Fault("header:Content-Type", f"Send {MULTIPART} with a field named file."),))
    parser = MultiPartParser(request.headers, request.stream(), max_files=1, max_fields=MOST_FIELDS, max_part_size=FIELD_BYTES)
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError, UnicodeDecodeError):
        # The cause may quote the body, so it goes no further.
        cure = f"Send at most one file and {MOST_FIELDS} fields of up to {FIELD_BYTES} bytes."
        msg = "The form cannot be read."
        raise MalformedRequestError(msg, faults=(Fault("", cure),)) from None
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        await form.close()
        raise ValidationFailedError(REFUSED, faults=(Fault("/file", "Send the file in a field named file, with its name."),))
    content = await file.read()
    # A large file lies on the disk until then.
    await form.close()
    if len(content) > FILE_LIMIT_BYTES:
        msg = f"The file has {len(content)} bytes; the limit is {FILE_LIMIT_BYTES}."
        raise PayloadTooLargeError(msg, faults=(Fault("/file", "Send it in parts."),), limit_bytes=FILE_LIMIT_BYTES)
    fields = {name: _value(name, form.getlist(name)) for name in form if name != "file"}
    return Upload(file.filename, file.content_type, content, fields)


@dataclass(frozen=True, slots=True)
class UploadDoor(EditDoor):
    """The door of files."""

    def upload(self, caller: Caller, upload: Upload, key: str | None) -> JSONResponse:
        """Answer `POST /memory/upload`."""
        from backend.uploads.service import text_of  # noqa: PLC0415 - what reads files is paid for by this function alone

        # The fields are looked at before the file is: a wrong one should not cost the reading.
        sample = read_as(MemoryAdd, {"text": "a file", **upload.fields})
        scope = self.scope(caller, sample.user_id)
        found = text_of(upload.name, upload.declared, upload.content, limit_bytes=TEXT_LIMIT_BYTES)
        parts = parts_of(found.text)
        body = BulkAdd.model_construct(
            items=[_item(upload, found, part, number, len(parts)) for number, part in enumerate(parts, 1)],
            dry_run=sample.dry_run,
            return_candidates=sample.return_candidates,
        )
        told = self.added(scope, caller, body, one_key(key, sample.client_ref), "POST /memory/upload")
        file = {"name": upload.name, "kind": found.kind.value, "title": found.title, "pages": found.pages, "parts": len(parts)}
        warnings = [*sample.warnings(), *found.warnings, *told["warnings"]]
        answer = {"file": file, **told, "warnings": warnings, "request_id": observability.request_id()}
        return json_answer(answer, HTTPStatus.MULTI_STATUS, replay_header(told["items"]))


def _item(upload: Upload, found: Extracted, part: str, number: int, parts: int) -> MemoryAdd | MemorySyncError:
    about = {"file_name": upload.name, "file_kind": found.kind.value, "part": number, "parts": parts}
    metadata = {**about, **({"title": found.title} if found.title else {}), **(upload.fields.get("metadata") or {})}
    try:
        # The upload has a key as a whole: with it for each part, the second would be another body under the first one's.
        return read_as(MemoryAdd, {"source": "upload", **upload.fields, "client_ref": None, "text": part, "metadata": metadata})
    except MemorySyncError as error:
        return error


def _value(name: str, values: list[Any]) -> Any:  # noqa: ANN401 - what JSON would have held
    """Return a field's value as JSON would have held it; what cannot be one is left as it is, for the schema to refuse."""
    words = [each for each in values if isinstance(each, str)]
    if name in _MANY:
        return words
    word = words[-1] if words else ""
    if name in _SWITCHES:
        return _WORDS.get(word.strip().lower(), word)
    if name in _NUMBERS or name == "metadata":
        try:
            return json.loads(word)
        except ValueError:
            return word
    return word


async def _door() -> UploadDoor:
    return UploadDoor(bootstrap.container())


Uploaded = Annotated[Upload, Depends(upload_of)]
Uploads = Annotated[UploadDoor, Depends(_door)]
