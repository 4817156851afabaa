"""What the deployed functions may do, and what they have done, as the emulator's IAM saw it."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Any

from infrastructure.local.stack import Stack

OF_AWS = "arn:aws:iam::aws:policy/"
Right = tuple[str, str]
"""(action, place); the place is a logical id, with `/index/NAME` for an index."""


def granted(stack: Stack, function: str) -> set[Right]:
    """Return what a function's role allows as it was deployed; AWS's own policies, for logs, traces and streams, are left out."""
    iam: Any = stack.client("iam")
    role = stack.resource(f"{function}Role")
    inline = iam.list_role_policies(RoleName=role)["PolicyNames"]
    documents = [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in inline]
    for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        if not each["PolicyArn"].startswith(OF_AWS):
            version = iam.get_policy(PolicyArn=each["PolicyArn"])["Policy"]["DefaultVersionId"]
            policy = iam.get_policy_version(PolicyArn=each["PolicyArn"], VersionId=version)
            documents.append(policy["PolicyVersion"]["Document"])
    return {
        (action, resource)
        for document in documents
        for statement in document["Statement"]
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def used(stack: Stack, function: str) -> set[Right]:
    """Return what the emulator allowed a function to do since it started."""
    role = stack.resource(f"{function}Role")
    return {(action, arn) for name, action, arn in stack.ask("GET", "/_local/rights")["used"] if name == role}


def unused(stack: Stack, function: str) -> set[str]:
    """Return what a function may do and never did, as `action place`, with logical ids in the place of physical ones."""
    done = used(stack, function)
    left = {
        (action, resource)
        for action, resource in granted(stack, function)
        if not any(action == what and fnmatchcase(where, resource) for what, where in done)
    }
    names = _names(stack) if left else {}
    return {f"{action} {_place(names, resource)}" for action, resource in left}


def _names(stack: Stack) -> dict[str, str]:
    """Return the logical id of each resource by its physical name: the last part of an ARN or address."""
    found: Any = stack.client("cloudformation").describe_stack_resources(StackName=stack.name)["StackResources"]
    return {re.split("[:/]", each["PhysicalResourceId"])[-1]: each["LogicalResourceId"] for each in found}


def _place(names: dict[str, str], arn: str) -> str:
    """Return the logical id of what an ARN names, with what stands behind its name, or the ARN of something else."""
    for part in re.split("[:/]", arn):
        # Secrets Manager lengthens a secret's name in its ARN.
        known = max((name for name in names if part == name or part.startswith(f"{name}-")), key=len, default=None)
        if known:
            return names[known] + arn.partition(part)[2]
    return arn


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
