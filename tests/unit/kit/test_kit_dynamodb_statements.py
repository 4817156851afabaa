"""Statements each have an outcome of their own, in an answer that says 200."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from backend.kit.clock import FakeClock
from backend.kit.dynamodb.seam import MAX_ATTEMPTS
from backend.kit.errors import InternalError, ThrottledError
from infrastructure.engines.statements import delete_of
from tests.support.faults import Step, plan
from tests.support.tables import template_table
from tests.unit.kit.seam_cases import table

KEYS = [("p", f"{number:03d}") for number in range(25)]


@pytest.fixture(autouse=True)
def _items(tables: None) -> None:  # noqa: ARG001 - they have to be there
    template_table("MemoriesTable").put_many([{"pk": pk, "sk": sk, "n": 1} for pk, sk in KEYS])


def refused(code: str, share: int) -> Step:
    """Answer for the last so many of a batch that they were not done, and put them back."""

    def change(arguments: Mapping[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        for statement in arguments["Statements"][-share:]:
            pk, sk = (part["S"] for part in delete_of(statement)["Key"].values())
            template_table("MemoriesTable").put({"pk": pk, "sk": sk, "n": 1})
        error = {"Error": {"Code": code, "Message": "secret"}}
        return {**answer, "Responses": [*answer["Responses"][:-share], *[error] * share]}

    return Step(change=change)


def left() -> list[str]:
    return [item["sk"] for item in template_table("MemoriesTable").query("p", consistent=True).items]


@pytest.mark.parametrize(
    "code",
    ["ThrottlingError", "ProvisionedThroughputExceeded", "RequestLimitExceeded", "TransactionConflict", "InternalServerError"],
)
def test_statements_that_met_a_busy_table_are_sent_again_alone(clock: FakeClock, code: str) -> None:
    faults = plan(refused(code, 20), refused(code, 3))

    table(clock, faults).delete_many_if("n", dict.fromkeys(KEYS, 1))

    assert [len(arguments["Statements"]) for _, arguments in faults.sent] == [25, 20, 3]
    assert left() == []
    assert len(clock.slept) == 2


def test_statements_that_stay_refused_fail_loudly_after_a_bounded_number_of_tries(clock: FakeClock) -> None:
    faults = plan(*(refused("ThrottlingError", 5) for _ in range(50)))

    with pytest.raises(ThrottledError):
        table(clock, faults).delete_many_if("n", dict.fromkeys(KEYS, 1))

    assert len(faults.sent) == MAX_ATTEMPTS
    assert left() == [sk for _, sk in KEYS[-5:]]


def test_a_condition_that_does_not_hold_is_an_outcome_and_not_sent_again(clock: FakeClock) -> None:
    faults = plan()

    table(clock, faults).delete_many_if("n", {key: place % 2 for place, key in enumerate(KEYS)})

    assert len(faults.sent) == 1
    assert left() == [sk for place, (_, sk) in enumerate(KEYS) if not place % 2]


@pytest.mark.parametrize("code", ["AccessDenied", "ValidationError", "ResourceNotFound", "SomethingNew"])
def test_a_statement_refused_for_our_fault_says_so_and_is_not_sent_again(clock: FakeClock, code: str) -> None:
    faults = plan(refused(code, 1))

    with pytest.raises(InternalError, match=code) as error:
        table(clock, faults).delete_many_if("n", dict.fromkeys(KEYS, 1))

    assert "secret" not in str(error.value)
    assert len(faults.sent) == 1
