from collections.abc import Iterator

import pytest

from backend.kit.clock import FakeClock
from backend.kit.http import serve
from backend.kit.tasks import Handler
from tests.support.tables import aws
from tests.unit.kit.sample_app import build


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def tables() -> Iterator[None]:
    """The template's tables, empty."""
    with aws():
        yield


@pytest.fixture(scope="session")
def handler() -> Handler:
    """The sample app as Lambda calls it."""
    return serve(build())
