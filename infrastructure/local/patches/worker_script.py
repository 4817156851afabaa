"""Changes to the script that the emulator runs in each Python worker."""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from ministack.core import lambda_runtime

from infrastructure.local.patches.patcher import Patcher


def replace(patcher: Patcher, old: str, new: str) -> None:
    """Replace the one place in the worker's script that reads `old`. Raises `LookupError` when there is not exactly one."""
    script: str = lambda_runtime._PYTHON_WORKER_SCRIPT
    if script.count(old) != 1:
        message = f"the worker's script has {script.count(old)} places that read {old!r}; the patch expects one"
        raise LookupError(message)
    patcher.attribute(lambda_runtime, "_PYTHON_WORKER_SCRIPT", script.replace(old, new))


def prepend(patcher: Patcher, source: str) -> None:
    """Put `source` before the worker's script."""
    patcher.attribute(lambda_runtime, "_PYTHON_WORKER_SCRIPT", source + lambda_runtime._PYTHON_WORKER_SCRIPT)
