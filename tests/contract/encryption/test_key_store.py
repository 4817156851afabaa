"""Where wrapped keys are kept: the fake and DynamoDB keep the same promises; KMS unwraps for the tenant alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import boto3
import pytest

from backend.encryption.fake import FakeKeyService, FakeKeyStore
from backend.encryption.kms import KmsKeyService
from backend.encryption.model import KeyState, WrappedKey
from backend.encryption.ports import KeyService, KeyStore
from backend.encryption.store import DynamoKeyStore
from backend.kit.clock import FakeClock
from backend.kit.errors import DependencyUnavailableError
from backend.kit.ids import UlidIds
from tests.support.tables import CREDENTIALS, REGION, aws, engine, template_table

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
FIRST = WrappedKey("acme", 1, b"\x00one\xff", KeyState.ACTIVE, NOW)
SECOND = WrappedKey("acme", 2, b"two", KeyState.ACTIVE, NOW + timedelta(days=1))


@pytest.fixture(params=["fake", engine()])
def store(request: pytest.FixtureRequest) -> Iterator[KeyStore]:
    if request.param == "fake":
        yield FakeKeyStore()
        return
    with aws():
        yield DynamoKeyStore(template_table("MemoriesTable"), UlidIds(FakeClock()))


@pytest.fixture(params=["fake", "kms"])
def service(request: pytest.FixtureRequest) -> Iterator[KeyService]:
    if request.param == "fake":
        yield FakeKeyService()
        return
    with aws():
        key = boto3.client("kms", region_name=REGION).create_key()["KeyMetadata"]["KeyId"]
        yield KmsKeyService(key, REGION)


def test_a_tenant_begins_without_keys(store: KeyStore) -> None:
    assert (store.current("acme"), store.version("acme", 1), store.all("acme")) == (None, None, [])


def test_the_version_added_last_is_the_active_one(store: KeyStore) -> None:
    store.add(FIRST)
    retired = FIRST.retired(NOW + timedelta(days=30))

    assert store.add(SECOND, retired) == SECOND

    assert store.current("acme") == SECOND
    assert store.all("acme") == [retired, SECOND]
    assert store.version("acme", 1) == retired
    assert store.all("rival") == []


def test_whoever_comes_second_gets_the_version_that_is_there(store: KeyStore) -> None:
    store.add(FIRST)

    assert store.add(replace(FIRST, wrapped=b"mine")) == FIRST
    assert store.all("acme") == [FIRST]


def test_a_version_is_replaced_only_where_it_is(store: KeyStore) -> None:
    store.add(FIRST)
    expired = replace(FIRST, state=KeyState.EXPIRED)

    store.replace(expired)
    store.replace(SECOND)

    assert store.all("acme") == [expired]


def test_a_key_of_32_bytes_unwraps_for_its_tenant_alone(service: KeyService) -> None:
    plain, wrapped = service.generate("acme")

    assert len(plain) == 32
    assert plain not in wrapped
    assert service.unwrap("acme", wrapped) == plain
    with pytest.raises(ValueError, match=r"."):
        service.unwrap("rival", wrapped)


def test_no_two_keys_are_the_same(service: KeyService) -> None:
    assert service.generate("acme")[0] != service.generate("acme")[0]


def test_a_service_that_cannot_be_reached_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)

    with pytest.raises(DependencyUnavailableError):
        KmsKeyService("no-key", REGION, "http://127.0.0.1:9").generate("acme")
