"""A program that others wrote sends what the contract allows and what it forbids, and finds no answer that breaks it.

`make test` runs a few hundred requests for each of three seeds. `make test-outside` runs a thousand examples an operation
for each of five.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from infrastructure.openapi.document import PUBLIC, TARGET
from tests.journeys.conftest import User
from tests.journeys.outside.contract_run import OTHERS, PHASES, TOOLS, TRIED, Runner, Tried, documented_links

SEEDS = int(os.environ.get("OUTSIDE_SEEDS", "3"))
EXAMPLES = int(os.environ.get("OUTSIDE_EXAMPLES", "12"))
STATEFUL_ROUNDS = int(os.environ.get("OUTSIDE_ROUNDS", "8"))
DOCUMENT = json.loads(TARGET.read_text())
OPERATIONS = {
    f"{method.upper()} {path}": operation
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if operation["operationId"] in TRIED
}
GUARDED = {operation for operation in OPERATIONS if operation.partition(" ")[2] not in PUBLIC}
WITH_EXAMPLES = {operation for operation, each in OPERATIONS.items() if "requestBody" in each}
OURS = "refused_only_for_reasons_that_no_schema_can_say"
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
    OURS,
}


# What was forgotten leads to a 404 by promise.
LINKS = set(documented_links(DOCUMENT)) - {"DELETE /memory/{id} [200] gone"}


def enough(tried: Tried) -> bool:
    """Tell whether the stateful phase came past everything that the tests below ask for."""
    asked = {(other, operation) for other in OTHERS for operation in ("GET /memory", "GET /memory/{id}")}
    return set(tried.links) >= LINKS and set(tried.by_others) >= asked and tried.after_forgetting[404] > 0


@pytest.fixture(scope="module")
def tried(new_user: Callable[..., User], tmp_path_factory: pytest.TempPathFactory) -> Tried:
    """All runs together: every phase with each seed, the stateful one again until every link was followed."""
    assert (TOOLS / "schemathesis").exists(), "Run `make .venv-tools/.ready`."
    runner = Runner(new_user(project_id="main"), new_user(project_id="main"), tmp_path_factory.mktemp("outside"))
    tried = Tried()
    for seed in range(1, SEEDS + 1):
        # The phase `coverage` draws nothing at random: bounded runs need it once.
        once = seed == 1 or EXAMPLES >= 1000
        runner.run(tried, seed=seed, examples=EXAMPLES, phases=PHASES if once else ("fuzzing", "stateful"))
    for seed in range(101, 101 + STATEFUL_ROUNDS):
        if tried.failures or enough(tried):
            break
        runner.run(tried, seed=seed, examples=max(EXAMPLES, 30), phases=("stateful",))
    return tried


def test_nothing_that_was_tried_breaks_the_contract(tried: Tried) -> None:
    assert tried.failures == []


@pytest.mark.parametrize(
    ("phase", "operations"),
    [("examples", WITH_EXAMPLES), ("coverage", set(OPERATIONS)), ("fuzzing", set(OPERATIONS)), ("stateful", GUARDED)],
)
def test_every_phase_tried_every_operation(tried: Tried, phase: str, operations: set[str]) -> None:
    assert operations - tried.operations(phase) == set()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_check_looked_at_every_operation(tried: Tried, operation: str) -> None:
    assert CHECKS - tried.checks[operation] == set()


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_did_what_it_is_for_and_refused(tried: Tried, operation: str) -> None:
    seen = {status for each, status in tried.statuses if each == operation}

    assert seen & {200, 201}
    assert operation not in GUARDED or {401, 403} <= seen


def test_requests_without_a_key_and_with_a_wrong_one_were_refused(tried: Tried) -> None:
    # None, a key that is none, a token that is none.
    assert {operation: tried.statuses[operation, 401] >= 3 for operation in GUARDED} == dict.fromkeys(GUARDED, True)


@pytest.mark.parametrize("other", OTHERS)
def test_others_asked_for_what_the_first_one_has(tried: Tried, other: str) -> None:
    assert tried.by_others[other, "GET /memory"] > 0
    assert tried.by_others[other, "GET /memory/{id}"] > 0


def test_every_link_of_the_contract_leads_somewhere(tried: Tried) -> None:
    assert LINKS - set(tried.links) == set()


def test_a_memory_that_was_forgotten_was_asked_for_again_and_not_there(tried: Tried) -> None:
    assert tried.after_forgetting[404] > 0
    # A request under another tenant's or project's name is refused before anything is looked up.
    assert set(tried.after_forgetting) <= {401, 403, 404}
