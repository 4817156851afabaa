"""Thousands of functions run here; their log lines are for other tests."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from backend.kit import observability


@pytest.fixture(autouse=True)
def no_log_lines() -> Iterator[None]:
    logger = observability.logger()
    level = logger.log_level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(level)
