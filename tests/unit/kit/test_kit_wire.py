"""The types that request bodies are made of."""

from __future__ import annotations

import json
import re
import sys
from copy import deepcopy
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, ValidationError

from backend.kit.errors import MetadataTooLargeError
from backend.kit.wire import NOT_BLANK, Clean, EndUserId, Moment, Name, Wire, check_keys, check_metadata, clean, shown, utc

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
JSON_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


class Note(Wire):
    """A body to try things on."""

    text: Clean = ""
    name: Name = "n"
    at: Moment | None = None
    until: Moment | None = None
    end_user: EndUserId | None = None
    count: int = 0
    weight: float = 0.0
    metadata: dict[str, Any] = Field(default_factory=dict)


def read(**fields: Any) -> Note:
    return Note.model_validate(fields)


def refusal(**fields: Any) -> str:
    with pytest.raises(ValidationError) as error:
        read(**fields)
    (first, *_) = error.value.errors()
    return first["msg"]


# Text


@given(TEXTS)
def test_every_whole_text_is_kept_as_it_is(text: str) -> None:
    assert clean(text) == text
    assert read(text=text).text == text


@given(st.text(), st.text(), st.integers(0xD800, 0xDFFF).map(chr) | st.just("\0"))
def test_nul_and_half_surrogates_are_refused_wherever_they_stand(before: str, after: str, bad: str) -> None:
    with pytest.raises(ValueError, match="Must not hold"):
        clean(before + bad + after)


def test_a_character_beyond_the_first_plane_is_no_half() -> None:
    assert read(text=json.loads('"\\ud83d\\ude00"')).text == "😀"


@pytest.mark.parametrize("name", ["", "x" * 257, "a\0b"])
def test_a_name_is_1_to_256_clean_characters(name: str) -> None:
    with pytest.raises(ValidationError):
        read(name=name)


def test_a_name_of_256_characters_is_one() -> None:
    assert len(read(name="ü" * 256).name) == 256


# Types are taken as they are sent


@pytest.mark.parametrize(
    ("field", "value"),
    [("count", "5"), ("count", 5.0), ("count", True), ("weight", "0.5"), ("text", 5), ("text", None), ("metadata", [])],
)
def test_a_value_of_another_type_is_refused_and_not_converted(field: str, value: object) -> None:
    with pytest.raises(ValidationError):
        read(**{field: value})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused(value: float) -> None:
    with pytest.raises(ValidationError):
        read(weight=value)


@pytest.mark.parametrize("value", ["u1", 42, 0, -7])
def test_an_end_user_is_text_or_a_number_as_sent(value: str | int) -> None:
    assert read(end_user=value).end_user == value


@pytest.mark.parametrize("value", [True, 1.5, [], {}])
def test_an_end_user_is_nothing_else(value: object) -> None:
    with pytest.raises(ValidationError):
        read(end_user=value)


# Moments


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-10-02T09:00:00Z", datetime(2026, 10, 2, 9, tzinfo=UTC)),
        ("2026-10-02t09:00:00z", datetime(2026, 10, 2, 9, tzinfo=UTC)),
        ("2026-10-02 09:00:00Z", datetime(2026, 10, 2, 9, tzinfo=UTC)),
        ("2026-10-02T09:00Z", datetime(2026, 10, 2, 9, tzinfo=UTC)),
        ("2026-10-02T09:00:00.5Z", datetime(2026, 10, 2, 9, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-10-02T09:00:00.123456789012Z", datetime(2026, 10, 2, 9, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-10-02T09:00:00+05:30", datetime(2026, 10, 2, 3, 30, tzinfo=UTC)),
        ("2026-10-02T09:00:00+0530", datetime(2026, 10, 2, 3, 30, tzinfo=UTC)),
        ("2026-10-02T09:00:00-00:00", datetime(2026, 10, 2, 9, tzinfo=UTC)),
        ("2024-02-29T23:59:59.999999Z", datetime(2024, 2, 29, 23, 59, 59, 999_999, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC)),
        ("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)),
    ],
)
def test_a_moment_is_read_in_every_form_of_the_standard(text: str, moment: datetime) -> None:
    assert utc(read(at=text).at) == moment


