"""What holds of the whole run, and what is said of it."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: a test must not fail because something else is running.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steady")


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their argument: what is in them, the time of day in an archive too, may be another in each worker."""
    del config
    return argname if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say just before the closing lines that the engines were left out, when whoever started this says so."""
    if missing := os.environ.get("ENGINES_MISSING"):
        terminalreporter.write_line(f"ENGINES NOT RUN: {missing}")
