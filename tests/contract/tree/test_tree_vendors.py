"""Who reaches code of a vendor: doors, adapters and the composition root, each named here, and no rule.

The contracts in pyproject.toml name rules; whatever they forget is found here, because here the others are named.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest

CONTRACTS = {
    each["name"]: each
    for each in tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
}
VENDORS = frozenset(CONTRACTS["Rules know no vendor"]["forbidden_modules"])

ROOT = ("backend.adapters", "backend.bootstrap")
DOORS = (
    "backend.*.http",
    "backend.*_http",
    "backend.kit.bodies",
    "backend.memories.batch_answers",
    "backend.memories.list_parameters",
    # They take over the forms of the memories' door.
    "backend.state.schemas",
    "backend.transcripts.schemas",
    "backend.turns.schemas",
)
ADAPTERS = (
    "backend.*.store",
    "backend.embedding.bedrock",
    "backend.encryption.kms",
    "backend.extraction.bedrock_converse",
    "backend.index.opensearch*",
    "backend.jobs.sealed_items",
    "backend.kit.deletion_marks",
    "backend.kit.dynamodb*",
    "backend.memories.items",
    "backend.memories.lists",
    "backend.memories.markers",
    "backend.memories.parking",
    "backend.memories.requests",
    "backend.memories.together",
    "backend.tenancy.secrets_manager",
    "backend.usage.recording",
)


@cache
def graph() -> Any:
    built = grimp.build_graph("backend", include_external_packages=True, cache_dir=None)
    # Behind functions: whoever counts or notes does not see it. The contract of pyproject.toml lets it off too.
    built.remove_import(importer="backend.kit.observability", imported="aws_lambda_powertools")
    return built


@cache
def reaching() -> frozenset[str]:
    """Return the modules that import a vendor, or what does."""
    found = {each for vendor in VENDORS & graph().modules for each in graph().find_downstream_modules(vendor)}
    return frozenset(found)


def named(patterns: Iterable[str], modules: Iterable[str]) -> set[str]:
    return {module for module in modules if any(fnmatchcase(module, pattern) for pattern in patterns)}


def test_only_doors_adapters_and_the_composition_root_reach_a_vendor() -> None:
    assert reaching() - named((*ROOT, *DOORS, *ADAPTERS), reaching()) == set()


@pytest.mark.parametrize("pattern", [*ROOT, *DOORS, *ADAPTERS])
def test_what_is_let_reach_a_vendor_does(pattern: str) -> None:
    assert named([pattern], reaching()), "nothing of this name needs it any more"


def test_adapters_are_known_to_adapters_and_the_composition_root_alone() -> None:
    adapters = named(ADAPTERS, reaching())
    known_by = {
        (importer, adapter)
        for adapter in adapters
        for importer in graph().find_modules_that_directly_import(adapter)
        if importer not in adapters | set(ROOT)
    }

    assert known_by == set()


def test_a_rule_of_the_contracts_is_no_adapter() -> None:
    rules = set(CONTRACTS["Rules know no vendor"]["source_modules"])

    assert rules == set(CONTRACTS["Only the composition root knows adapters"]["source_modules"])
    assert named((*ROOT, *DOORS, *ADAPTERS), rules) == set()
