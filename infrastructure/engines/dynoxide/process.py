"""Starting and ending the engine."""

from __future__ import annotations

import http.client
from pathlib import Path

from infrastructure.engines.dynoxide.build import program
from infrastructure.engines.process import Launch, Running, free_port, launch, running, stop

__all__ = ["Running", "running", "start", "stop"]

START_SECONDS = 30.0


def start(folder: Path, port: int = 0) -> Running:
    """Start an engine on this folder, on a free port of loopback unless one is given, and wait until it can be used.

    One that runs there already is returned as it is. Raises `EngineError`.
    """
    folder = folder.resolve()
    if alive := running(folder):
        return alive
    folder.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    command = [
        *(str(program()), "serve", "--log", "quiet", "--host", "127.0.0.1", "--port", str(port)),
        *("--db-path", str(folder / "dynamodb.db")),
    ]
    return launch(folder, port, Launch("Dynoxide", command, _is_ready, START_SECONDS))


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/")
        return connection.getresponse().read().startswith(b"healthy: dynamodb")
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
