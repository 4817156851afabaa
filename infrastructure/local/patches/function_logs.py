"""Gap: after each call the emulator waits for log lines that may never come, and keeps every call's log for ever.

It waits 50 ms for a first line and 5 ms after each, so a function that logs nothing answers 45 ms late. With this patch the
worker writes a mark when the handler returns, and the wait ends at the mark. The lines also go to the emulator's own log,
where `logs` shows them, and only the newest calls of a function are kept in memory.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import queue
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import cloudwatch_logs, lambda_svc

from infrastructure.local.patches import worker_script
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]

MARK = "\x1eend of "
PATIENCE_SECONDS = 0.25
CALLS_KEPT = 200

_CLOSING = f"""
def _close_log(handler):
    def closing(event, context):
        try:
            return handler(event, context)
        finally:
            sys.stderr.write({MARK!r} + context.aws_request_id + "\\n")
            sys.stderr.flush()
    return closing
"""


def apply(patcher: Patcher) -> None:
    """Mark the end of each call's log, read up to the mark, and bound what is kept."""
    worker_script.replace(
        patcher, "handler_fn = getattr(mod, handler_name)", "handler_fn = _close_log(getattr(mod, handler_name))"
    )
    worker_script.prepend(patcher, _CLOSING)
    stock_invoke = lambda_runtime.Worker.invoke
    stock_drain = lambda_runtime.Worker._drain_stderr_bounded
    stock_emit = lambda_svc._emit_lambda_logs

    def invoke(worker: Any, event: Any, request_id: str, **options: Any) -> Json:  # noqa: ANN401 - the emulator is untyped
        worker.request_id = request_id
        response: Json = stock_invoke(worker, event, request_id, **options)
        return response

    def drain(worker: Any, *bounds: float) -> str:  # noqa: ANN401 - the emulator is untyped
        if not str(worker.config.get("Runtime", "")).startswith("python"):
            return str(stock_drain(worker, *bounds))
        return read_until(worker._stderr_queue, MARK + worker.request_id, PATIENCE_SECONDS)

    def emit(func: Json, request_id: str, log_text: str, *rest: Any, **options: Any) -> None:  # noqa: ANN401 - the emulator is untyped
        config = func.get("config") or func
        name = config.get("FunctionName", "unknown")
        for line in log_text.splitlines():
            print(f"[{name}] {line}", flush=True)
        stock_emit(func, request_id, log_text, *rest, **options)
        forget_old_calls((config.get("LoggingConfig") or {}).get("LogGroup") or f"/aws/lambda/{name}")

    patcher.attribute(lambda_runtime.Worker, "invoke", invoke)
    patcher.attribute(lambda_runtime.Worker, "_drain_stderr_bounded", drain)
    patcher.attribute(lambda_svc, "_emit_lambda_logs", emit)


def read_until(lines: queue.Queue[str], mark: str, patience: float) -> str:
    """Return the lines before the mark, or those that came within `patience` seconds; late marks of earlier calls are dropped."""
    read: list[str] = []
    deadline = time.monotonic() + patience
    while (remaining := deadline - time.monotonic()) > 0:
        try:
            text, found, call = lines.get(timeout=remaining).partition(MARK)
        except queue.Empty:
            break
        if text or not found:
            read.append(text)
        if found and found + call == mark:
            break
    return "\n".join(read)


def forget_old_calls(group_name: str) -> None:
    """Keep the newest calls of a log group: the emulator makes a stream for every call."""
    group = cloudwatch_logs._log_groups.get(group_name)
    if group:
        for stream in list(group["streams"])[:-CALLS_KEPT]:
            group["streams"].pop(stream, None)
