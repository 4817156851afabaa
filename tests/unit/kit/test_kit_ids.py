"""Ids: ULIDs, and ids that a retry repeats."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from backend.kit.clock import FakeClock, epoch_ms
from backend.kit.ids import UlidIds, derived_id, encode_ulid

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TEXTS = st.text(max_size=40)
PARTS = st.lists(TEXTS, max_size=4)


def decoded(text: str) -> int:
    value = 0
    for character in text:
        value = value * 32 + CROCKFORD.index(character)
    return value


@given(st.integers(0, 2**128 - 1))
def test_every_number_of_128_bits_is_26_characters_that_give_it_back(value: int) -> None:
    text = encode_ulid(value)

    assert len(text) == 26
    assert decoded(text) == value


def test_the_largest_ulid_is_the_one_of_the_specification() -> None:
    assert encode_ulid(2**128 - 1) == "7ZZZZZZZZZZZZZZZZZZZZZZZZZ"


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - hypothesis adds the zone
def test_an_id_tells_the_millisecond_it_was_made_in(moment: datetime) -> None:
    made = UlidIds(FakeClock(moment)).new("mem")

    assert decoded(made.removeprefix("mem_")[:10]) == epoch_ms(moment)


def test_an_id_made_later_sorts_later() -> None:
    clock = FakeClock()
    ids = UlidIds(clock)
    made = []
    for _ in range(50):
        made.append(ids.new("mem"))
        clock.advance(milliseconds=1)

    assert made == sorted(made)


def test_ids_of_one_millisecond_differ_and_stand_in_the_order_they_were_made_in() -> None:
    ids = UlidIds(FakeClock())
    made = [ids.new("mem") for _ in range(1000)]

    assert len(set(made)) == 1000
    assert made == sorted(made)


def test_a_clock_that_is_set_back_does_not_turn_the_order_round() -> None:
    clock = FakeClock()
    ids = UlidIds(clock)
    before = ids.new("mem")
    clock.advance(seconds=-5)

    assert ids.new("mem") > before


def test_what_is_derived_of_ids_stands_in_their_order() -> None:
    ids = UlidIds(FakeClock())
    origins = [ids.new("clm") for _ in range(100)]
    derived = [ids.derived("mem", origin, "a fact") for origin in origins]

    assert derived == sorted(derived)


@given(st.integers(0, 2**128 - 1), st.lists(st.integers(0, 1023), unique=True))
def test_what_is_derived_of_one_id_stands_in_its_places(number: int, places: list[int]) -> None:
    origin = f"clm_{encode_ulid(number)}"
    derived = {place: derived_id("mem", origin, str(place), place=place) for place in places}

    assert sorted(places, key=lambda place: derived[place]) == sorted(places)
    assert all(len(each) == 4 + 26 and each[4:18] == origin[4:18] for each in derived.values())


def test_beyond_the_last_place_ids_still_differ() -> None:
    origin = UlidIds(FakeClock()).new("clm")

    assert len({derived_id("mem", origin, str(number), place=number) for number in range(1000, 1200)}) == 200


@given(st.integers(0, 2**128 - 1), PARTS)
def test_a_derived_id_is_always_the_same_and_looks_like_any_other(number: int, parts: list[str]) -> None:
    origin = f"clm_{encode_ulid(number)}"
    derived = derived_id("mem", origin, *parts)

    assert derived == derived_id("mem", origin, *parts)
    assert derived.startswith("mem_")
    assert len(derived) == 4 + 26
    assert set(derived.removeprefix("mem_")) <= set(CROCKFORD)


def test_a_derived_id_begins_with_the_time_of_its_origin() -> None:
    origin = UlidIds(FakeClock()).new("clm")

    assert derived_id("mem", origin, "0").removeprefix("mem_")[:10] == origin.removeprefix("clm_")[:10]


@given(PARTS, PARTS)
def test_different_parts_never_give_one_id(one: list[str], other: list[str]) -> None:
    origin = "clm_01KE6F3C00ABCDEFGHJKMNPQRS"

    assert (derived_id("mem", origin, *one) == derived_id("mem", origin, *other)) == (one == other)


def test_parts_that_join_to_the_same_text_give_different_ids() -> None:
    origin = "clm_01KE6F3C00ABCDEFGHJKMNPQRS"

    assert len({derived_id("mem", origin, *parts) for parts in [("ab",), ("a", "b"), ("", "ab"), ("ab", ""), ()]}) == 5
