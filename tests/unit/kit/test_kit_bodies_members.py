"""No member of a body is dropped silently."""

from __future__ import annotations

import pytest

from backend.kit.bodies import read_json
from backend.kit.errors import MalformedRequestError


@pytest.mark.parametrize(
    "body",
    [
        b'{"text": "a", "text": "b"}',
        b'{"query": "a", "filters": {"tags": ["x"]}, "filters": {}}',
        b'{"filters": {"tags": ["x"], "tags": []}}',
        b'{"list": [{"a": 1, "\\u0061": 1}]}',
    ],
    ids=["text", "filters", "inside", "escaped"],
)
def test_a_member_that_is_named_twice_is_refused_and_not_quoted(body: bytes) -> None:
    with pytest.raises(MalformedRequestError) as refused:
        read_json(body)

    assert refused.value.detail == "The body holds an object that names a member twice."
    [fault] = refused.value.faults
    assert fault.pointer == ""
    assert "once" in fault.detail


def test_the_same_name_in_two_objects_is_no_fault() -> None:
    assert read_json(b'[{"a": 1}, {"a": {"a": 2}}]') == [{"a": 1}, {"a": {"a": 2}}]
