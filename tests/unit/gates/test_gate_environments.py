"""Of two packages that bring the same file the one is there that happened to be installed last."""

from __future__ import annotations

import sys
from collections import defaultdict
from importlib.metadata import distributions
from pathlib import Path

import pytest

from infrastructure.gates.programs import TOOLS


@pytest.mark.parametrize("environment", [Path(sys.prefix), TOOLS.parent], ids=["ours", "tools"])
def test_no_file_of_an_environment_belongs_to_two_packages(environment: Path) -> None:
    (packages,) = environment.glob("lib/python3.*/site-packages")
    owners: dict[str, set[str]] = defaultdict(set)
    for each in distributions(path=[str(packages)]):
        for file in each.files or ():
            if "__pycache__" not in file.parts:
                owners[str(file)].add(each.name)

    assert len(owners) > 1000
    assert {file: names for file, names in owners.items() if len(names) > 1} == {}
