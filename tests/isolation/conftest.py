"""One world of neighbours for each file of tests: in this process, or on a deployed local stack of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.isolation.in_process import in_process
from tests.isolation.matrix import Matrix
from tests.isolation.world import World
from tests.support.logs import LogLines, log_lines

WHOLE = os.environ.get("ISOLATION") == "whole"
"""`make test-isolation` asks for every cell. Else what is the caller's own is whole where it is read, and few of the rest."""

FEW = 23
"""Of what is others' each so-manieth cell is tried; a prime, so that no caller always meets the same owners."""

EVERY = 1 if WHOLE else FEW


@dataclass(frozen=True)
class Watched:
    """A matrix on a world in this process, with everything that is logged meanwhile."""

    matrix: Matrix
    lines: LogLines

    @property
    def world(self) -> World:
        """Return the neighbours."""
        return self.matrix.world


@pytest.fixture(scope="module")
def neighbours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everybody who lives here, in this process; who still has exactly what they stored when all tests are over."""
    with in_process(tmp_path_factory.mktemp("isolation")) as door:
        world = World.seeded(door)
        yield world
        world.intact()


@pytest.fixture
def watched(neighbours: World) -> Iterator[Watched]:
    """A matrix whose log is read when the test is over."""
    with log_lines() as lines:
        watched = Watched(Matrix(neighbours), lines)
        yield watched
    assert watched.matrix.read_log(lines) == len(watched.matrix.requests)
