"""Vectors as bytes, so that features can carry them without a numeric library."""

from __future__ import annotations

import math
import sys
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from operator import mul
from typing import NewType

Vector = NewType("Vector", bytes)
"""Unit-length float32 components, little-endian, 4 bytes each."""

COMPONENT_BYTES = 4


class Purpose(StrEnum):
    """What a text is embedded for; some models tell them apart."""

    DOCUMENT = "document"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class EmbeddingModel:
    """Which model made a vector. Vectors of different models are never compared."""

    name: str
    dimension: int

    @property
    def identity(self) -> str:
        """The name stored with each vector: `minilm-l6-v2-int8/384`."""
        return f"{self.name}/{self.dimension}"


def pack(components: Iterable[float]) -> Vector:
    """Return the components as they are, as bytes. Raises `OverflowError` for one beyond float32."""
    return Vector(_little_endian(array("f", components)).tobytes())


def unpack(vector: Vector) -> array[float]:
    """Return the components as an array of float32. Raises `ValueError` when the bytes are no whole number of them."""
    components = array("f")
    components.frombytes(vector)
    return _little_endian(components)


def dimension(vector: Vector) -> int:
    """Return how many components there are."""
    return len(vector) // COMPONENT_BYTES


def dot(left: Vector, right: Vector) -> float:
    """Return the dot product, which for unit vectors is the cosine. Raises `ValueError` for different dimensions."""
    if len(left) != len(right):
        message = f"Vectors of {dimension(left)} and {dimension(right)} components cannot be compared."
        raise ValueError(message)
    return math.fsum(map(mul, unpack(left), unpack(right)))


def to_unit(components: Iterable[float]) -> Vector:
    """Return the vector of length 1 in the same direction. Raises `ValueError` when there is none: zero or not finite."""
    values = array("d", components)
    length = math.hypot(*values)
    if not math.isfinite(length) or length == 0:
        message = "A vector without a direction cannot be brought to length 1."
        raise ValueError(message)
    return pack(value / length for value in values)


def encodable(text: str) -> str:
    """Return the text with what UTF-8 cannot carry (lone surrogates) replaced by a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _little_endian(components: array[float]) -> array[float]:
    if sys.byteorder == "big":
        components.byteswap()
    return components
