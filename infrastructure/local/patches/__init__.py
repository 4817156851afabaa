"""Where MiniStack 1.5.33 differs from AWS in what the product needs: one module per gap, named for the gap.

Each module has `apply(patcher)`, and a test that shows the gap without the patch: when that test fails, upstream has mended
it and the module can go. They reach into private names of the emulator, hence its pinned version.
"""

from __future__ import annotations

from infrastructure.local.patches import (
    call_bodies,
    condition_split,
    expressions,
    forked_workers,
    function_errors,
    function_logs,
    http_api_body,
    http_api_limits,
    item_copies,
    item_sizes,
    metric_points,
    plain_items,
    queue_windows,
    role_checks,
    short_answers,
    state_language_yaml,
    statement_parsing,
    statement_rights,
    stream_positions,
    stream_retries,
    transaction_tokens,
    worker_ceiling,
)
from infrastructure.local.patches.patcher import Patcher

PATCHES = (
    condition_split,
    expressions,
    http_api_body,
    http_api_limits,
    item_copies,
    item_sizes,
    metric_points,
    plain_items,
    queue_windows,
    # Before what checks each action once.
    statement_rights,
    role_checks,
    # Reads what the role checks have read.
    call_bodies,
    short_answers,
    state_language_yaml,
    statement_parsing,
    stream_positions,
    stream_retries,
    transaction_tokens,
    function_errors,
    function_logs,
    worker_ceiling,
    forked_workers,
)


def apply_all(patcher: Patcher) -> None:
    """Apply every patch."""
    for patch in PATCHES:
        patch.apply(patcher)
