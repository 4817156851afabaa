import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from infrastructure.local.stack import Stack

APP = Path(__file__).parent / "app"
_TRIES = 600


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, with a copy of the small application deployed to it."""
    folder = tmp_path_factory.mktemp("local")
    shutil.copytree(APP, folder / "app", ignore=shutil.ignore_patterns("__pycache__"))
    stack = Stack(state=folder / "state", name="probe", template=folder / "app" / "template.yaml").with_free_ports()
    try:
        stack.start()
        stack.deploy()
        yield stack
    finally:
        stack.kill()
        shutil.rmtree(folder)


@pytest.fixture
def api(stack: Stack) -> Iterator[httpx.Client]:
    """A client of the pretty address that reads none of the host's proxy settings."""
    with httpx.Client(base_url=stack.url, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="session")
def eventually() -> Callable[[Callable[[], Any]], Any]:
    """Returns what a question answers as soon as that is true; fails after 30 s."""

    def ask(question: Callable[[], Any]) -> Any:
        pause = threading.Event()
        for _ in range(_TRIES):
            if answer := question():
                return answer
            pause.wait(0.05)
        message = "it never came true"
        raise AssertionError(message)

    return ask
