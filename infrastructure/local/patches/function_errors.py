"""Gap: whatever a function raises, its `errorType` is Runtime.HandlerError, and its worker is killed.

A state machine's `Retry` and `Catch` name the exception's class, so they never matched; and each exception cost the next
caller a cold start. On AWS the error type is the class and the environment lives on
(https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html).
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from infrastructure.local.patches import worker_script
from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]

_STOCK = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
_PATCHED = (
    '{"status": "ok", "raised": {"errorMessage": str(e), "errorType": type(e).__name__,'
    ' "stackTrace": traceback.format_tb(e.__traceback__)}, "trace": traceback.format_exc()}'
)


@dataclass(frozen=True, slots=True)
class Raised:
    """Stands in for a result, so that the emulator treats the worker as healthy."""

    body: Json
    trace: str


def apply(patcher: Patcher) -> None:
    """Carry the exception's class from the worker to the caller."""
    worker_script.replace(patcher, _STOCK, _PATCHED)
    invoke = lambda_runtime.Worker.invoke
    execute = lambda_svc._execute_function_warm

    def invoke_keeping_class(worker: Any, *args: Any, **options: Any) -> Json:  # noqa: ANN401 - the emulator is untyped
        response: Json = invoke(worker, *args, **options)
        if "raised" in response:
            response["result"] = Raised(response["raised"], response["trace"])
        return response

    def execute_telling_class(function: Json, event: Any, request_id: str) -> Json:  # noqa: ANN401 - any JSON
        result: Json = execute(function, event, request_id)
        raised = result.get("body")
        if not isinstance(raised, Raised):
            return result
        log = "\n".join(part for part in (result.get("log", ""), raised.trace) if part)
        return {"body": {**raised.body, "requestId": request_id}, "error": True, "log": log}

    patcher.attribute(lambda_runtime.Worker, "invoke", invoke_keeping_class)
    patcher.attribute(lambda_svc, "_execute_function_warm", execute_telling_class)
