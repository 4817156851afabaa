from collections.abc import Iterator

import pytest

from backend.kit.dynamodb import Table
from tests.support.tables import aws, moto_table


@pytest.fixture(params=["moto"])
def table() -> Iterator[Table]:
    """The memories table, empty. Another engine than moto joins as one more parameter."""
    with aws():
        yield moto_table("MemoriesTable")
