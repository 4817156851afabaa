"""The error tree, its names on the wire, and problem documents."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from http import HTTPStatus

import pytest

import backend
from backend.kit import errors, problems
from backend.kit.errors import Fault, InternalError, MemoryNotFoundError, MemorySyncError, ThrottledError, slug_of

# Where errors are born: no error class is defined under an adapter of a model or of a search engine.
for _module in pkgutil.walk_packages(backend.__path__, "backend."):
    if _module.name.startswith("backend.kit"):
        importlib.import_module(_module.name)


def descendants(kind: type[MemorySyncError]) -> list[type[MemorySyncError]]:
    return [kind, *(each for child in kind.__subclasses__() for each in descendants(child))]


def of_the_tree() -> list[type[MemorySyncError]]:
    return [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, MemorySyncError) and each is not MemorySyncError
    ]


EVERY = sorted({each for each in descendants(MemorySyncError) if each is not MemorySyncError}, key=lambda each: each.__name__)


def made(kind: type[MemorySyncError]) -> MemorySyncError:
    error = kind.__new__(kind)
    MemorySyncError.__init__(error, "Something.")
    return error


def drawn() -> dict[str, str]:
    """Return name → parent as the picture at the top of errors.py shows them."""
    parents: dict[str, str] = {}
    open_branches: list[str] = ["MemorySyncError"]
    for line in (errors.__doc__ or "").splitlines():
        marker = re.search(r"[├└]── ", line)
        if marker:
            depth = marker.start() // 4 + 1
            names = re.findall(r"\w+Error", line)
            parents.update(dict.fromkeys(names, open_branches[depth - 1]))
            open_branches[depth:] = [names[-1]]
    return parents


def test_the_picture_of_the_tree_shows_exactly_the_errors_that_exist_under_their_parents() -> None:
    assert drawn() == {each.__name__: each.__base__.__name__ for each in of_the_tree() if each.__base__}


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_has_a_status(kind: type[MemorySyncError]) -> None:
    assert problems.status_of(kind).value >= 400


@pytest.mark.parametrize("kind", EVERY)
def test_every_error_has_a_title_and_a_reason_of_its_own(kind: type[MemorySyncError]) -> None:
    assert kind.title != MemorySyncError.title
    assert kind.__doc__ != MemorySyncError.__doc__


def test_no_two_errors_share_a_name_on_the_wire_or_a_title() -> None:
    assert len({slug_of(each) for each in EVERY}) == len(EVERY)
    assert len({each.title for each in EVERY}) == len(EVERY)


@pytest.mark.parametrize("kind", EVERY)
def test_a_name_on_the_wire_is_lower_case_with_hyphens_and_does_not_say_error(kind: type[MemorySyncError]) -> None:
    slug = slug_of(kind)

    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", slug)
    assert slug.replace("-", "") + "error" == kind.__name__.lower()


# The API's description promises these; renaming an error is changing the API.
PROMISED = {
    "malformed-request": 400,
    "validation-failed": 422,
    "end-user-mismatch": 400,
    "method-not-allowed": 405,
    "unsupported-media-type": 415,
    "unknown-filter": 400,
    "invalid-cursor": 400,
    "end-user-missing": 400,
    "project-required": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "scope-denied": 403,
    "not-found": 404,
    "memory-not-found": 404,
    "route-not-found": 404,
    "conflict": 409,
    "request-in-flight": 409,
    "gone": 410,
    "metadata-too-large": 413,
    "payload-too-large": 413,
    "idempotency-key-reused": 422,
    "internal": 500,
    "dependency-unavailable": 503,
    "throttled": 503,
    "outcome-unknown": 503,
    "table-unavailable": 503,
    "index-unavailable": 503,
    "embedding-unavailable": 503,
    "deadline-exceeded": 503,
}


@pytest.mark.parametrize(("slug", "status"), PROMISED.items())
def test_a_promised_problem_keeps_its_name_and_status(slug: str, status: int) -> None:
    (kind,) = [each for each in EVERY if slug_of(each) == slug]

    assert problems.status_of(kind) == status


def test_a_status_is_that_of_the_closest_ancestor() -> None:
    class StrangeConflictError(errors.RequestInFlightError):
        """For this test."""

    assert problems.status_of(StrangeConflictError) is HTTPStatus.CONFLICT


def test_a_problem_document_has_the_members_of_the_standard_and_ours() -> None:
    error = ThrottledError("Slow down.", faults=(Fault("/k", "Send less."),), retry_after=3, limit=7)

    assert problems.document(error, instance="/memory/query", request_id="r-1") == {
        "type": "https://memorysync.io/problems/throttled",
        "title": "Throttled",
        "status": 503,
        "detail": "Slow down.",
        "instance": "/memory/query",
        "code": "throttled",
        "request_id": "r-1",
        "errors": [{"pointer": "/k", "detail": "Send less."}],
        "retry_after": 3,
        "limit": 7,
    }


def test_what_does_not_apply_is_left_out_of_a_problem_document() -> None:
    document = problems.document(errors.ConflictError(), instance="/", request_id="r")

    assert document.keys() == {"type", "title", "status", "detail", "instance", "code", "request_id"}


def test_a_retry_after_of_no_seconds_is_still_said() -> None:
    assert problems.document(ThrottledError(retry_after=0), instance="/", request_id="r")["retry_after"] == 0


def test_an_error_without_words_has_its_title_for_detail() -> None:
    assert problems.document(errors.GoneError(), instance="/", request_id="r")["detail"] == "Gone"


def test_a_fact_never_takes_the_place_of_a_standard_member() -> None:
    error = errors.ConflictError("Real.", status=200, code="fake", memory_id="mem_1")

    document = problems.document(error, instance="/", request_id="r")

    assert (document["status"], document["code"], document["memory_id"]) == (409, "conflict", "mem_1")


def test_an_error_carries_its_facts() -> None:
    document = problems.document(MemoryNotFoundError("mem_9"), instance="/", request_id="r")

    assert document["memory_id"] == "mem_9"
    assert "mem_9" not in document["detail"]


@pytest.mark.parametrize("kind", [each for each in EVERY if issubclass(each, InternalError)])
def test_what_went_wrong_inside_is_not_told_to_the_outside(kind: type[MemorySyncError]) -> None:
    error = made(kind)
    error.args = ("table MEMORIES is on fire",)
    error.detail = "table MEMORIES is on fire"
    error.faults = (Fault("/secret", "secret"),)
    error.facts = {"table": "MEMORIES"}

    document = problems.document(error, instance="/memory/add", request_id="r-7")

    assert document == {
        "type": "https://memorysync.io/problems/internal",
        "title": "Internal error",
        "status": 500,
        "detail": "Something failed on our side. The request id finds it in our logs.",
        "instance": "/memory/add",
        "code": "internal",
        "request_id": "r-7",
    }
