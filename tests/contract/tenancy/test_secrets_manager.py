"""The pepper and other secrets, from Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import boto3
import pytest
from moto import mock_aws

from backend.kit.errors import DependencyUnavailableError, InternalError
from backend.tenancy.secrets_manager import SecretsManagerSecrets, read_secret

Store = Callable[[str], None]


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return a way to give the secret a value."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("secretsmanager", region_name="us-east-1")

        def put(value: str) -> None:
            if client.list_secrets()["SecretList"]:
                client.put_secret_value(SecretId="pepper", SecretString=value)
            else:
                client.create_secret(Name="pepper", SecretString=value)

        yield put


def test_the_pepper_is_the_secrets_text_and_is_read_once(store: Store) -> None:
    store("p" * 64)
    secrets = SecretsManagerSecrets("pepper", "us-east-1")

    assert secrets.pepper() == b"p" * 64
    store("q" * 64)
    assert secrets.pepper() == b"p" * 64


def test_a_secret_that_is_not_there_is_a_failure_that_may_pass(store: Store) -> None:
    secrets = SecretsManagerSecrets("pepper", "us-east-1")
    with pytest.raises(DependencyUnavailableError):
        secrets.pepper()

    store("p" * 64)
    assert secrets.pepper() == b"p" * 64


def test_a_pepper_that_could_be_guessed_is_refused(store: Store) -> None:
    store("p" * 31)

    with pytest.raises(InternalError):
        SecretsManagerSecrets("pepper", "us-east-1").pepper()


def test_a_secret_is_read_as_it_is_now_by_its_name_or_arn(store: Store) -> None:
    store("first")
    arn = boto3.client("secretsmanager", region_name="us-east-1").describe_secret(SecretId="pepper")["ARN"]

    assert read_secret("pepper", "us-east-1") == read_secret(arn, "us-east-1") == "first"
    store("second")
    assert read_secret(arn, "us-east-1") == "second"


def test_a_secret_without_text_is_told_and_never_quoted(store: Store) -> None:
    store("text")
    boto3.client("secretsmanager", region_name="us-east-1").put_secret_value(SecretId="pepper", SecretBinary=b"bytes")

    with pytest.raises(InternalError) as refused:
        read_secret("pepper", "us-east-1")
    assert refused.value.detail == "A secret has no text."
    with pytest.raises(DependencyUnavailableError):
        read_secret("nothing", "us-east-1")
