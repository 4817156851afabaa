"""Vectors are bytes that mean the same on every machine."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.embedding.model import (
    EmbeddingModel,
    Vector,
    dimension,
    dot,
    encodable,
    pack,
    to_unit,
    unpack,
)

COMPONENTS = st.lists(st.floats(-1e6, 1e6, width=32), min_size=1, max_size=50)


def test_a_vector_is_float32_little_endian_on_every_machine() -> None:
    assert pack([1.0, -2.5]) == struct.pack("<2f", 1.0, -2.5)


@given(COMPONENTS)
def test_what_was_packed_is_unpacked(components: list[float]) -> None:
    vector = pack(components)

    assert list(unpack(vector)) == components
    assert dimension(vector) == len(components)


def test_bytes_that_are_no_whole_vector_are_refused() -> None:
    with pytest.raises(ValueError, match="multiple"):
        unpack(Vector(b"12345"))


def test_the_dot_product_of_unit_vectors_is_their_cosine() -> None:
    assert dot(to_unit([3, 4]), to_unit([4, 3])) == pytest.approx(24 / 25, abs=1e-7)
    assert dot(to_unit([1, 0]), to_unit([0, 1])) == 0


def test_vectors_of_different_dimensions_are_not_compared() -> None:
    with pytest.raises(ValueError, match="2 and 3"):
        dot(pack([1, 2]), pack([1, 2, 3]))


@given(COMPONENTS.filter(lambda components: math.hypot(*components) > 1e-3))
def test_a_unit_vector_has_length_one_whatever_it_came_from(components: list[float]) -> None:
    assert math.hypot(*unpack(to_unit(components))) == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize("components", [[], [0.0, 0.0], [math.nan, 1.0], [math.inf, 1.0]])
def test_what_has_no_direction_has_no_unit_vector(components: list[float]) -> None:
    with pytest.raises(ValueError, match="direction"):
        to_unit(components)


def test_models_of_one_name_and_two_dimensions_are_told_apart() -> None:
    assert EmbeddingModel("titan", 256).identity == "titan/256"
    assert EmbeddingModel("titan", 512).identity == "titan/512"


def test_lone_surrogates_become_question_marks_and_all_else_stays() -> None:
    assert encodable("a\ud800b 👋 é\x00") == "a?b 👋 é\x00"
