"""A program that others wrote sends what the contract allows and what it forbids, and finds no answer that breaks it.

`make test` runs some 4,000 requests: all phases with one seed, but of `coverage`, which is the same in every run, one case
of four; then the stateful phase among the few operations between a memory's beginning and its end, and among all of them again
until it came past enough. `make test-outside` runs a hundred examples an operation for
each of five seeds.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from infrastructure.openapi.document import PUBLIC, TARGET
from tests.journeys.conftest import User
from tests.journeys.outside.contract_run import DONE, FORGET, OTHERS, PHASES, TOOLS, Runner, Tried, documented_links

SEEDS = int(os.environ.get("OUTSIDE_SEEDS", "1"))
EXAMPLES = int(os.environ.get("OUTSIDE_EXAMPLES", "6"))
LONG_RUN = 100
COVERAGE_SHARE = 1 if EXAMPLES >= LONG_RUN else 4
LEAST_SCENARIOS = 25
FROM_ADD_TO_FORGET = "^(add_memory|add_memories|get_memory|forget_memory|read_pending)$"
"""Among all operations it is chance whether one of these leads to another in a bounded run."""

STATEFUL_ROUNDS = int(os.environ.get("OUTSIDE_ROUNDS", "8"))
KEY = {"project_id": "main", "scopes": ["memory:*", "org:*"]}
DOCUMENT = json.loads(TARGET.read_text())
OPERATIONS = {
    f"{method.upper()} {path}": operation for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
}
GUARDED = {operation for operation in OPERATIONS if operation.partition(" ")[2] not in PUBLIC}
NAMED = {each["operationId"]: operation for operation, each in OPERATIONS.items()}
UNLINKED = {f"GET {path}" for path in PUBLIC}
"""The stateful phase walks along links. These take nothing and hand out nothing that another operation takes: the other phases
try them."""
IN_SCENARIOS = OPERATIONS.keys() - UNLINKED
# One link leads here, from a refresh that began or is at work: whether a bounded run comes past it is chance.
SELDOM = {"GET /memory/refresh/{job_id}"} if EXAMPLES < LONG_RUN else set()
WITH_EXAMPLES = {operation for operation, each in OPERATIONS.items() if "requestBody" in each}
OF_MANY = {operation for operation, each in OPERATIONS.items() if "207" in each["responses"] and "201" not in each["responses"]}
OURS = {"refused_only_for_reasons_that_no_schema_can_say", "others_who_send_the_same_get_nothing_of_it"}
CHECKS = {
    "allow_header_conformance",
    "content_type_conformance",
    "ensure_resource_availability",
    "ignored_auth",
    "missing_required_header",
    "negative_data_rejection",
    "not_a_server_error",
    "object_level_authorization",
    "positive_data_acceptance",
    "response_headers_conformance",
    "response_schema_conformance",
    "status_code_conformance",
    "unsupported_method",
    "use_after_free",
    *OURS,
}


# What was forgotten leads to a 404 by promise, and what is at work is told by a 409: neither leads from a 2xx to a 2xx.
# `test_links.py` follows every link; which of them are drawn here is chance.
LINKS = {link for link in documented_links(DOCUMENT) if not link.endswith("] gone") and "[409]" not in link}
MANY_LINKS = len(LINKS) // (3 if EXAMPLES >= LONG_RUN else 5)


def enough(tried: Tried) -> bool:
    """Tell whether the stateful phase came past everything that the tests below ask for."""
    asked = {(other, operation) for other, operation, _ in tried.by_others}
    return (
        len(tried.links.keys() & LINKS) >= MANY_LINKS
        and tried.operations("stateful") >= IN_SCENARIOS - SELDOM
        and asked >= {(other, operation) for other in OTHERS for operation in GUARDED}
        and all(done(tried, operation) for operation in OPERATIONS)
        and all(tried.statuses[operation, 403] > 0 for operation in GUARDED)
        and all(tried.after_forgetting[operation, 404] > 0 for operation in (FORGET, "GET /memory/{id}"))
    )


def done(tried: Tried, operation: str) -> bool:
    """Tell whether it did what it is for at least once; one that answers for many, for one of them."""
    counted = tried.of_items if operation in OF_MANY else tried.statuses
    return any(status in DONE for each, status in counted if each == operation)


@pytest.fixture(scope="module")
def tried(new_user: Callable[..., User], tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """All runs together: every phase with each seed, the stateful one again until every link was followed."""
    assert (TOOLS / "schemathesis").exists(), "Run `make .venv-tools/.ready`."
    runner = Runner(new_user(**KEY), new_user(**KEY), tmp_path_factory.mktemp("outside"))
    tried = Tried()
    for seed in range(1, SEEDS + 1):
        # The phase `coverage` draws nothing at random: bounded runs need it once.
        once = seed == 1 or EXAMPLES >= 1000
        runner.run(tried, seed=seed, examples=EXAMPLES, phases=PHASES if once else ("fuzzing", "stateful"), share=COVERAGE_SHARE)
    runner.run(tried, seed=100, examples=max(EXAMPLES, LEAST_SCENARIOS), phases=("stateful",), operations=FROM_ADD_TO_FORGET)
    for seed in range(101, 101 + STATEFUL_ROUNDS):
        if tried.failures or enough(tried):
            break
        runner.run(tried, seed=seed, examples=max(EXAMPLES, LEAST_SCENARIOS), phases=("stateful",))
    return tried


def test_nothing_that_was_tried_breaks_the_contract(tried: Tried) -> None:
    assert tried.failures == []


@pytest.mark.parametrize(
    ("phase", "operations"),
    [
        ("examples", WITH_EXAMPLES),
        ("coverage", set(OPERATIONS)),
        ("fuzzing", set(OPERATIONS)),
        ("stateful", IN_SCENARIOS - SELDOM),
    ],
)
def test_every_phase_tried_every_operation(tried: Tried, phase: str, operations: set[str]) -> None:
    assert operations - tried.operations(phase) == set()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_check_looked_at_every_operation(tried: Tried, operation: str) -> None:
    assert CHECKS - tried.checks[operation] == set()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_did_what_it_is_for_and_refused(tried: Tried, operation: str) -> None:
    assert done(tried, operation)
    assert operation not in GUARDED or {401, 403} <= {status for each, status in tried.statuses if each == operation}


@pytest.mark.parametrize("operation", sorted(OF_MANY))
def test_what_answers_for_many_refused_single_ones(tried: Tried, operation: str) -> None:
    assert {status for each, status in tried.of_items if each == operation} - DONE


def test_requests_without_a_key_and_with_a_wrong_one_were_refused(tried: Tried) -> None:
    # None, a key that is none, a token that is none.
    assert {operation: tried.statuses[operation, 401] >= 3 for operation in GUARDED} == dict.fromkeys(GUARDED, True)


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("operation", sorted(GUARDED))
def test_others_asked_for_what_the_first_one_has(tried: Tried, other: str, operation: str) -> None:
    seen = {status for each, name, status in tried.by_others if (each, name) == (other, operation)}

    # A path with an id names what the first one has; a cursor, which is looked at before that, is another tenant's.
    refused = {404, *(400 for each in OPERATIONS[operation]["parameters"] if each["name"] == "cursor")}
    refused |= {403} if "{tenant}" in operation else set()
    assert seen & (refused if "{" in operation else {*refused, *DONE, 409})


def test_the_links_lead_from_or_to_every_operation_but_those_that_have_nothing_to_give() -> None:
    ends = {
        end
        for operation, each in OPERATIONS.items()
        for answer in each["responses"].values()
        for link in answer.get("links", {}).values()
        for end in (operation, NAMED[link["operationId"]])
    }

    assert ends == IN_SCENARIOS


def test_many_links_of_the_contract_were_followed(tried: Tried) -> None:
    assert len(tried.links.keys() & LINKS) >= MANY_LINKS, LINKS - tried.links.keys()


def test_a_memory_that_was_forgotten_was_asked_for_again_and_not_there(tried: Tried) -> None:
    assert tried.after_forgetting["GET /memory/{id}", 404] > 0
    # Being shown it stands in `failures`.
    assert {operation for operation, status in tried.after_forgetting if status == 404} >= {FORGET, "GET /memory/{id}"}
