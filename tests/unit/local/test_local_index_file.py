"""An index file of an earlier release is filled anew from the table, once, and whole even when that is interrupted."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from backend.index.embedded import EmbeddedIndex
from backend.index.embedded_file import VERSION
from backend.kit.clock import FakeClock
from infrastructure.local.errors import DeployError, FunctionFailedError
from infrastructure.local.index_file import layout_of, renew
from infrastructure.local.stack import Stack
from tests.contract.index.index_cases import document


class Rebuilding(Stack):
    """A stack whose function rebuilds in two calls, each of which may fail."""

    calls: list[Any]
    fails: bool

    def invoke(self, logical_id: str, payload: object) -> Any:
        self.calls.append((logical_id, payload))
        if self.fails:
            raise FunctionFailedError(logical_id, {"errorType": "Timeout"})
        with closing(EmbeddedIndex(self.index, FakeClock())) as index:
            index.write("acme", [document()])
        return {"projected": 1, "after": None if payload else {"pk": "M#1"}}


@pytest.fixture
def stack(tmp_path: Path) -> Rebuilding:
    made = Rebuilding(state=tmp_path)
    object.__setattr__(made, "calls", [])
    object.__setattr__(made, "fails", False)
    return made


def of_another_release(stack: Stack) -> None:
    with closing(EmbeddedIndex(stack.index, FakeClock())) as index:
        index.write("acme", [document()])
    with closing(apsw.Connection(str(stack.index))) as file:
        file.execute(f"PRAGMA user_version={VERSION + 1}")


def test_a_file_of_this_release_and_a_missing_one_are_left_alone(stack: Rebuilding) -> None:
    assert not renew(stack, print)
    with closing(EmbeddedIndex(stack.index, FakeClock())) as index:
        index.write("acme", [document()])

    assert not renew(stack, print)
    assert stack.calls == []


def test_a_file_of_another_release_is_filled_anew_page_after_page(stack: Rebuilding) -> None:
    of_another_release(stack)
    said: list[str] = []

    assert renew(stack, said.append)

    assert [payload for _, payload in stack.calls] == [{}, {"projected": 1, "after": {"pk": "M#1"}}]
    assert (layout_of(stack.index), len(said)) == (VERSION, 1)
    assert [each.name for each in stack.directory.glob("index.old*")] == []
    assert not renew(stack, said.append)


def test_what_was_interrupted_is_done_the_next_time(stack: Rebuilding) -> None:
    of_another_release(stack)
    object.__setattr__(stack, "fails", True)
    with pytest.raises(DeployError, match="RebuildIndex failed with Timeout"):
        renew(stack, print)
    object.__setattr__(stack, "fails", False)

    assert renew(stack, print)

    assert [each.name for each in stack.directory.glob("index.old*")] == []
