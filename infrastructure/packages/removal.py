"""`make undeploy`: takes a stack away, says what stays, and, when told to, removes that too."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError
from samcli.yamlhelper import yaml_parse  # type: ignore[import-untyped]  # it ships no types

from infrastructure.packages.aws import Account
from infrastructure.packages.build import ROOT
from infrastructure.packages.environments import CONFIG, read
from infrastructure.packages.errors import DeployError

Tell = Callable[[str], None]

_KEEPING = {"Retain", "RetainExceptOnCreate"}
KEY_DAYS, SECRET_DAYS = 30, 30
"""How long what cannot be made again can still be saved: the longest that KMS and Secrets Manager allow."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A resource that stays when its stack goes."""

    name: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class _Way:
    """How one kind of resource is removed: the service's call, its parameters, and the same as a command."""

    service: str
    call: str
    fixed: dict[str, Any]
    parameter: str
    command: str


# In this order: the key goes last, for everything before it is encrypted under it.
WAYS = {
    "AWS::OpenSearchService::Domain": _Way(
        "opensearch", "delete_domain", {}, "DomainName", "aws opensearch delete-domain --domain-name"
    ),
    "AWS::DynamoDB::Table": _Way("dynamodb", "delete_table", {}, "TableName", "aws dynamodb delete-table --table-name"),
    "AWS::SecretsManager::Secret": _Way(
        "secretsmanager",
        "delete_secret",
        {"RecoveryWindowInDays": SECRET_DAYS},
        "SecretId",
        f"aws secretsmanager delete-secret --recovery-window-in-days {SECRET_DAYS} --secret-id",
    ),
    "AWS::KMS::Key": _Way(
        "kms",
        "schedule_key_deletion",
        {"PendingWindowInDays": KEY_DAYS},
        "KeyId",
        f"aws kms schedule-key-deletion --pending-window-in-days {KEY_DAYS} --key-id",
    ),
}


def remove(name: str, tell: Tell, *, config: Path = CONFIG, confirmed: bool = False, data: bool = False) -> list[Kept]:
    """Delete the stack of an environment with the SAM CLI; return what of it is still there.

    With `data` what stays is removed too, after the stack. Raises `DeployError` when it is protected, or does not go.
    """
    environment = read(name, config)
    account = Account(environment)
    account.identity()
    if account.is_protected():
        message = (
            f"{environment.stack} is protected. Who really wants it gone lifts that first:\n"
            "  aws cloudformation update-termination-protection --no-enable-termination-protection"
            f" --region {account.region} --stack-name {environment.stack}"
        )
        raise DeployError(message)
    kept = stays(account)
    command = [sys.executable, "-m", "samcli", "delete", "--stack-name", environment.stack, "--region", account.region]
    command += ["--profile", environment.profile] if environment.profile else []
    command += ["--no-prompts"] if confirmed else []
    subprocess.run(command, cwd=ROOT, env={**os.environ, "SAM_CLI_TELEMETRY": "0"}, check=False)
    if account.described() is not None:
        message = f"{environment.stack} is still there; what the SAM CLI said stands above."
        raise DeployError(message)
    if data:
        _remove_all(account, kept, tell)
        return []
    tell(say(kept, account.region))
    return kept


def stays(account: Account) -> list[Kept]:
    """Return the stack's resources that its template keeps, in the order in which they can be removed."""
    template = account.template()
    if isinstance(template, str):
        template = yaml_parse(template)
    policies = {logical: resource.get("DeletionPolicy") for logical, resource in template["Resources"].items()}
    found = [
        Kept(each["LogicalResourceId"], each["ResourceType"], each["PhysicalResourceId"])
        for each in account.resources()
        if policies.get(each["LogicalResourceId"]) in _KEEPING
        and each.get("PhysicalResourceId")
        and each["ResourceStatus"] != "DELETE_COMPLETE"
    ]
    order = list(WAYS)
    return sorted(found, key=lambda kept: (order.index(kept.kind) if kept.kind in order else -1, kept.name))


def say(kept: list[Kept], region: str) -> str:
    """Return what stays, with the command that removes each; nobody runs these by accident."""
    if not kept:
        return "Nothing of it is left."
    rows = [
        "The stack is gone. What holds data is still there, and costs (docs/deploy.md). To remove it for ever, in this order:"
    ]
    for each in kept:
        way = WAYS.get(each.kind)
        rows.append(f"  {way.command} {each.place} --region {region}" if way else f"  {each.name} ({each.kind}): {each.place}")
    return "\n".join(rows)


def _remove_all(account: Account, kept: list[Kept], tell: Tell) -> None:
    for number, each in enumerate(kept):
        way = WAYS.get(each.kind)
        if way is None:
            tell(f"Left alone, for nothing here knows how to remove it: {each.name}, a {each.kind}, {each.place}")
            continue
        try:
            getattr(account.client(way.service), way.call)(**way.fixed, **{way.parameter: each.place})
        except ClientError as error:
            message = f"{each.name} ({each.place}) was not removed: {error}\n{say(kept[number:], account.region)}"
            raise DeployError(message) from error
        tell(f"Removed: {each.name}, {each.place}")
