"""The benchmark over HTTP counts what it says it counts, and stops when it must."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random

import pytest

from benchmarks import http, texts
from benchmarks.http import Plan, Run
from examples import service_env
from examples.service import RefusedError, Service
from examples.service_env import ServiceEnv
from tests.unit.examples.small_service import SmallService

PLAN = Plan(memories=12, requests=5, visible=4)


class Clock:
    """A clock that moves by a second whenever it is read."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def run(small: SmallService, plan: Plan = PLAN) -> Run:
    service = Service("http://127.0.0.1:8080", "key", tries=1, transport=small.transport)
    return Run(service, plan, lambda _: None, clock=Clock(), sleep=lambda _: None)


def test_every_figure_has_the_count_that_was_planned() -> None:
    small = SmallService("key")
    found = run(small).whole()

    assert (len(found.add), len(found.query), len(found.health)) == (12, 5, 5)
    assert (found.visible, found.written) == (4, 4)
    assert not found.out_of_time
    adds = [json.loads(request.content) for request in small.seen if request.url.path == "/memory/add"]
    assert len([body for body in adds if body["user_id"] == found.owner]) == 16


def test_warming_up_leaves_the_measured_owner_alone() -> None:
    small = SmallService("key")
    found = run(small, Plan(memories=0, requests=0, visible=0)).whole()

    assert {memory["user_id"] for memory in small.memories.values()} == {f"{found.owner}-warm"}
    assert http.figures(found) == {}


def test_no_two_runs_share_an_owner() -> None:
    small = SmallService("key")

    assert run(small).measured.owner != run(small).measured.owner


def test_adds_carry_a_key_of_their_own_unless_told_otherwise() -> None:
    small = SmallService("key")
    run(small).whole()
    keys = [request.headers["Idempotency-Key"] for request in small.seen if request.url.path == "/memory/add"]
    assert len(set(keys)) == len(keys)

    small = SmallService("key")
    run(small, Plan(memories=3, requests=0, visible=0, keyed=False)).whole()
    assert not any("Idempotency-Key" in request.headers for request in small.seen)


def test_an_own_write_that_is_not_found_is_counted_as_missing() -> None:
    small = SmallService("key")
    small.ranking = lambda _, memory: -float(memory["id"].removeprefix("mem_"))
    found = run(small).whole()

    assert (found.visible, found.written) == (0, 4)


def test_nothing_is_begun_after_the_time_is_up() -> None:
    small = SmallService("key")
    found = run(small, Plan(memories=1000, requests=10, visible=10, seconds=50)).whole()

    assert found.out_of_time
    assert len(found.add) < 50
    assert "were up before" in http.table(found, PLAN)


def test_a_refused_request_ends_the_run() -> None:
    small = SmallService("another key")

    with pytest.raises(RefusedError):
        run(small).whole()


def test_degraded_answers_are_told() -> None:
    small = SmallService("key")
    small.degraded = ["index_lag"]
    found = run(small).whole()

    assert found.degraded == 5
    assert "5 of the measured queries were answered in part only" in http.table(found, PLAN)


def test_medians_are_also_given_as_multiples_of_the_bare_request() -> None:
    found = http.Measured("o", health=[0.010] * 3, add=[0.040, 0.050, 0.900], query=[0.030])

    assert http.figures(found)["add"] == {"count": 3, "p50_ms": 50.0, "p95_ms": 900.0, "times_health": 5.0}
    assert http.figures(found)["query"]["times_health"] == 3.0


def test_the_record_says_when_and_where_it_was_measured() -> None:
    small = SmallService("key")
    record = json.loads(json.dumps(http.record(run(small).whole(), PLAN, "http://127.0.0.1:8080")))

    assert record["date"].endswith("+00:00")
    assert record["machine"]["cores"] >= 1
    assert record["own_write_visible"] == {"written": 4, "visible": 4}
    assert "key" not in {name.lower() for name in record}


def test_memories_all_differ_and_come_again_with_the_same_seed() -> None:
    seeded = (Random(1), Random(1))  # noqa: S311 - sentences, not secrets
    first, second = ([texts.memory(number, random) for number in range(500)] for random in seeded)

    assert len(set(first)) == 500
    assert first == second


def test_without_address_and_key_it_says_where_they_come_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(service_env.BASE_URL, raising=False)
    monkeypatch.delenv(service_env.API_KEY, raising=False)

    assert http.main(["--env-file", str(tmp_path / "none.env")]) == 1
    assert "make demo" in capsys.readouterr().err


def test_the_key_of_the_file_is_not_sent_to_another_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(service_env.BASE_URL, raising=False)
    monkeypatch.delenv(service_env.API_KEY, raising=False)
    service_env.write(tmp_path / "service.env", ServiceEnv("http://127.0.0.1:1", "k"))

    assert http.main(["--env-file", str(tmp_path / "service.env"), "--base-url", "http://127.0.0.1:2"]) == 1
    assert "No address and key" in capsys.readouterr().err


@pytest.mark.parametrize("count", ["-1", "100001", "many"])
def test_counts_have_bounds(count: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        http.main(["--memories", count])
    assert "--memories" in capsys.readouterr().err
