"""A new data key seals conversations and states again too, and what was sealed under a lost one is shown without its words."""

from __future__ import annotations

from typing import Any

import pytest

from backend.encryption.sealing import version_of
from backend.kit.clock import FakeClock
from backend.tenancy.model import Permission
from backend.tenancy.scope import Environment
from tests.contract.memories.encryption_world import WALK, added, expire_all_keys, rotated, work_off
from tests.contract.tree.served_world import Served, serving

PLACE = {"namespace": ["plans"], "key": "lisbon"}


def post(served: Served, path: str, body: Any) -> Any:
    answer = served.call("POST", path, body)
    assert answer.status in {200, 201}, answer.body
    return answer.json()


def keep(served: Served) -> None:
    added(served, "A memory beside them.")
    post(served, "/v1/history/append", {"session_id": "s", "messages": [{"role": "user", "content": "Hello."}] * 3})
    post(served, "/v1/state/put", {**PLACE, "value": {"days": 4}})


def versions(served: Served) -> list[int]:
    return [version_of(each["sealed"]) for each in served.container.state_table.scan().items if "sealed" in each]


@pytest.mark.parametrize("in_time", [True, False])
def test_all_is_sealed_again_or_shown_without_its_words(in_time: bool) -> None:
    clock = FakeClock()
    with serving(clock) as served:
        owner = served.container.tenancy.create_key("acme", "owner", Environment.TEST, [Permission.ORG_ALL]).text
        keep(served)
        assert versions(served) == [1] * 4
        if in_time:
            assert rotated(served, owner, retire_after_days=1).status == 202
            clock.advance(**WALK)
            work_off(clock)
            assert versions(served) == [2] * 4
            clock.advance(days=2)
        else:
            expire_all_keys(served, clock, owner)

        said = post(served, "/v1/history/list", {"session_id": "s"})["items"]
        kept = post(served, "/v1/state/get", PLACE)
        listed = post(served, "/v1/state/search", {})["items"]

    assert [each["decryption_failed"] for each in (*said, kept, *listed)] == [not in_time] * 5
    assert {each["content"] for each in said} == {"Hello." if in_time else "[REDACTED — DECRYPTION FAILED]"}
    assert kept["value"] == ({"days": 4} if in_time else {})
