import argparse
import asyncio
import gc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack import app as emulator

from infrastructure.local import launcher
from infrastructure.local.durability import Saver
from infrastructure.local.patches.patcher import Patcher
from infrastructure.local.rights import UsedRights


@pytest.fixture
def collector() -> Iterator[None]:
    """Puts the collector back as the tests have set it."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def start(tmp_path: Path) -> list[str]:
    """Let a launcher start; return what it told the server."""
    told: list[str] = []

    async def send(message: dict[str, Any]) -> None:
        told.append(message["type"])

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    arguments = argparse.Namespace(stack="memorysync", api_port=0, state=tmp_path)
    asyncio.run(launcher.Launcher(arguments, Saver(tmp_path), UsedRights())({"type": "lifespan"}, receive, send))
    return told


@pytest.mark.usefixtures("collector")
def test_what_is_loaded_is_never_searched_for_garbage(tmp_path: Path, patcher: Patcher) -> None:
    loaded: list[dict[str, Any]] = []

    async def load(_scope: Any, _receive: Any, send: Any) -> None:
        loaded.append({"item": loaded})
        await send({"type": "lifespan.startup.complete"})

    patcher.attribute(emulator, "app", load)
    assert start(tmp_path) == ["lifespan.startup.complete"]

    assert not any(each is loaded[0] for each in gc.get_objects())
    assert gc.get_threshold() == launcher.COLLECT_AFTER
