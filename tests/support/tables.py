"""The template's tables on what stands for DynamoDB: keys, indexes, streams and TTL are read from template.yaml.

DYNAMODB_ENGINE says what that is: `moto` (unless told otherwise), `dynoxide`, or an address of loopback.
DYNAMODB_PAGE is the most that one answer to a query or a scan may hold: real tables end pages early too.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from moto import mock_aws
from samtranslator.yaml_helper import yaml_parse

from backend.kit.clock import Clock, FakeClock
from backend.kit.dynamodb import Faults, Seam, Table
from infrastructure.engines.dynoxide import process
from infrastructure.engines.statements import teach_moto
from tests.support.quick_moto import quicken, take_turns

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
MOTO = "moto"
DYNOXIDE = "dynoxide"


def engine() -> str:
    """Return what stands for DynamoDB: `moto`, `dynoxide`, or an address."""
    return os.environ.get("DYNAMODB_ENGINE", MOTO)


def pages_are_whole() -> bool:
    """Tell whether a page holds as much as fits, and not what DYNAMODB_PAGE says: then a list is one call."""
    return "DYNAMODB_PAGE" not in os.environ


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
    """Put moto in the place of AWS, and the engine in that of DynamoDB, with the template's tables and made-up credentials."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_REGION"):
            patch.delenv(name, raising=False)
        if engine() != MOTO:
            patch.setenv("AWS_ENDPOINT_URL_DYNAMODB", address(engine()))
        else:
            take_turns(patch)
            quicken(patch)
            teach_moto(patch.setattr)
        with mock_aws():
            for name in table_definitions():
                create_table(name)
            yield


def template_seam(clock: Clock | None = None, faults: Faults | None = None) -> Seam:
    """Return a seam to the template's tables; only inside `aws()`."""
    seam = Seam(clock or FakeClock(), REGION, faults=faults)
    seam._client = _client(engine())
    return seam


def template_table(name: str, clock: Clock | None = None, faults: Faults | None = None) -> Table:
    """Return one of the template's tables by its logical id; only inside `aws()`."""
    assert name in table_definitions(), f"template.yaml has no table {name}"
    return Table(name, template_seam(clock, faults))


def fresh_token() -> str:
    """Return a transaction's token that was never used: an engine remembers them for as long as the service does."""
    return uuid.uuid4().hex


def create_table(name: str) -> None:
    """Make one of the template's tables anew, empty; only inside `aws()`."""
    client = _client(engine())
    if name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)
    client.create_table(**table_definitions()[name])
    lifetime = template()["Resources"][name]["Properties"].get("TimeToLiveSpecification")
    if lifetime:
        client.update_time_to_live(TableName=name, TimeToLiveSpecification=lifetime)


def _created(properties: dict[str, Any]) -> dict[str, Any]:
    taken = {name: properties[name] for name in CREATED if name in properties}
    if "StreamSpecification" in taken:
        # CloudFormation streams where a view is named; the API wants to be told so.
        taken["StreamSpecification"] = {"StreamEnabled": True, **taken["StreamSpecification"]}
    return taken


@cache
def _client(_: str) -> Any:
    """Return an engine's client as the seam makes it; one for all tests, because making one reads megabytes of descriptions."""
    client = Seam(FakeClock(), REGION).client
    if "DYNAMODB_PAGE" in os.environ:
        _shorten_pages(client.meta.events, int(os.environ["DYNAMODB_PAGE"]))
    return client


def _shorten_pages(events: Any, most: int) -> None:
    def shortened(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {**params, "Limit": min(most, params.get("Limit", most))}

    for operation in ("Query", "Scan"):
        events.register(f"provide-client-params.dynamodb.{operation}", shortened)


@cache
def address(engine: str) -> str:
    """Return an engine's address: that which was given, or that of one started for this process."""
    if engine != DYNOXIDE:
        assert urlsplit(engine).hostname == "127.0.0.1", "tables are dropped here: only an engine of this machine will do"
        return engine
    folder = Path(tempfile.mkdtemp(prefix="dynoxide-"))
    running = process.start(folder)
    atexit.register(_end, folder)
    return running.url


def _end(folder: Path) -> None:
    process.stop(folder)
    shutil.rmtree(folder)
