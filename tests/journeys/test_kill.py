"""Kill -9 of every process of the stack in the middle of adds: no acknowledged memory is lost."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infrastructure.local.stack import Stack
from tests.support.kills import Readers, Writers, add, client, tenant_key

ENOUGH = 120


@pytest.fixture
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack that may be killed."""
    stack = Stack(state=tmp_path_factory.mktemp("killed") / "state").with_free_ports()
    stack.start()
    stack.deploy()
    yield stack
    stack.stop()


def test_every_acknowledged_memory_is_got_and_found_after_kill_9(own_stack: Stack) -> None:
    writers = Writers(own_stack, tenant_key(own_stack))
    writers.write_until_killed(ENOUGH)
    own_stack.start()
    assert own_stack.deploy() is False, "what was deployed is still there"

    assert len(writers.acknowledged) >= ENOUGH
    readers = Readers(own_stack, writers.api_key)
    assert readers.not_read(writers.acknowledged.items()) == []
    assert readers.not_found(writers.acknowledged.items()) == []
    readers.close()
    # Asked again under its key, an acknowledged add is answered as the first time.
    memory_id, text = next(iter(writers.acknowledged.items()))
    with client(own_stack, writers.api_key) as http:
        again = add(http, text)
    assert (again.json()["id"], again.headers["idempotent-replay"]) == (memory_id, "true")
