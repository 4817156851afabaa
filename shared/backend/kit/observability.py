"""What the logs and metrics learn of a request: ids, counts and times, never text.

A request leaves exactly one line: Powertools' structured log with CloudWatch's embedded metrics in it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from backend.kit.errors import MemorySyncError

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger, Tracer

SERVICE = "memorysync"
_LONGEST_FACT = 200


@dataclass(slots=True)
class Record:
    """What is known of the work in hand."""

    request_id: str
    facts: dict[str, str | int | float | bool] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)


_current: ContextVar[Record | None] = ContextVar("observability_record", default=None)
_counting = Lock()
"""Threads of one request count in one record."""


def note(**facts: str | float | bool | None) -> None:
    """Add ids, flags or figures to the request's line. Never a user's text."""
    record = _current.get()
    if record:
        record.facts.update({name: _short(value) for name, value in facts.items() if value is not None})


def count(name: str, amount: float = 1) -> None:
    """Add to a count of the request's line."""
    record = _current.get()
    if record:
        with _counting:
            record.counts[name] = record.counts.get(name, 0) + amount


def request_id() -> str:
    """Return the id of the request in hand, empty outside any."""
    record = _current.get()
    return record.request_id if record else ""


@contextmanager
def recording(kind: str, request: str) -> Iterator[Record]:
    """Collect facts and counts of one piece of work and write its one line at the end, also when it fails."""
    record = Record(request)
    token = _current.set(record)
    start = time.perf_counter()
    tracer()
    try:
        yield record
    finally:
        _current.reset(token)
        _write(kind, record, (time.perf_counter() - start) * 1000)


@cache
def logger() -> Logger:
    """Return the process's logger."""
    from aws_lambda_powertools import Logger  # noqa: PLC0415 - only a function that runs pays for it

    return Logger(service=SERVICE, level=os.environ.get("LOG_LEVEL", "INFO"), log_uncaught_exceptions=False)


def log_failure(message: str, error: BaseException) -> None:
    """Write an unexpected failure: the error's kind and where it arose.

    Only our own errors' words are written: they never hold a user's text. Anybody else's may quote it.
    """
    places = []
    trace = error.__traceback__
    while trace:
        code = trace.tb_frame.f_code
        places.append(f"{'/'.join(code.co_filename.split('/')[-2:])}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    facts: dict[str, Any] = {"error": type(error).__name__, "request_id": request_id(), "at": places[-12:]}
    if isinstance(error, MemorySyncError):
        facts["detail"] = error.detail
    logger().error(message, extra=facts)


def tracer() -> Tracer | None:
    """Return the tracer where X-Ray traces this call, None elsewhere: its import is not free."""
    if "_X_AMZN_TRACE_ID" not in os.environ or os.environ.get("POWERTOOLS_TRACE_DISABLED"):
        return None
    return _tracer()


@cache
def _tracer() -> Tracer:
    from aws_lambda_powertools import Tracer  # noqa: PLC0415 - see tracer()

    return Tracer(service=SERVICE, patch_modules=["botocore"])


def _write(kind: str, record: Record, milliseconds: float) -> None:
    counts = {name: round(value, 2) for name, value in sorted(record.counts.items())}
    metrics: dict[str, Any] = {"duration_ms": round(milliseconds, 1), **counts}
    logger().info(kind, extra={"request_id": record.request_id, **record.facts, **_embedded(kind, metrics)})


def _embedded(kind: str, metrics: dict[str, Any]) -> dict[str, Any]:
    """Return the metrics in CloudWatch's embedded format, to stand in the same line."""
    from aws_lambda_powertools.metrics import MetricUnit  # noqa: PLC0415 - see logger()
    from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (  # noqa: PLC0415 - see logger()
        AmazonCloudWatchEMFProvider,
    )

    provider = AmazonCloudWatchEMFProvider(
        namespace="MemorySync", service=SERVICE, metric_set={}, dimension_set={}, metadata_set={}, default_dimensions={}
    )
    provider.add_dimension("kind", kind)
    for name, value in metrics.items():
        provider.add_metric(name, MetricUnit.Milliseconds if name.endswith("_ms") else MetricUnit.Count, value)
    embedded = dict(provider.serialize_metric_set())
    # The provider wraps each value in a list; one value a line reads better plain, and the format allows both.
    return {name: value[0] if isinstance(value, list) else value for name, value in embedded.items()}


def _short(value: str | float | bool) -> str | int | float | bool:  # noqa: FBT001 - a value, not a switch
    return value[:_LONGEST_FACT] if isinstance(value, str) else value


def quiet(name: str, level: int = logging.WARNING) -> None:
    """Keep what a library says below this level out of the logs: it may quote what users sent."""
    logging.getLogger(name).setLevel(level)
