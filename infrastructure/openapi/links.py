"""What can be done with what an operation answers: the links of the document (OpenAPI 3.1, link objects)."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

ETAG = "$response.header.ETag"


def _at(place: str) -> str:
    """Return the expression for a place in the answer's body."""
    return f"$response.body#/{place}"


def _asked(place: str) -> str:
    """Return the expression for a place in the request's body."""
    return f"$request.body#/{place}"


def _link(operation: str, words: str, body: Json | None = None, **parameters: str) -> Json:
    """Return a link. A parameter given as `If_Match` is the header If-Match, as in Python a name has no hyphen."""
    named = {name.replace("_", "-") if name[0].isupper() else name: value for name, value in parameters.items()}
    return {
        "operationId": operation,
        "description": words,
        **({"parameters": named} if named else {}),
        **({"requestBody": body} if body else {}),
    }


def _of_memory(place: str, *names: str) -> Json:
    """Return the links of these names, or all, from the place of a memory's id in an answer."""
    links = {
        name: _link(operation, words, id=_at(place))
        for name, operation, words in (
            ("read", "get_memory", "Read this memory."),
            ("forget", "forget_memory", "Forget this memory."),
            ("change", "update_memory", "Change what is known about it."),
            ("rewrite", "rewrite_memory", "Give it a new text."),
            ("history", "read_history", "How it came to be what it is."),
            ("evidence", "read_evidence", "Where it comes from."),
            ("relations", "read_relations", "What it is to others."),
            ("judge", "judge_memory", "Say whether it was of use."),
        )
    }
    return {name: links[name] for name in names or links}


def _next(operation: str, **place: str) -> Json:
    """Return the link from a page to the one after it, of a list that takes its cursor in the query."""
    parameters: Json = {"cursor": _at("next_cursor"), **place}
    return {"next": _link(operation, "The page after this one, while `has_more` is true.", **parameters)}


def _next_of(operation: str, **body: str) -> Json:
    """Return the same of a list that takes its cursor in the body."""
    words = "The page after this one, while `has_more` is true, with all that was asked for."
    return {"next": _link(operation, words, {"cursor": _at("next_cursor"), **body})}


def _state(place: str, *names: str, if_match: bool = False) -> Json:
    """Return the links of these names from the place of a value in an answer."""
    named = {"namespace": _at(f"{place}namespace"), "key": _at(f"{place}key")}
    terms: Json = {"If_Match": ETAG} if if_match else {}
    links = {
        "read": _link("get_state", "Read this value.", named),
        "replace": _link("put_state", "Put another value in its place, if it is still this one.", named, **terms),
        "delete": _link("delete_state", "Drop this value.", named, **terms),
        "list": _link("list_state", "What else is in its namespace.", {"namespace": named["namespace"]}),
        "search": _link("search_state", "What is in and below its namespace.", {"namespace_prefix": named["namespace"]}),
        "namespaces": _link("list_namespaces", "Its namespace, and those below it.", {"prefix": named["namespace"]}),
    }
    return {name: links[name] for name in names}


_SESSION = {"session_id": _at("session_id")}
_TRANSCRIPT = {"transcript": _link("list_history", "Read the conversation.", _SESSION)}
_WHY = {
    "why": _link(
        "explain_memory",
        "Why the best stands where it stands.",
        {"query": _asked("query"), "memory_id": _at("memories/0/id")},
    )
}
_REFRESH = {"state": _link("get_refresh", "How far it is.", job_id=_at("job_id"))}
_KEYS = {"state": _link("show_encryption", "How far it is.")}
_BY_REVISION = {
    "change": _link(
        "update_memory", "Change what is known about it, if it is still at this revision.", id=_at("id"), If_Match=ETAG
    ),
    "rewrite": _link("rewrite_memory", "Give it a new text, if it is still at this revision.", id=_at("id"), If_Match=ETAG),
}

