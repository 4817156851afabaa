"""What holds of the whole run, and what is said of it."""

from __future__ import annotations

import gc
import os
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: a test must not fail because something else is running.
settings.register_profile("steady", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# On another Python the same is tried with fewer examples: it is there for what differs between them (Makefile).
settings.register_profile("few", settings.get_profile("steady"), max_examples=20)
settings.load_profile(os.environ.get("EXAMPLES", "steady"))


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Name bytes by their argument: what is in them, the time of day in an archive too, may be another in each worker."""
    del config
    return argname if isinstance(val, bytes) else None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say just before the closing lines what was left out beside these tests, when whoever started them says so."""
    if missing := os.environ.get("ENGINES_MISSING"):
        terminalreporter.write_line(f"ENGINES NOT RUN: {missing}")
    if missing := os.environ.get("PACKAGES_MISSING"):
        terminalreporter.write_line(f"PACKAGES NOT RUN AT WORK: {missing}")


def pytest_collection_finish() -> None:
    """Look for garbage seldom, and not among what the run stands on: a sixth of its time went there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 20)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool:
    """Run a test as pytest does, with room on the interpreter's stack.

    CPython keeps frames in chunks of 16 KB, and gives one back as soon as it is empty. pytest's own frames fill most of the
    first: a test then maps and unmaps a chunk at every call across its end, which took a third of the run's time.
    """
    where: dict[str, Any] = {"nodeid": item.nodeid, "location": item.location}
    item.ihook.pytest_runtest_logstart(**where)
    _in_a_large_chunk(item, nextitem)
    item.ihook.pytest_runtest_logfinish(**where)
    return True


def _in_a_large_chunk(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    runtestprotocol(item, nextitem=nextitem)


# A frame of 560 KB stands in a chunk of 1 MB; what is called from it has the rest.
_in_a_large_chunk.__code__ = _in_a_large_chunk.__code__.replace(co_stacksize=70_000)
