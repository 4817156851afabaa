"""What a cold start pays for: the modules that each function loads before its first call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

from backend.kit.config import Settings
from infrastructure.template import ours

ROOT = Path(__file__).resolve().parents[3]
HTTP_FRAMEWORK = {"fastapi", "mangum", "starlette"}
MODELS_AND_INDEX = {"numpy", "onnxruntime", "tokenizers", "apsw"}
TOKENS = {"joserfc", "cryptography"}
AWS_CLIENTS = {"boto3", "botocore", "pynamodb", "opensearchpy", "aws_xray_sdk"}
PROGRAM = """
import importlib, json, sys
loaded = {}
for module in sys.argv[1:]:
    known = set(sys.modules)
    importlib.import_module(module)
    loaded[module] = sorted({name.partition(".")[0] for name in set(sys.modules) - known})
print(json.dumps(loaded))
"""
"""Prints what each module brings beyond those before it. Nothing of the settings is there: whoever reads them fails."""

HTTP = {each.name: each.handler.rpartition(".")[0] for each in ours() if each.routes}
TASKS = {each.name: each.handler.rpartition(".")[0] for each in ours() if not each.routes}
FOLLOWER = "ProjectChanges"
"""Follows the stream; it may be slow to begin."""


@cache
def brought_by(*modules: str) -> dict[str, frozenset[str]]:
    """Return the top-level modules that each of these brings into a fresh Python that imports one after the other.

    What none of them brings, none would load alone either; what one brings may be loaded by a later one too.
    """
    settings = set(Settings.__dataclass_fields__)
    environment = {name: value for name, value in os.environ.items() if name.lower() not in settings}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *modules],
        env={**environment, "PYTHONPATH": os.pathsep.join(["functions", "shared"])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return {module: frozenset(names) for module, names in json.loads(done.stdout).items()}


def first_with(functions: dict[str, str], unwanted: set[str]) -> dict[str, set[str]]:
    """Return the functions that bring something unwanted, with what: of several that do, the first."""
    brought = brought_by(*functions.values())
    return {name: set(brought[module] & unwanted) for name, module in functions.items() if brought[module] & unwanted}


def test_no_function_loads_a_model_an_index_or_a_token_library_before_it_is_needed() -> None:
    assert first_with(HTTP, MODELS_AND_INDEX | {"joserfc"}) == {}
    assert first_with(TASKS, MODELS_AND_INDEX | {"joserfc"}) == {}


def test_an_http_function_loads_no_client_of_aws_and_no_cryptography_before_the_first_request() -> None:
    assert first_with(HTTP, AWS_CLIENTS | TOKENS) == {}


def test_a_function_without_a_route_never_loads_the_http_framework() -> None:
    assert first_with(TASKS, HTTP_FRAMEWORK) == {}


def test_who_follows_the_stream_loads_the_table_and_nobody_else_without_a_route_does() -> None:
    others = {name: module for name, module in TASKS.items() if name != FOLLOWER}

    assert first_with(others, AWS_CLIENTS) == {}
    assert first_with({FOLLOWER: TASKS[FOLLOWER]}, AWS_CLIENTS)


def test_the_measure_sees_what_is_loaded() -> None:
    assert len(HTTP) + len(TASKS) == len(ours())
    first, *_ = brought_by(*HTTP.values()).values()
    assert first >= HTTP_FRAMEWORK | {"backend"}
    assert set(brought_by(*HTTP.values())) == set(HTTP.values())
    assert set(brought_by(*TASKS.values())) == set(TASKS.values())
