import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from infrastructure.local.forks import ForkedProcess, ForkServer
from infrastructure.local.patches import forked_workers
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]
SECONDS = 20.0
"""Long enough for a process of this machine to end."""
ECHO = """
import os, sys
for line in sys.stdin:
    print(line.strip(), os.environ.get("COLOUR"), os.getcwd(), sys.argv, sys.path[0], __name__, flush=True)
"""
LISTS = """
import json, os, sys
modules = {name.partition(".")[0] for name in sys.modules}
print(json.dumps([sorted(modules), sorted(os.environ), len(os.listdir("/proc/self/fd"))]))
"""
LOADS = """
import importlib, os, sys
from infrastructure.local.fork_server import LIBRARIES
for library in LIBRARIES:
    importlib.import_module(library)
print(len(os.listdir("/proc/self/task")), *{"backend", "api", "onnxruntime"} & set(sys.modules))
"""
KNOWS = "import sys\nfound = 'fastapi' in sys.modules\ndef handler(event, context):\n    return found\n"


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    started = ForkServer()
    yield started
    started.stop()


@pytest.fixture
def worker(server: ForkServer, tmp_path: Path) -> Iterator[Callable[..., ForkedProcess]]:
    made: list[ForkedProcess] = []
    numbers = count()

    def make(source: str, **environment: str) -> ForkedProcess:
        script = tmp_path / f"script_{next(numbers)}.py"
        script.write_text(source)
        made.append(server.worker(str(script), str(tmp_path), environment))
        return made[-1]

    yield make
    for process in made:
        process.kill()
        process.wait(SECONDS)
        for pipe in (process.stdin, process.stdout, process.stderr):
            pipe.close()


def said(process: ForkedProcess) -> str:
    """Return all that a process wrote until its end."""
    process.stdin.close()
    return process.stdout.read()


def test_a_worker_runs_its_script_where_and_with_what_it_was_asked(worker: Callable[..., ForkedProcess], tmp_path: Path) -> None:
    process = worker(ECHO, COLOUR="blue")

    process.stdin.write("héllo\n")

    assert process.stdout.readline() == f"héllo blue {tmp_path} ['{tmp_path}/script_0.py'] {tmp_path} __main__\n"
    assert process.poll() is None


def test_a_worker_has_the_libraries_and_nothing_else_of_who_forked_it(worker: Callable[..., ForkedProcess]) -> None:
    worker(ECHO)

    modules, environment, descriptors = json.loads(said(worker(LISTS, COLOUR="blue")))

    assert {"boto3", "fastapi", "numpy", "pynamodb"} <= set(modules)
    assert not {"infrastructure", "backend", "ministack", "api"} & set(modules)
    assert set(environment) - {"LC_CTYPE"} == {"COLOUR"}
    # Its three pipes, and the folder that it is listing.
    assert descriptors == 4


def test_a_worker_that_ends_is_seen_to_have_ended(worker: Callable[..., ForkedProcess]) -> None:
    raising, ended, killed, left = (worker(source) for source in ("raise ValueError('no')", ECHO, ECHO, ECHO))

    raising.wait(SECONDS)
    assert raising.stderr.read().endswith("ValueError: no\n")
    ended.terminate()
    killed.kill()
    left.stdin.close()
    for process in (ended, killed, left):
        process.wait(SECONDS)
        assert process.poll() is not None
        process.terminate()


def test_waiting_for_one_that_lives_ends_in_time(worker: Callable[..., ForkedProcess]) -> None:
    process = worker(ECHO)

    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(0)


def test_many_ask_at_once_and_each_gets_its_own(worker: Callable[..., ForkedProcess]) -> None:
    answers: dict[int, str] = {}

    def ask(number: int) -> None:
        process = worker(ECHO, COLOUR=str(number))
        process.stdin.write(f"{number}\n")
        answers[number] = process.stdout.readline()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert {number: answer.split()[:2] for number, answer in answers.items()} == {n: [str(n), str(n)] for n in range(8)}


def test_a_fork_server_that_died_is_started_again_and_its_workers_live_on(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(ECHO)
    server = ForkServer()
    first = server.worker(str(script), str(tmp_path), {})
    os.kill(parent_of(first.pid), signal.SIGKILL)

    processes = [first, server.worker(str(script), str(tmp_path), {})]
    for process in processes:
        process.stdin.write("well\n")
        assert process.stdout.readline().startswith("well")

    server.stop()
    for process in processes:
        assert said(process) == ""
        process.wait(SECONDS)
        process.stdout.close()
        process.stderr.close()


def test_a_fork_server_that_cannot_start_is_told_and_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    server = ForkServer()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "boto3.py").write_text("raise SystemExit(1)\n")
    before = len(list(Path("/proc/self/fd").iterdir()))

    with pytest.raises(ConnectionError, match="fork server ends"):
        server.worker(str(tmp_path / "script.py"), str(tmp_path), {})

    assert len(list(Path("/proc/self/fd").iterdir())) == before


def parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def test_the_libraries_start_no_thread_and_hold_nothing_of_ours() -> None:
    found = subprocess.run(
        [sys.executable, "-c", LOADS],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )

    assert found.stdout == "1\n"


def test_a_function_starts_with_the_libraries_there_only_when_it_is_forked(
    patcher: Patcher, function: Callable[..., Json]
) -> None:
    def knows(name: str) -> object:
        return lambda_svc._execute_function_warm(function(name, KNOWS), {}, "r1")["body"]

    assert knows("stock") is False
    forked_workers.apply(patcher)
    assert knows("forked") is True
    lambda_runtime.reset()
    assert knows("forked") is True


def test_what_is_no_python_worker_is_started_as_ever(patcher: Patcher) -> None:
    forked_workers.apply(patcher)

    with lambda_runtime.subprocess.Popen(["true"]) as process:
        assert process.wait() == 0
    assert isinstance(process, subprocess.Popen)
    assert lambda_runtime.subprocess.PIPE is subprocess.PIPE


def forbidden(pid: int) -> int:
    raise PermissionError(pid)


@pytest.mark.parametrize("how", ["has no such call", "forbids it"])
def test_a_system_that_cannot_watch_strangers_gets_workers_as_ever(
    patcher: Patcher, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    if how == "forbids it":
        monkeypatch.setattr(os, "pidfd_open", forbidden)
    else:
        monkeypatch.delattr(os, "pidfd_open")

    forked_workers.apply(patcher)

    assert lambda_runtime.subprocess is subprocess
