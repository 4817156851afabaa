"""What stands in the document beside the routes: the problem document, the ways to sign in, words, headers."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

DESCRIPTION = (
    "Stores text memories and finds them again by meaning. Every answer of ours that is not 2xx is a problem document by "
    'RFC 9457. The gateway\'s own refusals (429 by its throttle, 413, 431, 5xx) are `{"message"}`.'
)
PROBLEM: Json = {
    "title": "Problem",
    "description": "A problem document by RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri", "description": "Stable; ends in `code`."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What went wrong and what to do, for people."},
        "instance": {"type": "string", "description": "The path that was asked for."},
        "code": {"type": "string", "description": "The problem's name, for programs."},
        "request_id": {"type": "string"},
        "retry_after": {"type": "integer", "description": "Seconds; the same as the header Retry-After."},
        "job_id": {"type": "string", "description": "Of `job-already-running`: the job that is at work."},
        "errors": {
            "type": "array",
            "items": {"$ref": "#/components/schemas/Fault"},
        },
    },
    "examples": [
        {
            "type": "https://memorysync.io/problems/end-user-missing",
            "title": "End user missing",
            "status": 400,
            "detail": "This route needs an end user.",
            "instance": "/memory",
            "code": "end-user-missing",
            "request_id": "Nd7hcg3ZoAMEVCg=",
            "errors": [{"pointer": "header:X-End-User-ID", "detail": "Send X-End-User-ID."}],
        }
    ],
}
FAULT: Json = {
    "title": "Fault",
    "description": "One field that is wrong.",
    "type": "object",
    "required": ["pointer", "detail"],
    "properties": {
        "pointer": {
            "type": "string",
            "description": "JSON pointer into the body, or `header:NAME`, `query:NAME`, `path:NAME`.",
        },
        "detail": {"type": "string", "description": "The cure."},
    },
}
REFUSAL: Json = {
    "title": "GatewayRefusal",
    "description": "What the gateway in front of the service says by itself.",
    "type": "object",
    "required": ["message"],
    "properties": {"message": {"type": "string"}},
    "examples": [{"message": "Request Header Fields Too Large"}],
}
# Statuses by which the gateway may refuse any request, and one with a body. By some of them the service refuses too.
GATEWAY_REFUSES = ("429", "431", "500", "503")
GATEWAY_REFUSES_BODIES = ("413",)
TAGS = {
    "memory": "Remember, find, read, list and forget.",
    "history": "Transcripts: what was said in a conversation, message by message.",
    "state": "What an application keeps: JSON values under keys, in namespaces.",
    "org": "What concerns the whole tenant: its data keys.",
    "status": "What the service says of itself.",
}
SECURITY_SCHEMES: Json = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "`ms_live_…`, `ms_test_…`, `ms_dev_…`"},
    "Token": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "A token of the tenant's own issuer; its `sub` is the end user.",
    },
}

# Python's own phrases for some of these changed with 3.13: the document must not depend on what assembles it.
MEANINGS: dict[str, str] = {
    "200": "Done.",
    "201": "Stored.",
    "202": "Begun; ask again.",
    "207": "Several things, each with its own answer.",
    "400": "The request cannot be read, or cannot be meant.",
    "401": "Nobody we know: the key or token is missing, mistyped, revoked or expired.",
    "403": "Known, and not allowed.",
    "404": "Nothing that the caller may see has this id.",
    "405": "The path takes other methods.",
    "409": "A request under the same idempotency key, or such a job, is being worked on, or somebody else was quicker.",
    "410": "It was here, and was forgotten since.",
    "412": "The memory, or the value, is at another revision than the one that If-Match names.",
    "413": "The text, the metadata, the value or the whole body is over its limit.",
    "415": "The body is not JSON by its content type.",
    "422": "Well formed, but a value is not allowed.",
    "429": "More requests a second than the gateway lets through.",
    "431": "Request line and headers together are over the gateway's limit.",
    "500": "Our fault; the request id finds the reason in our logs.",
    "503": "Something the service stands on does not answer; trying again later is right.",
}

HEADERS: dict[str, Json] = {
    "ETag": {"description": "The revision of the memory or of the value.", "schema": {"type": "string"}, "example": '"r1"'},
    "Idempotent-Replay": {
        "description": "This request was answered before; nothing was done again.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "X-Scope-Warning": {
        "description": "The tenant allows requests without a project, and this one named none.",
        "schema": {"type": "string", "enum": ["project_missing"]},
    },
    "WWW-Authenticate": {"description": "The ways to sign in.", "schema": {"type": "string"}},
    "Allow": {"description": "The methods that the path takes.", "schema": {"type": "string"}},
    "Retry-After": {"description": "Seconds to wait before trying again.", "schema": {"type": "integer"}},
}
REFUSALS_SAY: dict[str, tuple[str, ...]] = {
    "401": ("WWW-Authenticate",),
    "405": ("Allow",),
    "409": ("Retry-After",),
    "503": ("Retry-After",),
}
# By operation, beside X-Scope-Warning, which every 2xx to a caller may have.
ANSWERS_SAY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("add_memory", "summarize_memories"), ("ETag", "Idempotent-Replay")),
    "get_memory": ("ETag",),
    "get_state": ("ETag",),
    "put_state": ("ETag", "Idempotent-Replay"),
    **dict.fromkeys(
        (
            "add_memories",
            "add_turn",
            "append_history",
            "delete_history",
            "delete_state",
            "forget_memory",
            "refresh_memories",
            "rotate_key",
            "update_memories",
            "upload_file",
        ),
        ("Idempotent-Replay",),
    ),
    **dict.fromkeys(
        (
            "update_memory",
            "rewrite_memory",
            "archive_memory",
            "restore_memory",
            "judge_memory",
            "resolve_conflict",
            "approve_memory",
            "reject_memory",
        ),
        ("ETag", "Idempotent-Replay"),
    ),
}