@pytest.mark.parametrize(
    "value",
    [
        "",
        "now",
        "2026-10-02",
        "2026-10-02T",
        "2026-10-02T09",
        "2026-10-02T09:00:00.Z",
        "2026-10-02T09:00.5Z",
        "2026-10-02T9:00:00Z",
        "20261002T090000Z",
        "2026-W40-5T09:00:00Z",
        "2026-10-02T09:00:00 Z",
        " 2026-10-02T09:00:00Z",
        "2026-10-02T09:00:00Z\n",
        "2026-10-02T24:00:00Z",
        "2026-10-02T09:60:00Z",
        "2026-10-02T09:00:61Z",
        "2026-02-29T09:00:00Z",
        "2026-13-01T09:00:00Z",
        "0000-01-01T00:00:00Z",
        "2026-10-02T09:00:00+24:00",
        "2026-10-02T09:00:00+05:60",
        "2026-10-02T09:00:00+05",
        "2026-10-02T09:00:0\u0660Z",
        "0001-01-01T00:00:00+05:00",
        "9999-12-31T23:59:59-05:00",
        1767603600,
        1767603600.5,
        ["2026-10-02T09:00:00Z"],
    ],
)
def test_what_is_no_moment_is_refused_in_words_that_do_not_quote_it(value: object) -> None:
    assert refusal(at=value) == "Value error, Must be a date and time by RFC 3339, such as 2026-10-02T09:00:00Z."


@given(st.text("0123456789-+:.TtZz ", max_size=30))
def test_no_text_near_a_moment_brings_the_reader_down(text: str) -> None:
    try:
        at = read(at=text).at
    except ValidationError:
        return
    assert utc(at) is not None


def test_a_moment_is_shown_in_utc_and_none_as_none() -> None:
    assert shown(datetime(2026, 1, 1, 2, tzinfo=timezone(timedelta(hours=2)))) == "2026-01-01T00:00:00.000Z"
    assert shown(None) is None
    assert utc(None) is None


# Warnings and the canonical form


def test_what_was_sent_and_used_needs_no_warning() -> None:
    assert read(text="hi", at="2026-10-02T09:00:00Z").warnings() == []


def test_unknown_fields_are_named_in_order() -> None:
    assert read(zebra=1, ant={"deep": [1]}).warnings() == [
        "Unknown field 'ant' was not used.",
        "Unknown field 'zebra' was not used.",
    ]


def test_a_moment_without_offset_is_read_as_utc_and_said_to_be() -> None:
    note = read(at="2026-10-02T09:00:00", until="2026-10-02T09:00:00+01:00")

    assert note.warnings() == ["'at' has no offset and was read as UTC."]
    assert utc(note.at) == datetime(2026, 10, 2, 9, tzinfo=UTC)


def test_a_crowd_of_unknown_fields_does_not_make_a_crowd_of_warnings() -> None:
    warnings = read(**{f"field_{number:05d}_{'x' * 100}": 1 for number in range(10_000)}).warnings()

    assert len(warnings) == 21
    assert warnings[-1] == "9980 more unknown fields were not used."
    assert max(map(len, warnings)) < 100


def test_the_order_of_fields_and_the_spelling_of_a_moment_do_not_make_another_body() -> None:
    one = Note.model_validate_json('{"text": "a", "at": "2026-10-02T09:00:00Z", "more": {"b": 1, "a": 2}}')
    other = Note.model_validate_json('{"more": {"a": 2, "b": 1}, "at": "2026-10-02 09:00:00+00:00", "text": "\\u0061"}')

    assert one.canonical() == other.canonical()


@given(
    st.dictionaries(st.text(min_size=1), JSON_VALUES, max_size=4), st.dictionaries(st.text(min_size=1), JSON_VALUES, max_size=4)
)
def test_bodies_that_differ_have_canonical_forms_that_differ(one: dict[str, Any], other: dict[str, Any]) -> None:
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)

    assert (read(metadata=one).canonical() == read(metadata=other).canonical()) == same


