"""What the layers' Makefiles say is what the template and the code need."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pytest

from infrastructure.packages.build import ROOT
from infrastructure.template import load

DEPENDENCIES = ROOT / "layers" / "dependencies"
# Through libraries: pynamodb asks DynamoDB, the tracer sends to X-Ray, and credentials may come from STS.
BY_LIBRARIES = {"dynamodb", "xray", "sts"}


def variable(makefile: Path, name: str) -> str:
    found = re.search(rf"^{name} [:?]?= (.*)$", makefile.read_text(), re.MULTILINE)
    assert found, name
    return found[1]


def services_called() -> set[str]:
    """Return the first word of every `client(...)` and `create_client(...)` in our code."""
    found = set()
    for root in (ROOT / "shared" / "backend", ROOT / "functions"):
        for path in root.rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in {"client", "create_client"}
                ):
                    [name, *_] = node.args
                    assert isinstance(name, ast.Constant), f"{path}: name the service, so that its description is packed"
                    found.add(str(name.value))
    return found


def test_the_descriptions_of_all_services_that_are_called_are_packed() -> None:
    packed = set(variable(DEPENDENCIES / "Makefile", "services").split())

    assert services_called() | BY_LIBRARIES <= packed


def test_the_layers_are_for_the_python_of_the_functions() -> None:
    assert load()["Globals"]["Function"]["Runtime"] == f"python{variable(DEPENDENCIES / 'wheels.mk', 'LAMBDA_PYTHON')}"


def test_the_layers_default_to_the_processor_that_the_template_defaults_to() -> None:
    assert variable(DEPENDENCIES / "wheels.mk", "ARCH") == load()["Parameters"]["Architecture"]["Default"]


@pytest.mark.parametrize(
    ("folder", "target", "setting", "sentence"),
    [
        ("layers/dependencies", "build-DependenciesLayer", "ARCH=mips", "ARCH is arm64 or x86_64, not 'mips'"),
        ("layers/embedder", "build-EmbedderLayer", "ARCH=", "ARCH is arm64 or x86_64, not ''"),
        ("layers/dependencies", "build-DependenciesLayer", "LAYER_DEPS=some", "LAYER_DEPS is bundled or host, not 'some'"),
        ("shared", "build-BackendLayer", "LAYER_DEPS=some", "LAYER_DEPS is bundled or host, not 'some'"),
    ],
)
def test_a_layer_is_not_built_for_what_there_is_not(
    tmp_path: Path, folder: str, target: str, setting: str, sentence: str
) -> None:
    command = ["make", "-C", str(ROOT / folder), target, setting, f"ARTIFACTS_DIR={tmp_path}"]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_our_own_layer_leaves_out_fakes_and_bytecode(tmp_path: Path) -> None:
    command = ["make", "-C", str(ROOT / "shared"), "build-BackendLayer", "LAYER_DEPS=bundled", f"ARTIFACTS_DIR={tmp_path}"]

    subprocess.run(command, capture_output=True, check=True)

    names = {path.name for path in (tmp_path / "python" / "backend").rglob("*")}
    assert {"bootstrap.py", "openapi.json", "LICENSE"} <= names
    assert not {"fake.py", "__pycache__"} & names
