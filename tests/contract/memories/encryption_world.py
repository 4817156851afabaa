"""Steps of the tests about data keys, through the handlers."""

from __future__ import annotations

from typing import Any

from backend.audit.model import Action, AuditEntry
from backend.encryption.sealing import version_of
from backend.kit.clock import FakeClock
from lifecycle.run_jobs import handler as run_jobs
from tests.contract.tree.served_world import Served
from tests.support.events import FakeLambdaContext, HttpAnswer

TEXTS = ("The cello stands in the attic.", "My sister lives in Porto.", "The spare key hangs behind the blue door.")
ROTATE = "/org/encryption/rotate"
WALK = {"minutes": 7}
"""So long after a rotation everybody seals under the new key."""


def added(served: Served, *texts: str, **more: Any) -> list[str]:
    answers = [served.add(text, infer=False, **more) for text in texts]
    assert [each.status for each in answers] == [201] * len(texts), answers[0].body
    return [each.json()["id"] for each in answers]


def rotated(served: Served, owner: str, **body: Any) -> HttpAnswer:
    return served.call("POST", ROTATE, body, key=owner, headers={"x-end-user-id": ""})


def encryption(served: Served, owner: str) -> dict[str, Any]:
    answer = served.call("GET", "/org/encryption", key=owner, headers={"x-end-user-id": ""})
    assert answer.status == 200
    shown: dict[str, Any] = answer.json()
    return shown


def read(served: Served, memory_id: str) -> HttpAnswer:
    return served.call("GET", f"/memory/{memory_id}", route="GET /memory/{id}")


def sealed_under(served: Served) -> dict[str, int]:
    """Return the key version of every sealed row and revision, by place."""
    page = served.container.memories_table.scan()
    assert page.next_key is None
    sealed = [each for each in page.items if each["pk"].startswith("M#") and "sealed" in each]
    return {f"{each['pk']} {each['sk']}": version_of(each["sealed"]) for each in sealed}


def expire_all_keys(served: Served, clock: FakeClock, owner: str) -> None:
    """Rotate, and let the version before expire before anything is sealed again."""
    assert rotated(served, owner, retire_after_days=0).status == 202
    clock.advance(minutes=11)


def entries(served: Served, clock: FakeClock, action: Action) -> list[AuditEntry]:
    day = clock.now().date().isoformat()
    return [each for each in served.container.audit.entries("acme", day) if each.action is action]


def work_off(clock: FakeClock) -> None:
    for _ in range(3):
        clock.advance(seconds=1)
        run_jobs({}, FakeLambdaContext(remaining=90))
