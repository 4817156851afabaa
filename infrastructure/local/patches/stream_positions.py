"""Gap: positions in DynamoDB streams are saved, the records are not, so after a restart the first new records are skipped.

A position counts the records since the stream began. After a restart the stream is empty and begins at 0 again: with an old
position of N the first N new records would never be delivered. Forgetting the positions makes each mapping begin
where its `StartingPosition` says.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

from typing import Any

from ministack.services import lambda_svc

from infrastructure.local.patches.patcher import Patcher


def apply(patcher: Patcher) -> None:
    """Restore no position in a DynamoDB stream; positions in Kinesis streams are restored as before."""
    stock = lambda_svc._restore_esm_positions

    def restore(store: Any, positions: Any) -> None:  # noqa: ANN401 - the emulator's own stores
        if store is not lambda_svc._dynamodb_stream_positions:
            stock(store, positions)

    patcher.attribute(lambda_svc, "_restore_esm_positions", restore)
