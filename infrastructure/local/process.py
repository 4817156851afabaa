"""Starting, finding and ending the emulator's process.

The emulator holds an exclusive lock on `<state>/lock` while it lives and writes its pid and ports into that file. The kernel lets
go of the lock however the process ends, so a lock that cannot be taken means: it runs.
"""

from __future__ import annotations

import contextlib
import fcntl
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from infrastructure.local import ports, state
from infrastructure.local.errors import AlreadyRunningError, LocalStackError, NotRunningError

if TYPE_CHECKING:
    from infrastructure.local.stack import Stack

START_SECONDS = 60.0
STOP_SECONDS = 30.0
_POLL_SECONDS = 0.05
_LOG_BYTES = 10 * 1024 * 1024
_HOLD_SECONDS = 2.0

_children: dict[int, subprocess.Popen[bytes]] = {}
"""The emulators that this process started, so that it can collect them when they end."""


@dataclass(frozen=True, slots=True)
class Running:
    """An emulator that lives."""

    pid: int
    port: int
    api_port: int


def running(directory: Path) -> Running | None:
    """Return the emulator that holds the lock of a state directory."""
    try:
        with (directory / "lock").open("r+b") as lock:
            if _take(lock.fileno()):
                return None
            return _read_holder(lock.read())
    except (FileNotFoundError, NotADirectoryError):
        return None


def hold(directory: Path, me: Running) -> int:
    """Take the lock for the life of this process; return its descriptor. Raises `AlreadyRunningError`."""
    descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    # Someone who asks whether an emulator runs has the lock for an instant.
    if not any(_take(descriptor) for _ in _until(_HOLD_SECONDS)):
        message = f"an emulator runs on {directory} already"
        raise AlreadyRunningError(message)
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": me.pid, "port": me.port, "api_port": me.api_port}).encode(), 0)
    return descriptor


def start(stack: Stack) -> bool:
    """Start the emulator, detached, and wait until it answers. `False` when it ran already."""
    alive = running(stack.directory)
    if alive:
        if (alive.port, alive.api_port) != (stack.port, stack.api_port):
            message = (
                f"An emulator runs on {stack.directory} already (pid {alive.pid}), "
                f"on the ports {alive.port} and {alive.api_port}. Use those, or choose another --state."
            )
            raise AlreadyRunningError(message)
        return False
    state.prepare(stack.directory)
    ports.check_free(stack.port, "--port", "MEMORYSYNC_LOCAL_PORT")
    ports.check_free(stack.api_port, "--api-port", "MEMORYSYNC_LOCAL_API_PORT")
    with _fresh_log(stack.log) as log:
        child = subprocess.Popen(
            stack.arguments(),
            cwd=Path(__file__).resolve().parents[2],
            env=stack.environment(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    for _ in _until(START_SECONDS):
        if child.poll() is not None:
            message = (
                f"The emulator ended with code {child.returncode} while starting. The end of {stack.log}:\n{tail(stack.log, 15)}"
            )
            raise LocalStackError(message)
        if answers(stack):
            return True
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    message = f"The emulator did not answer within {START_SECONDS:.0f} s. The end of {stack.log}:\n{tail(stack.log, 15)}"
    raise LocalStackError(message)


def stop(stack: Stack) -> bool:
    """End the emulator with SIGTERM, after which it saves its state; with SIGKILL when that takes too long."""
    alive = running(stack.directory)
    if not alive:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(alive.pid, signal.SIGTERM)
    for _ in _until(STOP_SECONDS):
        if not running(stack.directory):
            break
    _kill_group(alive.pid)
    _wait_until_gone(stack, alive.pid)
    return True


def kill(stack: Stack) -> bool:
    """End the emulator and its workers with SIGKILL, as a crash or the kernel would."""
    alive = running(stack.directory)
    if not alive:
        return False
    _kill_group(alive.pid)
    _wait_until_gone(stack, alive.pid)
    return True


def reset(stack: Stack) -> None:
    """Stop, and remove the state directory. Raises `StateError` when it holds anything that is not ours."""
    stop(stack)
    if stack.directory.exists():
        state.check_ours(stack.directory)
        shutil.rmtree(stack.directory)


def answers(stack: Stack) -> bool:
    """Return whether the launcher of this very state answers on the emulator's port."""
    try:
        status, body = request(stack, "GET", "/_local/status")
    except NotRunningError:
        return False
    return status == http.client.OK and json.loads(body).get("state") == str(stack.directory)


def request(stack: Stack, method: str, path: str, timeout: float = 120) -> tuple[int, bytes]:
    """Send a request to the emulator's port; return status and body. Raises `NotRunningError`."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=timeout)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        message = f"No emulator answers on port {stack.port}. Start it with `python -m infrastructure.local up`."
        raise NotRunningError(message) from error
    finally:
        connection.close()


def tail(path: Path, lines: int) -> str:
    """Return the last lines of a file; empty when there is none."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(content: bytes) -> Running | None:
    """Read who holds the lock; `None` in the instant between its taking and its writing."""
    try:
        return Running(**json.loads(content))
    except ValueError:
        return None


def _until(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(_POLL_SECONDS)


def _kill_group(pid: int) -> None:
    """Kill the emulator's process group: it is a session of its own, so its group has its pid, and its workers are in it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _wait_until_gone(stack: Stack, pid: int) -> None:
    if child := _children.pop(pid, None):
        child.wait()
    for _ in _until(STOP_SECONDS):
        if not running(stack.directory):
            return
    message = f"Process {pid} does not end."
    raise LocalStackError(message)


@contextlib.contextmanager
def _fresh_log(path: Path) -> Iterator[int]:
    """Open the log for appending; a long one is put aside as `.1` first."""
    if path.exists() and path.stat().st_size > _LOG_BYTES:
        path.replace(path.with_name(f"{path.name}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
