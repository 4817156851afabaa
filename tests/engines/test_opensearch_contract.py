"""Every promise of the index port, held against a real OpenSearch: the cases are those of tests/contract/index."""

# ruff: noqa: F403 - the imported functions are the tests
from tests.contract.index.test_index_filters import *
from tests.contract.index.test_index_overlay import *
from tests.contract.index.test_index_sessions import *
from tests.contract.index.test_memory_index import *
