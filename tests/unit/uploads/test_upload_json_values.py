"""JSON becomes lines that say where each value stands, and a paragraph for each entry with a text."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.uploads.json_values import LEFT_OUT, SHORTENED
from backend.uploads.model import Reason
from tests.unit.uploads.upload_samples import named, read, reason_of


def lines(value: object) -> list[str]:
    return read("a.json", json.dumps(value)).text.splitlines()


def test_values_are_named_by_their_path() -> None:
    value = {
        "user": {"name": "Ada", "tags": ["a", "b"], "none": None, "on": True},
        "trips": [{"to": "Rome"}, {"to": [["x"], {"y": 1}]}],
    }

    assert lines(value) == [
        "user.name: Ada",
        "user.tags: a, b",
        "user.on: true",
        "trips[0].to: Rome",
        "trips[1].to[0]: x",
        "trips[1].to[1].y: 1",
    ]


def test_figures_stay_as_they_were_written() -> None:
    found = read("a.json", '{"a": 1.50, "b": 12345678901234567890123, "c": 1e400, "d": NaN, "e": ' + "9" * 5_000 + "}")

    assert found.text.splitlines()[:4] == ["a: 1.50", "b: 12345678901234567890123", "c: 1e400", "d: NaN"]


@pytest.mark.parametrize("key", ["text", "content", "memory"])
def test_a_list_of_entries_with_a_text_is_a_paragraph_each(key: str) -> None:
    found = read("a.json", json.dumps([{key: "I like tea."}, {key: "I live\nin Rome."}]))

    assert found.text == "I like tea.\n\nI live\nin Rome."
    assert found.warnings == ()


def test_entries_keep_who_said_them_and_own_up_to_what_was_left_out() -> None:
    found = read(
        "a.json",
        json.dumps({"messages": [{"role": "user", "content": "Hi", "id": 7}, {"role": "assistant", "content": "Ho"}], "n": 1}),
    )

    assert found.text == "user: Hi\n\nassistant: Ho\n\nn: 1"
    assert found.warnings == (LEFT_OUT,)


def test_a_list_in_which_one_entry_has_no_text_loses_nothing() -> None:
    assert lines([{"text": "I like tea."}, {"kind": "x"}]) == ["text: I like tea.", "", "kind: x"]


def test_objects_of_the_outermost_list_stand_apart() -> None:
    assert read("a.json", '[{"a": 1, "b": 2}, {"a": 3}]').text == "a: 1\nb: 2\n\na: 3"


def test_a_list_of_texts_is_a_paragraph_each_and_a_text_is_itself() -> None:
    assert read("a.json", '["one", "two", null, 3]').text == "one\n\ntwo\n\n3"
    assert read("a.json", '"one"').text == "one"


def test_members_that_are_named_twice_are_both_kept() -> None:
    assert read("a.json", '{"a": 1, "a": 2}').text == "a: 1\na: 2"
    assert read("a.json", '[{"text": "x", "text": ""}]').text == "x"


def test_pairs_of_surrogates_become_signs_and_halves_are_replaced() -> None:
    found = read("a.json", '{"a": "\\ud83d\\ude00", "b": "\\ud800", "c": "\\u0000x"}')

    assert found.text == "a: 😀\nb: \ufffd\nc: x"
    assert len(found.warnings) == 1


def test_a_long_name_is_shortened_and_owned_up_to() -> None:
    found = read("a.json", json.dumps({"n" * 600: "value"}))

    assert found.text.endswith("…: value")
    assert found.warnings == (SHORTENED,)


@pytest.mark.parametrize("content", [b"{", b'{"a": 1} trailing', b"{'a': 1}", b"[1,]", b"not json"], ids=named)
def test_what_is_not_json_is_refused_as_damaged(content: bytes) -> None:
    assert reason_of("a.json", content) is Reason.DAMAGED


@pytest.mark.parametrize("content", [b"null", b"{}", b"[]", b'[[], {"a": []}, ""]'], ids=named)
def test_json_without_a_value_has_no_text(content: bytes) -> None:
    assert reason_of("a.json", content) is Reason.NO_TEXT


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 300 + b"1" + b"}" * 300, b"[" * 250 + b"1,[2]" + b"]" * 250], ids=named
)
def test_values_nested_too_deep_are_refused_for_it(content: bytes) -> None:
    assert reason_of("a.json", content) is Reason.TOO_DEEP


def test_long_names_inside_each_other_are_refused_for_it() -> None:
    assert reason_of("a.json", deep_names()) is Reason.TOO_DEEP


def deep_names() -> bytes:
    value: object = "x"
    for _ in range(10):
        value = {"n" * 500: value}
    return json.dumps(value).encode()


single = (
    st.text(alphabet=st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Cc", "Zs", "Zl", "Zp"]), min_size=1, max_size=9)
    | st.integers()
)
tree = st.recursive(
    single, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4), max_leaves=20
)


@given(tree.filter(lambda value: any(True for _ in leaves(value))))
def test_every_single_value_is_in_the_text(value: object) -> None:
    text = read("a.json", json.dumps(value)).text

    assert [str(each) for each in leaves(value) if str(each) not in text] == []


def leaves(value: object) -> list[object]:
    if isinstance(value, dict):
        return [leaf for each in value.values() for leaf in leaves(each)]
    if isinstance(value, list):
        return [leaf for each in value for leaf in leaves(each)]
    return [value]
