"""The template's tables on moto: keys, indexes, streams and TTL are read from template.yaml, so that they cannot drift."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

from backend.kit.clock import Clock, FakeClock
from backend.kit.dynamodb import Faults, Seam, Table

REGION = "eu-central-1"
TEMPLATE = Path(__file__).parents[2] / "template.yaml"
TABLE = "AWS::DynamoDB::Table"
CREATED = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "StreamSpecification",
)
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_DEFAULT_REGION": REGION}


@cache
def template() -> dict[str, Any]:
    """Return template.yaml, with each short function (`!Ref X`) in its long form."""
    body: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return body


def table_definitions() -> dict[str, dict[str, Any]]:
    """Return what `create_table` takes, by the table's logical id, which is its name here too."""
    tables = {name: each["Properties"] for name, each in template()["Resources"].items() if each["Type"] == TABLE}
    return {name: {"TableName": name, **_created(properties)} for name, properties in tables.items()}


@contextmanager
def aws() -> Iterator[None]:
    """Put moto in the place of AWS, with the template's tables, and made-up credentials in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_REGION"):
            patch.delenv(name, raising=False)
        with mock_aws():
            _create_tables()
            yield


def moto_seam(clock: Clock | None = None, faults: Faults | None = None) -> Seam:
    """Return a seam to moto's tables; only inside `aws()`."""
    seam = Seam(clock or FakeClock(), REGION, faults=faults)
    seam._client = _client()
    return seam


def moto_table(name: str, clock: Clock | None = None, faults: Faults | None = None) -> Table:
    """Return one of the template's tables by its logical id; only inside `aws()`."""
    assert name in table_definitions(), f"template.yaml has no table {name}"
    return Table(name, moto_seam(clock, faults))


def _created(properties: dict[str, Any]) -> dict[str, Any]:
    taken = {name: properties[name] for name in CREATED if name in properties}
    if "StreamSpecification" in taken:
        # CloudFormation streams where a view is named; the API wants to be told so.
        taken["StreamSpecification"] = {"StreamEnabled": True, **taken["StreamSpecification"]}
    return taken


@cache
def _client() -> Any:
    """Return a client as the seam makes it; one for all tests, because making one reads megabytes of descriptions."""
    return Seam(FakeClock(), REGION).client


def _create_tables() -> None:
    client = _client()
    for name, definition in table_definitions().items():
        client.create_table(**definition)
        lifetime = template()["Resources"][name]["Properties"].get("TimeToLiveSpecification")
        if lifetime:
            client.update_time_to_live(TableName=name, TimeToLiveSpecification=lifetime)
