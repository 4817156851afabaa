"""Starting and ending the engine."""

from __future__ import annotations

import http.client
import os
import shlex
import shutil
from pathlib import Path

from infrastructure.engines.opensearch.build import home
from infrastructure.engines.process import Launch, Running, free_port, launch, running, stop

__all__ = ["Running", "running", "start", "stop"]

START_SECONDS = 180.0
HEAP = "512m"
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


def start(folder: Path, port: int = 0) -> Running:
    """Start an engine on this folder, on a free port of loopback unless one is given, and wait until it can be used.

    One that runs there already is returned as it is. Raises `EngineError`.
    """
    folder = folder.resolve()
    if alive := running(folder):
        return alive
    engine = home()
    port = port or free_port()
    for name in ("data", "logs", "tmp"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copytree(engine / "config", folder / "config", dirs_exist_ok=True)
    (folder / "config" / "opensearch.yml").write_text(_SETTINGS.format(port=port))
    extra = shlex.split(os.environ.get("MEMORYSYNC_OPENSEARCH_JAVA", ""))
    classes = f"{engine / 'lib'}:{engine / 'lib' / '*'}"
    command = ["java", *_FLAGS, *extra, f"-Djava.io.tmpdir={folder / 'tmp'}", "-cp", classes, "Engine", str(engine), str(folder)]
    return launch(folder, port, Launch("OpenSearch", command, _is_ready, START_SECONDS))


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_cluster/health?wait_for_status=yellow&timeout=1s")
        return connection.getresponse().status == http.client.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