def test_a_field_left_out_and_one_sent_with_its_default_are_not_the_same_body() -> None:
    assert read().canonical() != read(count=0).canonical()


def test_a_canonical_form_is_plain_ascii_whatever_was_sent() -> None:
    assert read(text="ü😀", extra={"\ud800": float("nan")}).canonical().isascii()


# Metadata


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


def checked(metadata: dict[str, Any], most_bytes: int = 16 * 1024, most_depth: int = 16) -> dict[str, Any]:
    return check_metadata(metadata, most_bytes=most_bytes, most_depth=most_depth)


@given(st.dictionaries(TEXTS, JSON_VALUES, max_size=4))
def test_metadata_that_fits_is_kept_as_it_is(metadata: dict[str, Any]) -> None:
    before = deepcopy(metadata)

    assert checked(metadata, 10**6) == before


def test_metadata_may_be_as_large_as_the_limit_in_bytes_and_not_one_larger() -> None:
    fits = {"k": "ü" * ((1000 - len('{"k":""}')) // 2)}
    assert len(json.dumps(fits, ensure_ascii=False, separators=(",", ":")).encode()) == 1000

    assert checked(fits, 1000) is fits
    with pytest.raises(MetadataTooLargeError) as error:
        checked(fits | {"l": 1}, 1000)
    assert error.value.facts == {"limit_bytes": 1000}
    assert error.value.faults[0].pointer == "/metadata"


def test_metadata_may_be_as_deep_as_the_limit_and_not_one_level_deeper() -> None:
    assert checked(nested(16)) == nested(16)
    with pytest.raises(ValueError, match="deeper than 16 levels"):
        checked(nested(17))


def test_lists_count_as_levels_too() -> None:
    assert checked({"a": [[1]]}, most_depth=3)
    with pytest.raises(ValueError, match="deeper than 2 levels"):
        checked({"a": [[1]]}, most_depth=2)


def test_depth_that_would_break_the_reader_is_only_too_deep() -> None:
    with pytest.raises(ValueError, match="deeper"):
        checked(nested(100_000))


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_metadata_without_numbers_that_json_lacks(number: float) -> None:
    with pytest.raises(ValueError, match="Must be JSON"):
        checked({"a": [{"b": number}]})


@pytest.mark.parametrize("bad", ["\0", "\ud800", "a\udfffb"])
@pytest.mark.parametrize(
    "place", [lambda bad: {"a": bad}, lambda bad: {bad: 1}, lambda bad: {"a": [{"b": [bad]}]}, lambda bad: {"a": {bad: 1}}]
)
def test_metadata_holds_no_nul_and_no_half_surrogates_in_names_or_values(bad: str, place: Any) -> None:
    with pytest.raises(ValueError, match="Must not hold"):
        checked(place(bad))


def test_a_refusal_of_metadata_never_quotes_it() -> None:
    with pytest.raises(MetadataTooLargeError) as error:
        checked({"secret-name": "secret-value" * 2000})

    assert "secret" not in str(error.value) + error.value.faults[0].detail


# What `\s` stands for in a pattern of the contract, whatever it does in Python (ECMA-262, CharacterClassEscape `s`).
ECMA_BLANKS = r"\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"


def test_the_contract_takes_no_text_for_one_that_is_blank_to_us() -> None:
    contract = re.compile(NOT_BLANK.replace(r"\s", ECMA_BLANKS))
    blank = [chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()]

    assert [each for each in blank if contract.search(each)] == []
    assert contract.search("\x85 a \x1c")


def test_metadata_may_have_so_many_keys_of_such_a_length_and_not_one_more() -> None:
    many = {"deep": [{"k" * 3: number} for number in range(4)]}

    check_keys(many, most=5, longest=4)

    with pytest.raises(ValueError, match="more than 4 keys in all; this has 5"):
        check_keys(many, most=4, longest=4)
    with pytest.raises(ValueError, match="key of more than 3 characters"):
        check_keys(many, most=5, longest=3)
