"""What stands in the document beside the routes: the problem document, the ways to sign in, words, headers, links."""

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
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON pointer into the body, or `header:NAME`, `query:NAME`, `path:NAME`.",
                    },
                    "detail": {"type": "string", "description": "The cure."},
                },
            },
        },
    },
    "examples": [
        {
            "type": "https://memorysync.io/problems/end-user-missing",
            "title": "End user missing",
            "status": 400,
            "detail": "This route needs an end user.",
            "instance": "/memory/add",
            "code": "end-user-missing",
            "request_id": "Nd7hcg3ZoAMEVCg=",
            "errors": [{"pointer": "header:X-End-User-ID", "detail": "Send X-End-User-ID, or user_id in the body."}],
        }
    ],
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
    "400": "The request cannot be read, or cannot be meant.",
    "401": "Nobody we know: the key or token is missing, mistyped, revoked or expired.",
    "403": "Known, and not allowed.",
    "404": "Nothing that the caller may see has this id.",
    "405": "The path takes other methods.",
    "409": "A request under the same idempotency key is being worked on, or somebody else was quicker.",
    "410": "It was here, and was forgotten since.",
    "412": "The memory is at another revision than the one that If-Match names.",
    "413": "The text or the metadata is over its limit.",
    "415": "The body is not JSON by its content type.",
    "422": "Well formed, but a value is not allowed.",
    "500": "Our fault; the request id finds the reason in our logs.",
    "503": "Something the service stands on does not answer; trying again later is right.",
}

HEADERS: dict[str, Json] = {
    "ETag": {"description": "The memory's revision.", "schema": {"type": "string"}, "example": '"r1"'},
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
    "add_memory": ("ETag", "Idempotent-Replay"),
    "get_memory": ("ETag",),
    "forget_memory": ("Idempotent-Replay",),
}
# What can be done with what an operation made.
LINKS: dict[str, Json] = {
    "add_memory": {
        name: {"operationId": operation, "parameters": {"id": "$response.body#/id"}}
        for name, operation in (("read", "get_memory"), ("forget", "forget_memory"))
    },
}
