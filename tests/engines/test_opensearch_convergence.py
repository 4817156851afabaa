"""Whatever order changes come in, and however often: a real OpenSearch ends in the state and gives the answers of the fake."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from tests.contract.index.test_index_convergence import ends_as_the_fake_does
from tests.engines.conftest import Cluster


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_any_order_with_repeats_ends_as_the_fake_does(cluster: Cluster, data: some.DataObject) -> None:
    ends_as_the_fake_does(cluster.index(), data)
    # Else every example's index would be kept until the last one, and all of them be cared for.
    cluster.clear()
