import queue
import threading
from collections.abc import Callable
from typing import Any

import pytest
from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from infrastructure.local.patches import function_errors, function_logs, worker_ceiling
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]
Make = Callable[..., Json]

RAISES = """
import os
class TooEarlyError(Exception):
    pass
def handler(event, context):
    if event.get("raise"):
        raise TooEarlyError("not yet")
    return os.getpid()
"""
SPEAKS = """
import sys
def handler(event, context):
    for number in range(event.get("lines", 0)):
        print("line", number)
    if "tail" in event:
        sys.stderr.write(event["tail"])
    return "done"
"""


def execute(function: Json, event: Any, request_id: str = "r1") -> Json:
    result: Json = lambda_svc._execute_function_warm(function, event, request_id)
    return result


def test_the_stock_emulator_hides_the_class_of_an_exception_and_ends_the_worker(function: Make) -> None:
    made = function("raises-stock", RAISES)
    first = execute(made, {})["body"]

    assert execute(made, {"raise": True})["body"]["errorType"] == "Runtime.HandlerError"
    assert execute(made, {})["body"] != first


def test_the_error_type_is_the_class_and_the_worker_lives_on(patcher: Patcher, function: Make) -> None:
    function_errors.apply(patcher)
    made = function("raises-patched", RAISES)
    first = execute(made, {})["body"]

    result = execute(made, {"raise": True}, "r2")

    assert result["error"]
    assert {name: result["body"][name] for name in ("errorType", "errorMessage", "requestId")} == {
        "errorType": "TooEarlyError",
        "errorMessage": "not yet",
        "requestId": "r2",
    }
    assert any("handlers.py" in line for line in result["body"]["stackTrace"])
    assert "TooEarlyError: not yet" in result["log"]
    assert execute(made, {})["body"] == first


def test_an_answer_that_is_no_json_is_an_error_too(patcher: Patcher, function: Make) -> None:
    function_errors.apply(patcher)
    made = function("unserialisable", "def handler(event, context):\n    return {1, 2}\n")

    assert execute(made, {})["body"]["errorType"] == "TypeError"


def test_a_function_that_ends_its_process_fails_and_the_next_call_works(patcher: Patcher, function: Make) -> None:
    function_errors.apply(patcher)
    source = "import os\ndef handler(event, context):\n    if event.get('end'):\n        os._exit(3)\n    return 'fine'\n"
    made = function("ending", source)

    assert execute(made, {"end": True})["error"]
    assert execute(made, {})["body"] == "fine"


class CountingQueue(queue.Queue[str]):
    """Counts how often the reader found nothing and had to wait on."""

    def __init__(self) -> None:
        super().__init__()
        self.misses = 0

    def get_nowait(self) -> str:
        try:
            return super().get_nowait()
        except queue.Empty:
            self.misses += 1
            raise


class Silent:
    """A worker whose function logged nothing."""

    def __init__(self) -> None:
        self.config = {"Runtime": "python3.13"}
        self._stderr_queue = CountingQueue()


def test_the_stock_emulator_waits_for_lines_that_never_come() -> None:
    worker = Silent()

    lambda_runtime.Worker._drain_stderr_bounded(worker)

    assert worker._stderr_queue.misses > 5


def test_the_wait_for_log_lines_ends_at_the_mark() -> None:
    lines: queue.Queue[str] = queue.Queue()
    for line in ("one", "", "two" + function_logs.MARK + "r1", "of the next call"):
        lines.put(line)

    # Forty years: only the mark can end this.
    assert function_logs.read_until(lines, function_logs.MARK + "r1", 1e9) == "one\n\ntwo"
    assert lines.get_nowait() == "of the next call"


def test_a_late_mark_of_an_earlier_call_does_not_end_the_wait() -> None:
    lines: queue.Queue[str] = queue.Queue()
    for line in (function_logs.MARK + "r1", "mine", function_logs.MARK + "r2"):
        lines.put(line)

    assert function_logs.read_until(lines, function_logs.MARK + "r2", 1e9) == "mine"


def test_without_a_mark_the_wait_is_bounded() -> None:
    lines: queue.Queue[str] = queue.Queue()
    lines.put("last words")

    assert function_logs.read_until(lines, function_logs.MARK + "r1", 0.01) == "last words"


