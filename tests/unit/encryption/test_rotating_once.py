"""A rotation that is asked for again after an unknown outcome makes one version, not two."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest

from backend.encryption.fake import FakeKeyService, FakeKeyStore
from backend.encryption.model import KeyState
from backend.encryption.sealing import Sealer
from backend.kit.clock import FakeClock


@pytest.fixture
def store() -> FakeKeyStore:
    return FakeKeyStore()


def another(store: FakeKeyStore, clock: FakeClock) -> Sealer:
    """Return the sealer of another process."""
    numbers = count()
    return Sealer(store=store, service=FakeKeyService(), clock=clock, random_bytes=lambda size: next(numbers).to_bytes(size))


def test_the_version_after_one_is_made_once(store: FakeKeyStore) -> None:
    clock = FakeClock()
    first, second = another(store, clock), another(store, clock)
    first.seal("acme", "row", b"x")
    expires_at = clock.now() + timedelta(days=1)

    assert [each.rotate("acme", expires_at, after=1) for each in (first, second, first)] == [2, 2, 2]

    assert [(each.version, each.state) for each in store.all("acme")] == [(1, KeyState.RETIRED), (2, KeyState.ACTIVE)]
    assert first.rotate("acme", expires_at, after=2) == 3


def test_a_tenant_without_a_key_gets_its_first(store: FakeKeyStore) -> None:
    assert [another(store, FakeClock()).rotate("acme", after=0) for _ in range(2)] == [1, 1]
