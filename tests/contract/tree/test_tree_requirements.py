"""What is installed, here and on AWS, is what was locked: by version, by digest, and from wherever the user's index is."""

from __future__ import annotations

import ast
import re
import sys
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]
LOCKED = [*ROOT.glob("requirements/*.txt"), *ROOT.glob("layers/*/*requirements.txt")]
WRITTEN = [*ROOT.glob("requirements/*.in")]
LAYERS = [*ROOT.glob("layers/*/requirements.txt")]
DEV = ROOT / "requirements" / "dev.txt"
# Lambda on either processor.
ON_LAMBDA = {
    "python_version": "3.13",
    "python_full_version": "3.13.0",
    "implementation_name": "cpython",
    "implementation_version": "3.13.0",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "platform_machine": "aarch64",
    "sys_platform": "linux",
    "os_name": "posix",
}
# What only one machine needs: the index in a file. On AWS an index for many machines takes its place.
ON_ONE_MACHINE_ONLY = {"apsw"}

each_locked = pytest.mark.parametrize("path", LOCKED, ids=lambda path: str(path.relative_to(ROOT)))
each_file = pytest.mark.parametrize("path", [*LOCKED, *WRITTEN], ids=lambda path: str(path.relative_to(ROOT)))
each_layer = pytest.mark.parametrize("path", LAYERS, ids=lambda path: path.parent.name)


def entries(path: Path) -> list[str]:
    """Return the file's entries without comments, each on one line with its hashes."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def requirement(entry: str) -> Requirement:
    return Requirement(entry.partition("--hash")[0].strip())


def versions(path: Path) -> dict[str, str]:
    """Return the versions that Lambda's Python gets of what the file locks, by name."""
    wanted = [requirement(entry) for entry in entries(path)]
    chosen = [each for each in wanted if each.marker is None or each.marker.evaluate(ON_LAMBDA)]
    return {canonicalize_name(each.name): str(each.specifier).removeprefix("==") for each in chosen}


def imported_by(folder: Path) -> set[str]:
    """Return the top-level modules, neither ours nor Python's, that the code of a folder names."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names.add(node.module.partition(".")[0])
    return names - sys.stdlib_module_names - {"backend"}


def test_there_are_requirements_to_look_at() -> None:
    assert DEV in LOCKED
    assert len(LAYERS) == 2


@each_file
def test_no_requirement_names_an_address(path: Path) -> None:
    text = path.read_text()

    assert re.findall(r"\S*://\S*|--(?:extra-)?index\S*|--find-links|--trusted-host|^\s*-[if]\s", text, re.MULTILINE) == []
    assert [entry for entry in text.splitlines() if " @ " in entry and not entry.lstrip().startswith("#")] == []


@each_locked
def test_every_package_is_pinned_to_a_version_and_to_digests(path: Path) -> None:
    found = entries(path)

    assert found
    for entry in found:
        assert re.fullmatch(r"==[^*,]+", str(requirement(entry).specifier)), entry[:80]
        assert re.fullmatch(r"(\s*--hash=sha256:[0-9a-f]{64})+\s*", entry[entry.index("--hash") :]), entry[:80]


@each_layer
def test_a_layer_holds_the_versions_that_the_tests_run_with(path: Path) -> None:
    tested, held = versions(DEV), versions(path)

    assert held
    assert {name: (version, tested.get(name)) for name, version in held.items() if tested.get(name) != version} == {}


def test_the_stores_measured_beside_ours_come_without_gigabytes_that_they_do_not_use() -> None:
    names = {canonicalize_name(requirement(each).name) for each in entries(ROOT / "requirements" / "peers.txt")}

    assert names >= {"chromadb", "mem0ai", "txtai"}
    assert {name for name in names if name in {"torch", "transformers", "triton"} or name.startswith("nvidia")} == set()


def test_everything_that_was_asked_for_is_locked() -> None:
    for written, locked in (("dev", DEV), ("runtime", LAYERS_BY_NAME["dependencies"]), ("embedder", LAYERS_BY_NAME["embedder"])):
        asked = entries(ROOT / "requirements" / f"{written}.in")
        names = {canonicalize_name(requirement(each).name) for each in asked if not each.startswith("-r ")}
        assert names <= set(versions(locked)), written


def test_aws_and_the_emulator_are_spoken_to_by_the_same_botocore() -> None:
    wanted = [Requirement(each) for each in requires("ministack") or [] if each.startswith("botocore")]

    assert [str(each.specifier) for each in wanted] == [f"=={versions(DEV)['botocore']}"]
    assert versions(DEV)["boto3"].rpartition(".")[0] == versions(DEV)["botocore"].rpartition(".")[0]


def test_the_layers_hold_whatever_the_functions_import() -> None:
    held = {name for path in LAYERS for name in versions(path)}
    distributions = packages_distributions()
    imported = {name: distributions[name] for folder in ("shared/backend", "functions") for name in imported_by(ROOT / folder)}
    missing = {name for name, places in imported.items() if not {canonicalize_name(each) for each in places} & held}

    assert missing == ON_ONE_MACHINE_ONLY


LAYERS_BY_NAME = {path.parent.name: path for path in LAYERS}
