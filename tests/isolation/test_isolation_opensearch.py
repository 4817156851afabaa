"""What OpenSearch is asked in every scope there is: the filter names exactly the owner's places, and none shares a name."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import pytest

from backend.index.opensearch_documents import Coder
from backend.tenancy.scope import Environment, Scope
from tests.contract.index.index_cases import question
from tests.isolation.callers import Caller, Kind, callers
from tests.isolation.oracle import chain
from tests.isolation.owners import OWNERS, TENANTS, Owner
from tests.unit.index.loopback_opensearch import World, key_of, serving

CALLERS = [caller for kind in (Kind.KEY, Kind.TEST_KEY) for caller in callers(kind) if chain(caller)]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with serving() as engine:
        world = World(engine)
        yield world
        world.client.close()


def scope_of(caller: Caller) -> Scope:
    keys = tuple(owner.scope_key for owner in chain(caller))
    return Scope(caller.tenant, caller.resolved_project, Environment(caller.environment), caller.user, keys)


@pytest.mark.parametrize(
    "caller", CALLERS, ids=lambda caller: "/".join(map(str, (caller.tenant, caller.resolved_project, caller.user)))
)
def test_every_part_of_a_question_is_held_to_the_callers_own_places(world: World, caller: Caller) -> None:
    world.server.requests.clear()
    scope = scope_of(caller)

    world.index.search(scope, question("ledger"))

    coder = Coder(caller.tenant, key_of(caller.tenant))
    places = {coder.scope(owner.scope_key) for owner in chain(caller)}
    asked = [pair for each in world.server.sent("/_msearch") for pair in zip(each.lines[::2], each.lines[1::2], strict=True)]
    assert asked
    for header, body in asked:
        assert header["routing"] == caller.tenant
        told = body["query"]["bool"]["filter"]
        assert {"term": {"tenant": caller.tenant}} in told
        [scopes] = [each["terms"]["scope"] for each in told if "scope" in each.get("terms", {})]
        assert set(scopes) == places
        for nearest in _parts(body, "knn"):
            assert {"term": {"tenant": caller.tenant}} in nearest["vector"]["filter"]["bool"]["filter"]


def test_no_two_owners_have_one_name_in_the_index() -> None:
    coders = {tenant: Coder(tenant, key_of(tenant)) for tenant in TENANTS}
    names = {(coders[tenant].scope(owner.scope_key)) for owner, tenant in product(OWNERS, TENANTS)}

    assert len(names) == len(OWNERS) * len(TENANTS)
    assert len({_word(coders, owner) for owner in OWNERS}) == len(OWNERS)


def _word(coders: dict[str, Coder], owner: Owner) -> int:
    return coders[owner.tenant].word(owner.scope_key, "ledger")


def _parts(body: object, name: str) -> Iterator[dict[str, dict[str, dict[str, dict[str, list[object]]]]]]:
    """Yield what stands under a name anywhere in a question."""
    if isinstance(body, dict):
        for key, value in body.items():
            if key == name:
                yield value
            yield from _parts(value, name)
    elif isinstance(body, list):
        for each in body:
            yield from _parts(each, name)
