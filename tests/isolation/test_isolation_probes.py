"""What belongs to another, and names that are not the caller's to give, tried on every operation."""

from __future__ import annotations

import pytest

from tests.isolation.callers import Caller
from tests.isolation.conftest import WHOLE, Watched
from tests.isolation.document import Operation, operations
from tests.isolation.probes import PROBING, targets_of

# One worker for all, which then needs one world for all.
pytestmark = pytest.mark.xdist_group("isolation-probes")


@pytest.mark.parametrize("caller", PROBING, ids=lambda caller: f"{caller.kind} of {caller.tenant}")
@pytest.mark.parametrize("operation", operations(), ids=lambda operation: operation.route)
def test_names_and_things_of_others_change_nothing_or_are_refused(watched: Watched, operation: Operation, caller: Caller) -> None:
    tried = watched.matrix.probe(operation, caller, targets_of(caller, whole=WHOLE), one_by_one=WHOLE)

    assert tried >= (5 if operation.public else 20)
