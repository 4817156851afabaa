"""Gap: a burst of calls starts as many workers as there are calls, each a Python process of 50 MB and a second of processor.

AWS has machines for that; one machine is faster with a few workers and a queue. With this patch a call that finds a
function's workers busy, and as many as allowed, waits for one. A call that waited too long is throttled, as AWS does.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from ministack.services import lambda_svc

from infrastructure.local.patches.patcher import Patcher

WORKERS_PER_FUNCTION = 4
PATIENCE_SECONDS = 25.0
_RECHECK_SECONDS = 1.0


def apply(patcher: Patcher, ceiling: int = WORKERS_PER_FUNCTION, patience: float = PATIENCE_SECONDS) -> None:
    """Bound the workers of each function; calls beyond wait up to `patience` seconds for a free one."""
    stock_acquire, stock_release = lambda_svc.acquire_worker, lambda_svc.release_worker
    freed = threading.Condition()

    def acquire(*args: Any, **options: Any) -> tuple[Any, str]:  # noqa: ANN401 - the emulator is untyped
        deadline = time.monotonic() + patience
        options["max_concurrency"] = min(options.get("max_concurrency") or ceiling, ceiling)
        with freed:
            while True:
                worker, reason = stock_acquire(*args, **options)
                remaining = deadline - time.monotonic()
                if worker is not None or remaining <= 0:
                    return worker, reason
                # Rechecking covers workers that vanish without a release, as when all are recycled.
                freed.wait(min(remaining, _RECHECK_SECONDS))

    def release(worker: Any) -> None:  # noqa: ANN401 - the emulator is untyped
        stock_release(worker)
        with freed:
            freed.notify_all()

    patcher.attribute(lambda_svc, "acquire_worker", acquire)
    patcher.attribute(lambda_svc, "release_worker", release)
