"""Kill -9 of every process of the stack in the middle of adds: no acknowledged memory is lost. It is the last journey of all."""

from __future__ import annotations

from infrastructure.local.stack import Stack
from tests.support.kills import Readers, Writers, add, client, tenant_key

ENOUGH = 120


def test_every_acknowledged_memory_is_got_and_found_after_kill_9(stack: Stack) -> None:
    writers = Writers(stack, tenant_key(stack))
    writers.write_until_killed(ENOUGH)
    stack.start()
    assert stack.deploy() is False, "what was deployed is still there"

    assert len(writers.acknowledged) >= ENOUGH
    readers = Readers(stack, writers.api_key)
    assert readers.not_read(writers.acknowledged.items()) == []
    assert readers.not_found(writers.acknowledged.items()) == []
    readers.close()
    # Asked again under its key, an acknowledged add is answered as the first time.
    memory_id, text = next(iter(writers.acknowledged.items()))
    with client(stack, writers.api_key) as http:
        again = add(http, text)
    assert (again.json()["id"], again.headers["idempotent-replay"]) == (memory_id, "true")
