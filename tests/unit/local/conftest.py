import io
import subprocess
import zipfile
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from ministack.core import lambda_runtime

from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]


@pytest.fixture
def patcher() -> Iterator[Patcher]:
    """Puts the emulator back after each test, so that the next one meets it as it came."""
    with Patcher() as patcher:
        yield patcher


@pytest.fixture
def function() -> Iterator[Callable[..., Json]]:
    """Makes functions that run in the emulator's workers; the workers end with the test, and their pipes are closed."""
    started: list[subprocess.Popen[str]] = []
    stock = lambda_runtime.Worker._spawn

    def spawn(worker: Any) -> None:
        stock(worker)
        started.append(worker._proc)

    def make(name: str, source: str, **config: Any) -> Json:
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as archive:
            archive.writestr("work/handlers.py", source)
        settings = {
            "FunctionName": name,
            "FunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
            "Handler": "work.handlers.handler",
            "Runtime": "python3.13",
            "Timeout": 10,
            **config,
        }
        return {"config": settings, "code_zip": content.getvalue()}

    with Patcher() as patcher:
        patcher.attribute(lambda_runtime.Worker, "_spawn", spawn)
        yield make
        lambda_runtime.reset()
    for process in started:
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            assert pipe is not None
            pipe.close()
