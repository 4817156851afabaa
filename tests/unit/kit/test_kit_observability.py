"""One line a request: ids, counts and times, in the form that CloudWatch reads metrics from."""

from __future__ import annotations

import contextvars
import json
import logging
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.kit import observability
from backend.kit.errors import InternalError
from backend.kit.observability import count, log_failure, note, quiet, recording, request_id
from tests.support.logs import log_lines

WORDS = "my sister's diagnosis"


def test_work_leaves_one_line_with_everything_that_was_noted() -> None:
    with log_lines() as log, recording("request", "r-1"):
        note(route="GET /memory", tenant_id="t_1")
        note(status=200, replayed=True, project_id=None)
        count("results", 3)
        count("results")
        count("dynamodb_units", 0.5)

    (line,) = log.lines()
    assert line["message"] == line["kind"] == "request"
    assert line["service"] == "memorysync"
    assert line["level"] == "INFO"
    assert (line["request_id"], line["route"], line["tenant_id"]) == ("r-1", "GET /memory", "t_1")
    assert (line["status"], line["replayed"]) == (200, True)
    assert (line["results"], line["dynamodb_units"]) == (4, 0.5)
    assert "project_id" not in line


def test_the_line_is_written_also_when_the_work_fails() -> None:
    def fail() -> None:
        with recording("request", "r-2"):
            count("dynamodb_calls")
            raise ValueError(WORDS)

    with log_lines() as log, pytest.raises(ValueError, match=WORDS):
        fail()

    (line,) = log.lines()
    assert line["dynamodb_calls"] == 1
    assert WORDS not in log.text()


def test_each_count_and_the_duration_are_metrics_in_cloudwatchs_embedded_format() -> None:
    begun = int(time.time() * 1000)
    with log_lines() as log, recording("request", "r-3"):
        count("results", 3)
        count("embedding_ms", 7.25)
        note(status=200)

    (line,) = log.lines()
    metadata = line["_aws"]
    assert begun <= metadata["Timestamp"] <= int(time.time() * 1000)
    (directive,) = metadata["CloudWatchMetrics"]
    assert directive["Namespace"] == "MemorySync"
    units = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert units == {"duration_ms": "Milliseconds", "embedding_ms": "Milliseconds", "results": "Count"}
    # The specification: each metric and each dimension is a member of the line, metrics numbers, dimensions text.
    assert all(isinstance(line[name], int | float) for name in units)
    assert 1 <= len(directive["Dimensions"]) <= 100
    for names in directive["Dimensions"]:
        assert len(names) <= 30
        assert all(isinstance(line[name], str) and line[name] for name in names)


def test_dimensions_never_grow_with_the_number_of_tenants_or_requests() -> None:
    with log_lines() as log, recording("request", "r-4"):
        note(tenant_id="t_1", memory_id="mem_1")

    assert log.lines()[0]["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["kind", "service"]]


def test_a_long_fact_is_cut() -> None:
    with log_lines() as log, recording("request", "r-5"):
        note(actor="x" * 5000)

    assert log.lines()[0]["actor"] == "x" * 200


def test_outside_any_work_notes_and_counts_go_nowhere() -> None:
    with log_lines() as log:
        note(route="GET /memory")
        count("results")
        assert request_id() == ""

    assert log.text() == ""


def test_work_inside_work_has_a_line_of_its_own() -> None:
    with log_lines() as log, recording("outer", "o"):
        with recording("inner", "i"):
            count("results")
            assert request_id() == "i"
        assert request_id() == "o"

    inner, outer = log.lines()
    assert (inner["request_id"], inner["results"]) == ("i", 1)
    assert outer["request_id"] == "o"
    assert "results" not in outer


def test_threads_that_take_the_context_count_for_the_same_request() -> None:
    with log_lines() as log, recording("request", "r-6"), ThreadPoolExecutor(1) as threads:
        threads.submit(contextvars.copy_context().run, count, "dynamodb_calls").result()

    assert log.lines()[0]["dynamodb_calls"] == 1


def test_a_failure_is_written_with_its_kind_and_place_and_without_its_words() -> None:
    def read_the_row() -> None:
        raise LookupError(WORDS)

    with log_lines() as log, recording("request", "r-7"):
        try:
            read_the_row()
        except LookupError as error:
            log_failure("request failed", error)

    failure, _ = log.lines()
    assert (failure["level"], failure["error"], failure["request_id"]) == ("ERROR", "LookupError", "r-7")
    assert failure["at"][-1].startswith("kit/test_kit_observability.py:")
    assert failure["at"][-1].endswith(" read_the_row")
    assert WORDS not in log.text()


def test_a_failure_in_our_own_words_is_written_with_them() -> None:
    with log_lines() as log:
        log_failure("request failed", InternalError("The environment lacks STAGE."))

    assert log.lines()[0]["detail"] == "The environment lacks STAGE."


def test_a_quiet_library_is_heard_only_from_its_level_on() -> None:
    quiet("a_library", logging.ERROR)

    assert not logging.getLogger("a_library.inner").isEnabledFor(logging.WARNING)
    assert logging.getLogger("a_library.inner").isEnabledFor(logging.ERROR)


def test_where_lambda_has_its_own_handler_the_line_is_still_written_once() -> None:
    code = (
        "import logging, sys\n"
        "logging.basicConfig(stream=sys.stdout, level=logging.INFO)\n"
        "from backend.kit import observability\n"
        "with observability.recording('request', 'r-8'): observability.count('results')\n"
    )
    written = subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True)

    (line,) = written.stdout.splitlines()
    assert json.loads(line)["request_id"] == "r-8"
    assert written.stderr == ""


def test_there_is_no_tracer_where_nothing_traces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)

    assert observability.tracer() is None