# By operation and status. An add that answers 200 may have been a dry run, which made nothing that could be read.
LINKS: dict[tuple[str, str], Json] = {
    ("add_memory", "201"): {**_of_memory("id"), "list": _link("list_memories", "It stands first in the list.")},
    ("add_memory", "207"): _of_memory("id", "read", "forget"),
    ("add_memories", "207"): {
        **_of_memory("items/0/outcomes/0/memory_id", "read"),
        "pending": _link("read_pending", "What of it is not found by meaning yet."),
    },
    ("upload_file", "207"): _of_memory("items/0/outcomes/0/memory_id", "read"),
    ("query_memories", "200"): {**_of_memory("memories/0/id"), **_WHY},
    ("retrieve_memories", "200"): {**_of_memory("memories/0/id", "read", "evidence"), **_WHY},
    ("search_routed", "200"): _of_memory("memories/0/id", "read", "evidence", "relations"),
    ("explain_memory", "200"): {"better": _link("get_memory", "Read what stands first before it.", id=_at("outranked_by/0/id"))},
    ("compose_prompt", "200"): _of_memory("memories_used/0/id", "read", "judge"),
    ("synthesize_answer", "200"): _of_memory("citations/0/id", "read", "evidence"),
    ("summarize_memories", "200"): {
        "source": _link("get_memory", "Read what its first sentence is from.", id=_at("sentences/0/id"))
    },
    ("summarize_memories", "201"): _of_memory("id", "read", "relations"),
    ("get_memory", "200"): {
        **_of_memory("id", "forget"),
        **_BY_REVISION,
        "restore": _link("restore_memory", "Let hold again what it superseded.", id=_at("supersedes/0")),
        "archive": _link("archive_memory", "Put this memory aside.", id=_at("id")),
        "change_many": _link("update_memories", "Change it together with others.", {"items": [{"id": _at("id")}]}),
    },
    ("list_memories", "200"): {
        **_of_memory("items/0/id"),
        "by_path": _link(
            "list_memories_of",
            "The same by a path that names whose they are.",
            tenant="$request.header.X-Tenant-ID",
            user=_at("items/0/user_id"),
        ),
        **_next("list_memories"),
    },
    ("list_memories_of", "200"): {
        **_of_memory("items/0/id", "read"),
        **_next("list_memories_of", tenant="$request.path.tenant", user="$request.path.user"),
    },
    ("update_memory", "200"): _of_memory("id", "read", "history"),
    ("rewrite_memory", "200"): _of_memory("id", "read", "history"),
    ("update_memories", "207"): _of_memory("items/0/memory/id", "read", "history"),
    ("archive_memory", "200"): {"restore": _link("restore_memory", "Bring it back.", id=_at("id")), **_of_memory("id", "read")},
    ("restore_memory", "200"): _of_memory("id", "read", "relations"),
    ("judge_memory", "200"): _of_memory("id", "read"),
    ("forget_memory", "200"): {"gone": _link("get_memory", "From here on reading it is 404.", id=_at("id"))},
    ("read_history", "200"): {
        "as_known": _link(
            "get_memory", "Read it as it was known from then on.", id=_at("id"), known_at=_at("items/0/known_from")
        ),
        **_next("read_history", id=_at("id")),
    },
    ("read_evidence", "200"): {**_of_memory("id", "read"), **_next("read_evidence", id=_at("id"))},
    ("read_relations", "200"): _of_memory("items/0/memory/id", "read", "relations"),
    ("list_conflicts", "200"): {
        "resolve": _link("resolve_conflict", "Decide on the newest.", {"memory_id": _at("items/0/id")}),
        **_next("list_conflicts"),
    },
    ("resolve_conflict", "200"): {"waiting": _link("list_conflicts", "What waits still.")},
    ("list_quarantine", "200"): {
        "approve": _link("approve_memory", "Take the newest.", id=_at("items/0/id")),
        "reject": _link("reject_memory", "Drop the newest.", id=_at("items/0/id")),
        **_next("list_quarantine"),
    },
    ("approve_memory", "200"): _of_memory("id", "read", "history"),
    ("reject_memory", "200"): {"waiting": _link("list_quarantine", "What waits still.")},
    ("refresh_memories", "202"): _REFRESH,
    ("refresh_memories", "409"): _REFRESH,
    ("rotate_key", "202"): _KEYS,
    ("rotate_key", "409"): _KEYS,
    ("show_encryption", "200"): {"rotate": _link("rotate_key", "Make a new version.")},
    ("add_turn", "201"): {
        "state": _link("get_turn", "How far it is.", id=_at("id")),
        **_of_memory("memory_ids/0", "read"),
        **_TRANSCRIPT,
        "drop": _link("delete_history", "Drop the conversation.", _SESSION),
    },
    ("get_turn", "200"): {**_of_memory("memory_ids/0", "read"), **_TRANSCRIPT},
    ("query_turns", "200"): {**_of_memory("memories/0/id", "read", "judge"), **_WHY},
    ("recall_memories", "200"): _of_memory("memories/0/id", "read", "history"),
    ("append_history", "201"): {
        **_TRANSCRIPT,
        "drop": _link("delete_history", "Drop the conversation.", _SESSION),
        "drop_last": _link("delete_history", "Drop its last message alone.", {**_SESSION, "sequence": _at("last_sequence")}),
    },
    ("list_history", "200"): {
        "drop_first": _link(
            "delete_history", "Drop the first of these messages.", {**_SESSION, "sequence": _at("items/0/sequence")}
        ),
        **_next_of("list_history", session_id=_at("session_id")),
    },
    ("delete_history", "200"): {"left": _link("list_history", "What is left of the conversation.", _SESSION)},
    ("put_state", "200"): {
        **_state("", "read", "list", "search", "namespaces"),
        **_state("", "replace", "delete", if_match=True),
    },
    ("get_state", "200"): _state("", "replace", "delete", if_match=True),
    ("list_state", "200"): {
        **_state("items/0/", "read", "delete"),
        **_next_of("list_state", namespace=_asked("namespace")),
    },
    ("search_state", "200"): {**_state("items/0/", "read", "delete"), **_next_of("search_state")},
    ("list_namespaces", "200"): {
        "list": _link("list_state", "What is in the first of them.", {"namespace": _at("items/0")}),
        **_next_of("list_namespaces"),
    },
    ("delete_state", "200"): {
        "left": _link("list_state", "What is left in the namespace.", {"namespace": _asked("namespace")}),
        "gone": _link("get_state", "From here on reading it is 404.", {"namespace": _asked("namespace"), "key": _asked("key")}),
    },
}
