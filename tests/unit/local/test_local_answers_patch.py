"""Answers of DynamoDB say what they said, without blanks."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ministack.services import dynamodb

from infrastructure.local.patches import short_answers
from infrastructure.local.patches.patcher import Patcher

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
ANSWER = {"Responses": {"t": [{"pk": {"S": "日本 é"}}]}, "ConsumedCapacity": {"CapacityUnits": 2.0}}


@given(answer=st.dictionaries(st.text(), VALUES, max_size=4))
def test_an_answer_says_what_it_said(answer: dict[str, Any]) -> None:
    status, headers, body = dynamodb.json_response(answer)
    with Patcher() as patcher:
        short_answers.apply(patcher)
        again = dynamodb.json_response(answer)

    assert (again[0], again[1], json.loads(again[2])) == (status, headers, json.loads(body))


def test_the_stock_emulator_writes_blanks() -> None:
    assert b'": ' in dynamodb.json_response(ANSWER)[2]


def test_an_answer_has_no_blanks(patcher: Patcher) -> None:
    short_answers.apply(patcher)

    assert dynamodb.json_response(ANSWER)[2] == json.dumps(ANSWER, separators=(",", ":"), ensure_ascii=False).encode()
    assert dynamodb.json_response(ANSWER, 400)[0] == 400
    assert dynamodb.json_response({}, content_type="text/plain")[1] == {"Content-Type": "text/plain"}


def test_what_no_answer_can_hold_is_refused_as_before(patcher: Patcher) -> None:
    short_answers.apply(patcher)

    with pytest.raises(UnicodeEncodeError):
        dynamodb.json_response({"half of a pair": "\ud83d"})