@pytest.mark.parametrize("event", [{}, {"lines": 300}, {"lines": 1, "tail": "no line end"}])
def test_a_worker_marks_the_end_of_each_calls_log(patcher: Patcher, function: Make, event: Json) -> None:
    function_logs.apply(patcher)
    patcher.attribute(function_logs, "PATIENCE_SECONDS", 1e9)
    made = function("speaks", SPEAKS)
    expected = [f"line {number}" for number in range(event.get("lines", 0))] + ([event["tail"]] if "tail" in event else [])

    for request_id in ("r1", "r2"):
        result = execute(made, event, request_id)
        assert result["body"] == "done"
        assert result["log"].split("\n") == (expected or [""])


def test_log_lines_also_go_to_the_emulators_log(patcher: Patcher, function: Make, capsys: pytest.CaptureFixture[str]) -> None:
    function_logs.apply(patcher)

    lambda_svc._execute_function(function("heard", SPEAKS), {"lines": 2})

    assert capsys.readouterr().out == "[heard] line 0\n[heard] line 1\n"


def test_only_the_newest_calls_stay_in_memory(patcher: Patcher, function: Make) -> None:
    group = "/aws/lambda/forgetting"
    made = function("forgetting", SPEAKS)
    patcher.attribute(function_logs, "CALLS_KEPT", 2)

    def call() -> int:
        lambda_svc._emit_lambda_logs(made, "r1", "a line", error=False, duration_ms=1)
        return len(cloudwatch_logs._log_groups[group]["streams"])

    assert [call() for _ in range(4)] == [1, 2, 3, 4]
    function_logs.apply(patcher)
    assert [call() for _ in range(2)] == [2, 2]
    cloudwatch_logs._log_groups.pop(group)


def pool(name: str) -> list[Any]:
    return [worker for key, entries in lambda_runtime._workers.items() if name in key for worker in entries]


def test_the_stock_emulator_starts_a_worker_for_every_call_of_a_burst(function: Make) -> None:
    config = function("bursting-stock", SPEAKS)["config"]
    leased = [lambda_svc.acquire_worker("bursting-stock", config, b"")[0] for _ in range(12)]

    assert len(pool("bursting-stock")) == 12
    for worker in leased:
        lambda_svc.release_worker(worker)


def test_calls_beyond_the_ceiling_wait_for_a_worker(patcher: Patcher, function: Make) -> None:
    worker_ceiling.apply(patcher, ceiling=2, patience=1e6)
    config = function("bursting", SPEAKS)["config"]
    leased = [lambda_svc.acquire_worker("bursting", config, b"")[0] for _ in range(2)]
    served: queue.Queue[Any] = queue.Queue()
    threads = [
        threading.Thread(target=lambda: served.put(lambda_svc.acquire_worker("bursting", config, b"")[0])) for _ in range(3)
    ]
    for thread in threads:
        thread.start()

    for _ in threads:
        lambda_svc.release_worker(leased.pop())
        leased.append(served.get(timeout=60))

    for thread in threads:
        thread.join()
    assert len(pool("bursting")) == 2


def test_a_call_that_waited_too_long_is_throttled(patcher: Patcher, function: Make) -> None:
    worker_ceiling.apply(patcher, ceiling=1, patience=0.01)
    made = function("throttled", SPEAKS)
    leased, _ = lambda_svc.acquire_worker("throttled", made["config"], b"")

    assert execute(made, {})["throttle"]
    lambda_svc.release_worker(leased)


def test_a_call_that_waits_goes_on_when_all_workers_are_recycled(patcher: Patcher, function: Make) -> None:
    worker_ceiling.apply(patcher, ceiling=1, patience=1e6)
    config = function("recycled", SPEAKS)["config"]
    lambda_svc.acquire_worker("recycled", config, b"")
    served: queue.Queue[Any] = queue.Queue()
    thread = threading.Thread(target=lambda: served.put(lambda_svc.acquire_worker("recycled", config, b"")[0]))
    thread.start()

    lambda_runtime.reset()

    assert served.get(timeout=60) is not None
    thread.join()
