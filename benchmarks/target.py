"""Which service is measured: one that is named, or a local stack of the run's own, made and thrown away."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from examples import service_env
from infrastructure.local.stack import Stack

TENANT = "bench"
PROJECT = "main"


@dataclass(frozen=True, slots=True)
class Target:
    """A service: its address without a slash at the end, a key, and the process that it runs in when that is on this machine."""

    base_url: str
    api_key: str = field(repr=False)
    pid: int | None = None


def add_target(parser: argparse.ArgumentParser) -> None:
    """Give a command the options that say what to measure."""
    parser.add_argument("--base-url", help="address of a running service (default: a local stack of the run's own)")
    parser.add_argument("--api-key", help="key bound to a project, that may add and read; without it the environment's")


@contextmanager
def target(asked: argparse.Namespace) -> Iterator[Target]:
    """Give the service that the options name, or a fresh one. Raises `LocalStackError` when none can be started."""
    if asked.base_url:
        key = asked.api_key or os.environ.get(service_env.API_KEY, "")
        yield Target(asked.base_url.rstrip("/"), key)
        return
    with fresh_stack() as stack:
        running = stack.running()
        yield Target(stack.url, new_key(stack), running.pid if running else None)


@contextmanager
def fresh_stack() -> Iterator[Stack]:
    """Start a local stack with a state and ports of its own, deploy the template to it, and remove it all at the end."""
    with tempfile.TemporaryDirectory(prefix="memorysync-bench-") as folder:
        stack = Stack(state=Path(folder) / "state").with_free_ports()
        stack.start()
        try:
            stack.deploy()
            yield stack
        finally:
            stack.stop()


def new_key(stack: Stack) -> str:
    """Make the benchmark's tenant and project and return a key that is bound to them."""
    stack.invoke("Administer", {"action": "create_tenant", "tenant_id": TENANT, "name": "Benchmark", "scope_mode": "strict"})
    stack.invoke("Administer", {"action": "create_project", "tenant_id": TENANT, "project_id": PROJECT, "name": "Main"})
    made = stack.invoke("Administer", {"action": "create_key", "tenant_id": TENANT, "project_id": PROJECT, "name": "Benchmark"})
    return str(made["api_key"])
