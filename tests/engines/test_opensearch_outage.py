"""The engine goes away under a deployed stack, comes back, and its index is replaced: users lose nothing and see no half.

A stack and an engine of its own: others would notice.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from backend.index.opensearch_layout import MAPPING_VERSION
from backend.kit.clock import SystemClock
from infrastructure.engines.opensearch import process
from infrastructure.local.stack import ROOT, Stack
from tests.engines.search_stack import stack_on
from tests.journeys.conftest import User, new_user, problem, settled
from tests.support.waiting import until

__all__ = ["new_user"]

OLD = f"memories-minilm-l6-v2-int8-384-384-v{MAPPING_VERSION}"
NEW = f"memories-other-8-8-v{MAPPING_VERSION}"
HEALED_SECONDS = 240.0
"""The sweep comes every minute to what is a minute old; the machine may be busy."""


@pytest.fixture(scope="session")
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    """An engine that may be stopped."""
    folder = tmp_path_factory.mktemp("own-opensearch")
    yield process.start(folder)
    process.stop(folder)


@pytest.fixture(scope="session")
def stack(own_engine: process.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What `new_user` asks for: a stack on that engine."""
    with stack_on(own_engine.url, tmp_path_factory.mktemp("own-stack") / "state") as running:
        yield running


def test_while_the_engine_is_away_adds_are_kept_and_answers_say_so_and_then_all_is_healed(
    new_user: Callable[..., User], own_engine: process.Running
) -> None:
    user = new_user()
    before = user.add("The plumber is called Mario.")
    until(lambda: settled(user, before["id"]))
    process.stop(own_engine.folder)

    newest = user.call("POST", "/memory/query", {"query": "plumber"}).json()
    assert (newest["degraded"], [memory["id"] for memory in newest["memories"]]) == (["index"], [before["id"]])
    answer = user.call("GET", "/health/ready")
    assert problem(answer, 503, "not-ready")["checks"]["index"] == "index-unavailable"
    during = user.add("The gardener is called Luigi.")
    pending = user.call("POST", "/memory/query", {"query": "gardener"}).json()
    assert (pending["degraded"], pending["memories"][0]["id"]) == (["index"], during["id"])
    assert {memory["id"] for memory in user.all()} == {before["id"], during["id"]}
    assert user.call("DELETE", f"/memory/{before['id']}").status_code == 200
    problem(user.call("GET", f"/memory/{before['id']}"), 404, "memory-not-found")

    process.start(own_engine.folder, own_engine.port)

    # At once, though the index still holds the forgotten one and not the new one.
    assert [memory["id"] for memory in user.ask("Who is called what?")] == [during["id"]]
    until(lambda: settled(user, before["id"]) and settled(user, during["id"]), HEALED_SECONDS)
    whole = user.call("POST", "/memory/query", {"query": "Who is called what?"}).json()
    assert (whole["degraded"], [memory["id"] for memory in whole["memories"]]) == ([], [during["id"]])


class Command:
    """`python -m infrastructure.search` as whoever deploys types it, with that person's AWS settings."""

    def __init__(self, stack: Stack) -> None:
        self._environment = {**os.environ, **stack.environment(), "PYTHONPATH": str(ROOT)}
        self._stack = stack.name

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "infrastructure.search", *arguments, "--stack", self._stack]
        return subprocess.Popen(
            command, cwd=ROOT, env=self._environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )

    def run(self, *arguments: str) -> str:
        done = self.start(*arguments)
        said, _ = done.communicate(timeout=400)
        assert done.returncode == 0, said
        return said

    def killed(self, says: str, *arguments: str) -> str:
        """Run until a line begins so, end it there as the kernel would, and return all that it said: it may get further."""
        doing = self.start(*arguments)
        assert doing.stdout
        said = []
        try:
            for line in doing.stdout:
                said.append(line)
                if line.startswith(says):
                    break
            else:
                pytest.fail(f"It ended without saying {says!r}: {said}")
        finally:
            doing.kill()
            doing.wait()
            said += doing.stdout.readlines()
            doing.stdout.close()
        return "".join(said)


def test_the_index_is_replaced_under_load_by_one_command_killed_twice_and_no_search_fails(
    new_user: Callable[..., User], stack: Stack
) -> None:
    command = Command(stack)
    assert command.run("create") == "It is there already.\n"
    user = new_user()
    parcels = {user.add(f"Parcel p{number} lies on a shelf.")["id"]: number for number in range(20)}
    forgotten = user.add("Parcel p99 lies on a shelf.")
    user.call("DELETE", f"/memory/{forgotten['id']}")
    until(lambda: all(settled(user, memory_id) for memory_id in (*parcels, forgotten["id"])))
    migrate = ("migrate", "--model", "other/8")

    with ThreadPoolExecutor(1) as threads:
        going_on = [True]
        asked = threads.submit(keep_asking, user, going_on)
        try:
            said = command.killed("Waiting", *migrate)
            assert indexes(command) == {OLD: {"memories-read", "memories-write"}, NEW: {"memories-write"}}
            said += command.killed("Filled with", *migrate)
            late = user.add("Parcel p50 lies on a shelf.")
            said += command.run(*migrate)
        finally:
            # Or the pool would wait for it for ever.
            going_on[0] = False
        answers = asked.result(timeout=60)

    assert re.search(r"Compared \d+ rows: \d+ were behind", said), said
    assert indexes(command) == {NEW: {"memories-read", "memories-write"}}
    assert len(answers) > 20
    assert {status for status, _ in answers} == {200}
    assert all(set(parcels) <= found and forgotten["id"] not in found for _, found in answers)
    # The new index holds what was there, what came meanwhile, and what was forgotten only as a grave.
    for memory_id, number in {**parcels, late["id"]: 50}.items():
        assert user.ask(f"parcel p{number}", k=1)[0]["id"] == memory_id
    until(lambda: settled(user, late["id"]))
    gone = user.call("POST", "/memory/query", {"query": "parcel p99", "k": 50}).json()
    assert forgotten["id"] not in {memory["id"] for memory in gone["memories"]}


def keep_asking(user: User, going_on: list[bool]) -> list[tuple[int, set[str]]]:
    """Ask for everything until told to end; return each answer's status and ids."""
    answers = []
    while going_on[0]:
        answer = user.call("POST", "/memory/query", {"query": "parcel shelf", "k": 50})
        answers.append((answer.status_code, {memory["id"] for memory in answer.json().get("memories", [])}))
        SystemClock().sleep(0.2)
    return answers


def indexes(command: Command) -> dict[str, set[str]]:
    """Return the indexes that there are, each with its aliases, as `status` tells them."""
    found = re.findall(r"^(\S+) (.*) \{.*\}$", command.run("status"), re.MULTILINE)
    return {name: set() if aliases == "no alias" else set(aliases.split(", ")) for name, aliases in found}
