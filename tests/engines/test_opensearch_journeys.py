"""The main journeys over HTTP, on a deployed stack whose index is a real OpenSearch: the cases are those of tests/journeys."""

# ruff: noqa: F403 - the imported functions are the tests

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from backend.index.opensearch_engine import Engine, connect
from backend.index.opensearch_layout import DEFAULT_NAME
from backend.kit.clock import SystemClock
from infrastructure.engines.opensearch import process
from infrastructure.local.stack import Stack
from tests.engines.search_stack import stack_on
from tests.engines.test_opensearch_engine import kept_in
from tests.journeys.conftest import User, new_user, problem, settled, user
from tests.journeys.test_remember_and_find import *
from tests.support.files import files_with
from tests.support.waiting import until

__all__ = ["new_user", "user"]


PURGED_SECONDS = 180.0


@pytest.fixture(scope="session")
def stack(engine_process: process.Running, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """What the journeys ask for, here with the real engine."""
    with stack_on(engine_process.url, tmp_path_factory.mktemp("stack") / "state") as running:
        yield running


def test_the_deployed_functions_ask_the_real_engine(stack: Stack, engine_process: process.Running, user: User) -> None:
    assert stack.outputs()["SearchEndpoint"] == engine_process.url
    assert user.call("GET", "/health/ready").json()["checks"]["index"] == "ok"
    memory = user.add("The ferry leaves at nine.")
    until(lambda: settled(user, memory["id"]))
    assert not stack.index.exists()


def test_no_word_of_a_memory_is_ever_in_a_file_of_the_engine(user: User, engine_process: process.Running) -> None:
    memory = user.add("Quagmirezebra is the password of the vault.", tags=["Quagmirezebra"], source="Quagmirezebra")
    until(lambda: settled(user, memory["id"]))
    assert user.ask("quagmirezebra", filters={"tags": ["Quagmirezebra"]}, k=1)[0]["id"] == memory["id"]
    user.call("DELETE", f"/memory/{memory['id']}")
    assert user.ask("quagmirezebra") == []
    user.stack.invoke("PurgeTombstones", {})

    assert files_with(kept_in(engine_process.folder), b"quagmirezebra", any_case=True) == []


def test_the_daily_purge_takes_the_vector_of_a_forgotten_memory_out_of_the_files(
    user: User, engine_process: process.Running
) -> None:
    memory = user.add("The combination of the safe is nobody's business.")
    until(lambda: settled(user, memory["id"]))
    key = {"pk": {"S": f"M#{user.tenant_id}#{memory['id']}"}, "sk": {"S": "ROW"}}
    row = user.stack.client("dynamodb").get_item(TableName=user.stack.outputs()["MemoriesTableName"], Key=key)["Item"]
    vector = row["vector"]["B"]

    def held() -> bool:
        return bool(files_with(kept_in(engine_process.folder), vector))

    user.stack.invoke("PurgeTombstones", {})
    assert held()
    user.call("DELETE", f"/memory/{memory['id']}")
    until(lambda: settled(user, memory["id"]))
    ends = time.monotonic() + PURGED_SECONDS
    while held():
        # For half a minute the engine keeps what was deleted, for copies that lag: in real life this is tomorrow's run.
        assert time.monotonic() < ends, "The files still hold the vector."
        user.stack.invoke("PurgeTombstones", {})
        SystemClock().sleep(1)


def test_a_deleted_memory_is_buried_in_the_index_and_not_only_hidden(new_user: Callable[..., User]) -> None:
    user = new_user()
    kept, gone = user.add("The dog is called Biscuit."), user.add("The cat is called Biscuit.")
    for memory in (kept, gone):
        until(lambda memory=memory: settled(user, memory["id"]))  # type: ignore[misc] # a lambda's default has no annotation
    user.call("DELETE", f"/memory/{gone['id']}")
    until(lambda: settled(user, gone["id"]))

    assert [memory["id"] for memory in user.ask("Biscuit")] == [kept["id"]]
    problem(user.call("GET", f"/memory/{gone['id']}"), 404, "memory-not-found")


def drop_all_indexes(url: str) -> None:
    client = connect(url, region="us-east-1")
    Engine(client, SystemClock()).call("DELETE", f"/{DEFAULT_NAME}-*")
    client.close()


def test_a_lost_index_is_made_and_filled_again(user: User, stack: Stack, engine_process: process.Running) -> None:
    memory = user.add("The plumber is called Mario.")
    until(lambda: settled(user, memory["id"]))
    drop_all_indexes(engine_process.url)
    # The processes of the functions know the old one for up to 30 s: new ones ask anew.
    stack.push()
    newest = user.call("POST", "/memory/query", {"query": "plumber"}).json()
    assert (newest["degraded"], [found["id"] for found in newest["memories"]]) == (["index"], [memory["id"]])

    stack.deploy()
    answer: dict[str, object] = {"after": None}
    while answer:
        answer = stack.invoke("RebuildIndex", answer if answer["after"] else {})
        answer = answer if answer["after"] else {}

    until(lambda: user.call("POST", "/memory/query", {"query": "Who fixes the pipes?", "k": 1}).json()["degraded"] == [])
    assert user.ask("Who fixes the pipes?", k=1)[0]["id"] == memory["id"]
