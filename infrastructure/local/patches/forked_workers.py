"""Gap: each worker imports the same libraries again, half a second of processor of the one machine that all functions share.

AWS has machines for that. With this patch a Python worker is forked from a process that has imported them.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

from infrastructure.local.forks import ForkedProcess, ForkServer
from infrastructure.local.patches.patcher import Patcher

SCRIPT = "_worker.py"


class _Subprocess:
    """The module `subprocess` as the emulator's workers see it."""

    def __init__(self, server: ForkServer) -> None:
        self._server = server

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(subprocess, name)

    def Popen(self, command: list[str], **options: Any) -> ForkedProcess | subprocess.Popen[str]:  # noqa: ANN401, N802 - as it is called there
        """Fork a worker where its script is Python's; start everything else as it is started."""
        if Path(command[-1]).name != SCRIPT:
            return subprocess.Popen(command, **options)
        return self._server.worker(command[-1], options["cwd"], options["env"])


def can_watch() -> bool:
    """Tell whether a descriptor of a process can be had: not outside Linux, before 5.3, or where a sandbox forbids it."""
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (AttributeError, OSError):
        return False
    return True


def apply(patcher: Patcher) -> None:
    """Fork workers, where the system can tell when a process that is not our child has ended."""
    if not can_watch():
        return
    server = ForkServer()
    stock_reset = lambda_runtime.reset

    def reset() -> None:
        stock_reset()
        # New workers are also to have the libraries as they are installed now.
        server.stop()

    patcher.attribute(lambda_runtime, "subprocess", _Subprocess(server))
    patcher.attribute(lambda_runtime, "reset", reset)
