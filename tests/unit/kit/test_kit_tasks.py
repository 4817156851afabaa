"""Functions that nobody calls over HTTP."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from backend.kit import observability
from backend.kit.deadline import remaining
from backend.kit.errors import ConflictError, InternalError
from backend.kit.tasks import SPARE_SECONDS, task
from tests.support.events import FakeLambdaContext
from tests.support.logs import log_lines

WORDS = "my sister's diagnosis"


def test_a_task_is_given_the_event_and_answers_with_what_it_returns() -> None:
    @task
    def double(event: dict[str, int]) -> dict[str, int]:
        return {"twice": event["number"] * 2}

    assert double({"number": 21}, FakeLambdaContext()) == {"twice": 42}


def test_a_task_keeps_the_words_that_describe_it() -> None:
    @task
    def described(_: Any) -> None:
        """Do a thing."""

    assert described.__doc__ == "Do a thing."


def test_a_task_has_the_time_that_lambda_leaves_it_without_what_its_end_takes() -> None:
    left: list[float] = []
    task(lambda _: left.append(remaining()))({}, FakeLambdaContext(remaining=60))

    assert left[0] == pytest.approx(60 - SPARE_SECONDS, abs=1)


def test_a_task_begun_with_no_time_has_a_second() -> None:
    left: list[float] = []
    task(lambda _: left.append(remaining()))({}, FakeLambdaContext(remaining=0.5))

    assert 0 < left[0] <= 1


def test_a_task_leaves_one_line_with_the_calls_id_and_its_counts() -> None:
    @task
    def count(_: Any) -> None:
        observability.count("projected", 3)
        observability.count("projected", 2)
        observability.note(left_to_sweep="ThrottledError")

    with log_lines() as log:
        count({}, FakeLambdaContext(aws_request_id="call-9"))

    (line,) = log.lines()
    assert line["request_id"] == "call-9"
    assert line["kind"] == __name__
    assert line["projected"] == 5
    assert line["left_to_sweep"] == "ThrottledError"
    assert line["duration_ms"] >= 0


def test_an_error_of_ours_leaves_the_task_as_it_is_so_that_what_called_it_can_tell() -> None:
    @task
    def refuse(_: Any) -> None:
        raise ConflictError

    with log_lines() as log, pytest.raises(ConflictError):
        refuse({}, FakeLambdaContext())

    assert [line["message"] for line in log.lines()] == ["task failed", __name__]
    assert log.lines()[0]["error"] == "ConflictError"


def test_another_error_leaves_the_task_without_its_words_which_lambda_would_log() -> None:
    @task
    def fail(event: dict[str, str]) -> None:
        raise KeyError(event["text"])

    with log_lines() as log, pytest.raises(InternalError) as error:
        fail({"text": WORDS}, FakeLambdaContext())

    assert str(error.value) == "The task failed: KeyError."
    assert error.value.__suppress_context__
    assert error.value.__cause__ is None
    assert WORDS not in log.text()
    assert log.lines()[0]["error"] == "KeyError"
    assert log.lines()[0]["at"][-1].endswith(" fail")


def test_a_function_without_http_never_pays_for_fastapi() -> None:
    code = "import sys, backend.kit.tasks; raise SystemExit('fastapi' in sys.modules or 'pydantic' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
