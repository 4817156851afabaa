"""What the demo's and the benchmark's client does when the service is slow, busy, silent or somebody else."""

from __future__ import annotations

import socket
from pathlib import Path

import httpx
import pytest

from examples import service_env
from examples.figures import percentile
from examples.service import NotUpError, RefusedError, Service, ServiceError
from examples.service_env import ServiceEnv
from tests.unit.examples.small_service import SmallService

BASE_URL = "http://127.0.0.1:8080"


class Waits(list[float]):
    """The waits that were asked for, in seconds; none is waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def client(small: SmallService, waits: Waits, tries: int = 5) -> Service:
    return Service(BASE_URL, "key", project_id="p", tries=tries, transport=small.transport, sleep=waits)


def test_a_busy_service_is_asked_again_after_the_time_it_names() -> None:
    small, waits = SmallService("key"), Waits()
    small.busy = [httpx.Response(503, headers={"Retry-After": "3"}), httpx.Response(429, headers={"Retry-After": "600"})]
    with client(small, waits) as service:
        answer = service.add({"user_id": "u", "text": "Tea"}, "k1")

    assert answer.body["text"] == "Tea"
    assert waits == [3.0, 10.0]


def test_many_are_remembered_at_once_and_a_refused_one_is_told() -> None:
    small = SmallService("key")
    with client(small, Waits()) as service:
        answer = service.add_many("u", [{"text": "Tea"}, {"text": "Rex"}], "k1")
        with pytest.raises(RefusedError, match="422"):
            service.add_many("u", [{"text": "Milk"}], "k1")

    assert [each["result"]["text"] for each in answer.body["items"]] == small.texts("u") == ["Tea", "Rex"]


def test_a_connection_that_breaks_is_tried_again() -> None:
    small, waits = SmallService("key"), Waits()
    small.busy = [httpx.ReadError("gone"), httpx.ReadTimeout("slow")]
    with client(small, waits) as service:
        assert service.health().body == {"status": "ok"}

    assert len(waits) == 2


def test_patience_ends_after_the_given_tries() -> None:
    small, waits = SmallService("key"), Waits()
    small.busy = [httpx.Response(503, json={"message": "Service Unavailable"})] * 3
    with client(small, waits, tries=3) as service, pytest.raises(RefusedError, match=r"GET /health answered 503: Service Un"):
        service.health()

    assert len(small.seen) == 3


def test_a_service_that_always_breaks_off_is_said_to() -> None:
    small, waits = SmallService("key"), Waits()
    small.busy = [httpx.ReadTimeout("slow")] * 2
    with client(small, waits, tries=2) as service, pytest.raises(NotUpError, match="broke off without an answer"):
        service.health()


def test_what_is_wrong_for_good_is_not_tried_again() -> None:
    small, waits = SmallService("another key"), Waits()
    with client(small, waits) as service, pytest.raises(RefusedError) as refused:
        service.query("u", "Tea?", 5)

    assert (refused.value.status, refused.value.code) == (401, "unauthorized")
    assert str(refused.value) == "POST /memory/query answered 401: The key is not known. (request req-1)"
    assert waits == []


def test_a_key_is_known_or_not() -> None:
    small, waits = SmallService("another key"), Waits()
    with client(small, waits) as service:
        assert not service.knows_key("u")
        small.keys.add("key")
        assert service.knows_key("u")
        small.busy = [httpx.Response(404)]
        with pytest.raises(RefusedError):
            service.knows_key("u")


@pytest.mark.parametrize("answer", [httpx.Response(200, text="<html>"), httpx.Response(200, json=["ok"])])
def test_another_program_on_the_port_is_recognised(answer: httpx.Response) -> None:
    small = SmallService("key")
    small.busy = [answer]
    with client(small, Waits()) as service, pytest.raises(ServiceError, match="is it MemorySync"):
        service.health()


def test_nothing_on_the_port_names_the_cure() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with Service(url) as service, pytest.raises(NotUpError, match=rf"Nothing answers at {url}\. Start it: make up"):
            service.health()


def test_the_time_of_a_wait_is_no_time_of_the_request() -> None:
    small = SmallService("key")
    slept: list[float] = []
    small.busy = [httpx.Response(503, headers={"Retry-After": "9"})]
    with Service(BASE_URL, "key", transport=small.transport, sleep=slept.append) as service:
        answer = service.health()

    assert slept == [9.0]
    assert answer.seconds < 9


@pytest.mark.parametrize(
    "text",
    [
        "",
        "MEMORYSYNC_BASE_URL=http://127.0.0.1:8080\n",
        "MEMORYSYNC_API_KEY=k\n",
        "# MEMORYSYNC_API_KEY=k\nMEMORYSYNC_BASE_URL=u",
    ],
)
def test_a_file_that_names_only_half_is_no_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "service.env").write_text(text, encoding="utf-8")

    assert service_env.read(tmp_path / "service.env") is None


def test_a_file_that_is_not_there_names_nothing(tmp_path: Path) -> None:
    assert service_env.read(tmp_path / "service.env") is None


def test_quotes_and_export_are_read_as_a_shell_would(tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    path.write_text("# mine\nexport MEMORYSYNC_BASE_URL='http://127.0.0.1:1/'\nMEMORYSYNC_API_KEY=\"k\"\n", encoding="utf-8")

    assert service_env.read(path) == ServiceEnv("http://127.0.0.1:1", "k")


def test_a_file_that_others_could_read_is_replaced_by_one_that_they_cannot(tmp_path: Path) -> None:
    path = tmp_path / "service.env"
    path.touch(mode=0o644)
    service_env.write(path, ServiceEnv("http://127.0.0.1:1", "k"))

    assert path.stat().st_mode & 0o077 == 0
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(("percent", "expected"), [(50, 2.0), (51, 3.0), (95, 4.0), (100, 4.0), (1, 1.0)])
def test_a_percentile_is_a_value_that_was_measured(percent: float, expected: float) -> None:
    assert percentile([4.0, 1.0, 3.0, 2.0], percent) == expected


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], 0), ([1.0], 101)])
def test_a_percentile_of_nothing_is_refused(values: list[float], percent: float) -> None:
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)
