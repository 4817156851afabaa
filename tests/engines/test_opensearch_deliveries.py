"""Stream records come one to three times, in any order, hours late: on a real OpenSearch too the index is the same."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings

from backend.index.opensearch_documents import Space
from tests.engines.conftest import Cluster
from tests.integration.faults.delivery_cases import (
    DIMENSION,
    MODEL,
    Life,
    holds_what_the_rows_say,
    lives,
    nothing_is_revived,
)


@settings(max_examples=10, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(life=lives)
def test_whatever_way_records_come_the_index_is_that_of_an_undisturbed_run(cluster: Cluster, life: list[Any]) -> None:
    lived = Life(cluster.index(Space(MODEL, DIMENSION)))
    lived.live(life)

    holds_what_the_rows_say(lived)
    nothing_is_revived(lived)
    cluster.clear()
