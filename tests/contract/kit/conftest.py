from collections.abc import Iterator

import pytest

from backend.kit.dynamodb import Table
from tests.support.tables import aws, engine, template_table


@pytest.fixture(params=[engine()])
def table() -> Iterator[Table]:
    """The memories table, empty."""
    with aws():
        yield template_table("MemoriesTable")
