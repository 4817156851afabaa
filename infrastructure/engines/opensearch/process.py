"""Starting and ending the engine."""

from __future__ import annotations

import http.client
import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from infrastructure.engines.cache import EngineError
from infrastructure.engines.opensearch.build import home

START_SECONDS = 180.0
STOP_SECONDS = 30.0
HEAP = "512m"
_POLL_SECONDS = 0.2
_FLAGS = (
    f"-Xms{HEAP}",
    f"-Xmx{HEAP}",
    "-XX:+UseSerialGC",  # one small heap on few cores
    "-XX:TieredStopAtLevel=1",  # starts in half the time; MEMORYSYNC_OPENSEARCH_JAVA can say otherwise, as benchmarks should
    "-Dlog4j.shutdownHookEnabled=false",
    "-Dlog4j2.disable.jmx=true",
    "-Dio.netty.noUnsafe=true",
    "-Dio.netty.noKeySetOptimization=true",
    "-Dio.netty.recycler.maxCapacityPerThread=0",
)
_SETTINGS = """\
cluster.name: memorysync-engine
node.name: memorysync-engine
network.host: 127.0.0.1
http.port: {port}
transport.port: 0
discovery.type: single-node
action.auto_create_index: false
bootstrap.memory_lock: false
cluster.routing.allocation.disk.threshold_enabled: false
"""


_children: dict[int, subprocess.Popen[bytes]] = {}
"""The engines that this process started, so that it can collect them when they end."""


@dataclass(frozen=True, slots=True)
class Running:
    """An engine that lives: where it listens, its process and its folder of data, logs and configuration."""

    pid: int
    port: int
    folder: Path

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


def running(folder: Path) -> Running | None:
    """Return the engine that was started on this folder and still lives."""
    try:
        said = json.loads((folder / "running.json").read_text())
    except (FileNotFoundError, ValueError):
        return None
    alive = Running(said["pid"], said["port"], folder)
    return alive if _is_ours(alive) else None


def start(folder: Path, port: int = 0) -> Running:
    """Start an engine on this folder, on a free port of loopback unless one is given, and wait until it can be used.

    One that runs there already is returned as it is. Raises `EngineError`.
    """
    folder = folder.resolve()
    if alive := running(folder):
        return alive
    engine = home()
    port = port or _free_port()
    for name in ("data", "logs", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copytree(engine / "config", folder / "config", dirs_exist_ok=True)
    (folder / "config" / "opensearch.yml").write_text(_SETTINGS.format(port=port))
    extra = shlex.split(os.environ.get("MEMORYSYNC_OPENSEARCH_JAVA", ""))
    classes = f"{engine / 'lib'}:{engine / 'lib' / '*'}"
    command = ["java", *_FLAGS, *extra, f"-Djava.io.tmpdir={folder / 'tmp'}", "-cp", classes, "Engine", str(engine), str(folder)]
    with (folder / "logs" / "output.log").open("ab") as log:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
    _children[child.pid] = child
    alive = Running(child.pid, port, folder)
    (folder / "running.json").write_text(json.dumps({"pid": alive.pid, "port": alive.port}))
    end = time.monotonic() + START_SECONDS
    while not _is_ready(alive):
        if child.poll() is not None or time.monotonic() > end:
            child.kill()
            code = _children.pop(child.pid).wait()
            tail = (folder / "logs" / "output.log").read_text(errors="replace")[-2000:]
            msg = f"OpenSearch did not start (code {code}). The end of its output:\n{tail}"
            raise EngineError(msg)
        time.sleep(_POLL_SECONDS)
    return alive


def stop(folder: Path) -> bool:
    """End the engine of this folder and wait until it is gone; `False` when none ran."""
    alive = running(folder.resolve())
    if alive is None:
        return False
    _end(alive, signal.SIGTERM)
    if _is_ours(alive):
        _end(alive, signal.SIGKILL)
    (alive.folder / "running.json").unlink(missing_ok=True)
    return True


def _end(alive: Running, how: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(alive.pid, how)
    end = time.monotonic() + STOP_SECONDS
    child = _children.get(alive.pid)
    while time.monotonic() < end:
        if child is not None and child.poll() is not None:
            del _children[alive.pid]
            return
        if not _is_ours(alive):
            return
        time.sleep(_POLL_SECONDS)


def _is_ours(alive: Running) -> bool:
    """Tell whether the process is still the engine of this folder, and not another that was given its number."""
    try:
        command = Path(f"/proc/{alive.pid}/cmdline").read_bytes()
    except OSError:
        return False
    return command.rstrip(b"\0").endswith(str(alive.folder).encode())


def _is_ready(alive: Running) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", alive.port, timeout=5)
    try:
        connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
