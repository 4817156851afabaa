"""Starting and ending an engine: one process for each folder, on a port of loopback."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infrastructure.engines.cache import EngineError

STOP_SECONDS = 30.0
POLL_SECONDS = 0.2

_children: dict[int, subprocess.Popen[bytes]] = {}
"""The engines that this process started, so that it can collect them when they end."""


@dataclass(frozen=True, slots=True)
class Running:
    """An engine that lives: where it listens, its process and the folder of all that it keeps."""

    pid: int
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Launch:
    """How an engine is started: its name for people, its command, which names the folder, and when it can be used."""

    name: str
    command: Sequence[str]
    is_ready: Callable[[int], bool]
    seconds: float


def running(folder: Path) -> Running | None:
    """Return the engine that was started on this folder and still lives."""
    try:
        said = json.loads((folder / "running.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    alive = Running(said["pid"], said["port"], folder)
    return alive if _is_ours(alive) else None


def launch(folder: Path, port: int, how: Launch) -> Running:
    """Start an engine on a resolved folder and wait until it can be used. Raises `EngineError` with the end of its output."""
    output = folder / "logs" / "output.log"
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("ab") as log:
        child = subprocess.Popen(
            how.command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    _children[child.pid] = child
    alive = Running(child.pid, port, folder)
    (folder / "running.json").write_text(json.dumps({"pid": alive.pid, "port": alive.port}))
    end = time.monotonic() + how.seconds
    # A port that somebody else answers on says nothing about a child that has ended already.
    while child.poll() is not None or not how.is_ready(port):
        if child.poll() is not None or time.monotonic() > end:
            child.kill()
            code = _children.pop(child.pid).wait()
            (folder / "running.json").unlink()
            tail = output.read_text(errors="replace")[-2000:]
            msg = f"{how.name} did not start (code {code}). The end of its output:\n{tail}"
            raise EngineError(msg)
        time.sleep(POLL_SECONDS)
    return alive


def stop(folder: Path, how: signal.Signals = signal.SIGTERM) -> bool:
    """End the engine of this folder and wait until it is gone; `False` when none ran. SIGKILL ends it as a crash does."""
    alive = running(folder.resolve())
    if alive is None:
        return False
    _end(alive, how)
    if _is_ours(alive):
        _end(alive, signal.SIGKILL)
    (alive.folder / "running.json").unlink(missing_ok=True)
    return True


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _end(alive: Running, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(alive.pid, how)
    end = time.monotonic() + STOP_SECONDS
    while _is_ours(alive) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    if not _is_ours(alive) and (child := _children.pop(alive.pid, None)):
        # Its command is gone a moment before the process is.
        child.wait()


def _is_ours(alive: Running) -> bool:
    """Tell whether the process is still the engine of this folder, and not another that was given its number."""
    try:
        arguments = Path(f"/proc/{alive.pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    folder = os.fsencode(alive.folder)
    return any(argument == folder or argument.startswith(folder + b"/") for argument in arguments)
