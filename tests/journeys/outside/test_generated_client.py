"""A client that a well-known generator makes of the contract works, with types, against the deployed stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.local.stack import Stack
from tests.journeys.conftest import User
from tests.journeys.outside.contract_run import TOOLS

PACKAGE = "memorysync_client"
PROGRAM = Path(__file__).with_name("client_program.py")


def run(*command: str | Path, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    """Run a program that finds the outside tools and nothing of ours."""
    environment = {"PATH": f"{TOOLS}{os.pathsep}{os.defpath}", "HOME": str(cwd), "LC_ALL": "C.UTF-8", "NO_PROXY": "*", **more}
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def generated(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the package that the generator made of the served contract; a warning of it fails the test."""
    assert (TOOLS / "openapi-python-client").exists(), "Run `make .venv-tools/.ready`."
    folder = tmp_path_factory.mktemp("client")
    contract = folder / "openapi.json"
    contract.write_bytes(httpx.get(f"{stack.url}/openapi.json").raise_for_status().content)
    made = run(
        TOOLS / "openapi-python-client",
        "generate",
        f"--path={contract}",
        "--meta=none",
        f"--output-path={folder / PACKAGE}",
        "--fail-on-warning",
        cwd=folder,
    )
    assert (made.returncode, made.stderr) == (0, ""), made.stdout + made.stderr
    return folder


@pytest.fixture(scope="module")
def said(generated: Path, new_user: Callable[..., User]) -> dict[str, Any]:
    """What the program on that client saw."""
    user = new_user(project_id="main")
    done = run(
        TOOLS / "python",
        "-W",
        "error",
        PROGRAM,
        cwd=generated,
        PYTHONPATH=str(generated),
        MEMORYSYNC_BASE_URL=user.stack.url,
        MEMORYSYNC_API_KEY=user.api_key,
    )
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def types_of(program: Path, generated: Path) -> subprocess.CompletedProcess[str]:
    """Check the types of a program strictly; of the generated package only what it promises counts, not how it is written."""
    return run(
        Path(sys.executable).with_name("mypy"),
        "--strict",
        "--follow-imports=silent",
        "--config-file=",
        f"--python-executable={TOOLS / 'python'}",
        f"--cache-dir={generated / 'mypy'}",
        program,
        cwd=generated,
        MYPYPATH=str(generated),
    )


def test_a_program_on_the_generated_client_passes_a_strict_check_of_types(generated: Path) -> None:
    checked = types_of(PROGRAM, generated)

    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_wrong_type_would_be_seen_by_that_check(generated: Path) -> None:
    wrong = generated / "wrong.py"
    wrong.write_text(f"from {PACKAGE}.models import MemoryAdd\n\nbody = MemoryAdd(text=5)\n")

    assert 'has incompatible type "int"' in types_of(wrong, generated).stdout


def test_every_operation_has_a_function_and_every_answer_a_class(generated: Path) -> None:
    document = json.loads((generated / "openapi.json").read_text())
    named = {each["operationId"] for operations in document["paths"].values() for each in operations.values()}
    functions = {path.stem for path in (generated / PACKAGE / "api").glob("*/*.py")} - {"__init__"}
    models = (generated / PACKAGE / "models" / "__init__.py").read_text()

    assert functions == named
    assert {name for name in document["components"]["schemas"] if f'"{name}"' not in models} == set()


def test_what_is_added_is_listed_page_by_page(said: dict[str, Any]) -> None:
    assert said["listed"] == said["added"][::-1]
    assert said["pages"] == 2


def test_what_is_found_can_be_read_forgotten_and_is_gone(said: dict[str, Any]) -> None:
    memory_id, text, score = said["best"]

    assert memory_id == said["added"][0]
    assert score > 0
    assert said["read"] == [text, ["home"], {"native": {"id": ["A-1", 1, None]}}, True]
    assert said["forgotten"] == [memory_id, "soft_deleted"]
    assert said["gone"] == [404, "memory-not-found"]


def test_a_bad_call_is_answered_with_a_typed_problem(said: dict[str, Any]) -> None:
    assert said["problem"] == [422, "validation-failed", ["/k"]]


def test_the_status_routes_have_types_too(said: dict[str, Any]) -> None:
    assert said["status"] == ["Health", "Version"]
