"""What a cold start pays for: the modules that each function loads before its first call."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from backend.kit.config import Settings
from infrastructure.template import Function, functions, load

ROOT = Path(__file__).resolve().parents[3]
HTTP_FRAMEWORK = {"fastapi", "mangum", "starlette"}
MODELS_AND_INDEX = {"numpy", "onnxruntime", "tokenizers", "apsw"}
TOKENS = {"joserfc", "cryptography"}
AWS_CLIENTS = {"boto3", "botocore", "pynamodb", "opensearchpy", "aws_xray_sdk"}
# Prints the modules that are there afterwards. Nothing of the settings is: whoever reads them while importing fails.
PROGRAM = "import importlib, json, sys; importlib.import_module(sys.argv[1]); print(json.dumps(sorted(sys.modules)))"

ALL = functions(load())
each_function = pytest.mark.parametrize("function", ALL, ids=lambda each: each.name)
each_http_function = pytest.mark.parametrize("function", [each for each in ALL if each.routes], ids=lambda each: each.name)
each_task = pytest.mark.parametrize("function", [each for each in ALL if not each.routes], ids=lambda each: each.name)


@cache
def loaded_by(module: str) -> frozenset[str]:
    """Return the top-level modules that a fresh Python holds once it has imported this one."""
    settings = set(Settings.__dataclass_fields__)
    environment = {name: value for name, value in os.environ.items() if name.lower() not in settings}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, module],
        env={**environment, "PYTHONPATH": os.pathsep.join(["functions", "shared"])},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return frozenset(name.partition(".")[0] for name in json.loads(done.stdout))


def modules_of(function: Function) -> frozenset[str]:
    return loaded_by(function.handler.rpartition(".")[0])


@each_function
def test_no_function_loads_a_model_an_index_or_a_token_library_before_it_is_needed(function: Function) -> None:
    assert modules_of(function) & (MODELS_AND_INDEX | {"joserfc"}) == set()


@each_http_function
def test_an_http_function_loads_no_client_of_aws_and_no_cryptography_before_the_first_request(function: Function) -> None:
    assert modules_of(function) & (AWS_CLIENTS | TOKENS) == set()


@each_task
def test_a_function_without_a_route_never_loads_the_http_framework(function: Function) -> None:
    assert modules_of(function) & HTTP_FRAMEWORK == set()


@each_http_function
def test_the_measure_sees_what_is_loaded(function: Function) -> None:
    assert modules_of(function) >= HTTP_FRAMEWORK | {"backend"}


def test_who_follows_the_stream_loads_the_table_and_nobody_else_without_a_route_does() -> None:
    heavy = {function.name for function in ALL if modules_of(function) & AWS_CLIENTS}

    assert heavy == {"ProjectChanges"}
