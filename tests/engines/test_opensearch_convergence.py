"""Whatever order changes come in, and however often: a real OpenSearch ends in the state and gives the answers of the fake."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from backend.index.fake import FakeIndex
from tests.contract.index.index_cases import ANA, BEN
from tests.contract.index.test_index_convergence import BOTH, MEMORIES, alike, changes, in_batches, questions
from tests.engines.conftest import Cluster


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_any_order_with_repeats_ends_as_the_fake_does(cluster: Cluster, data: some.DataObject) -> None:
    every = data.draw(some.lists(changes, min_size=1, max_size=25))
    repeated = data.draw(some.permutations(every + every[::2]))
    sizes = data.draw(some.lists(some.integers(1, 8), max_size=3))
    overlay = data.draw(some.lists(changes, max_size=6))
    asked = data.draw(some.lists(questions, min_size=1, max_size=4))
    fake = FakeIndex()
    fake.write("acme", every)
    index = cluster.index()
    in_batches(index, repeated, sizes)
    for each in asked:
        alike(index.search(BOTH, each), fake.search(BOTH, each))
        alike(index.search(BOTH, each, overlay), fake.search(BOTH, each, overlay))
    for scope in (ANA, BEN, BOTH):
        assert index.versions(scope, MEMORIES) == fake.versions(scope, MEMORIES)
    assert index.purge_tombstones(25) == fake.purge_tombstones(25)
    alike(index.search(BOTH, asked[0], overlay), fake.search(BOTH, asked[0], overlay))
    cluster.clear()
