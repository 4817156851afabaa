"""Gap: a stream batch that failed in part counts as done, and one that raised is tried for ever.

The emulator ignores `batchItemFailures`, `MaximumRetryAttempts` and `BisectBatchOnFunctionError` of DynamoDB streams. This patch
does what https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-errors.html says: the first failed record is the
checkpoint, what is before it is done; from there on the batch is tried again until the attempts or the record's age are
used up, halved each time where bisection is on; then it goes to the mapping's `OnFailure` destination and the shard goes on.
"""

# ruff: noqa: SLF001 - the emulator has no public seams; its version is pinned
from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.arn import parse_arn
from ministack.core.responses import request_scope
from ministack.services import dynamodb, lambda_svc

from infrastructure.local.patches.patcher import Patcher

Json = dict[str, Any]
Key = tuple[str, str, str]

PAUSE_SECONDS = 1.0
"""Between two attempts; AWS waits longer and longer."""
FOR_EVER = -1
REPORTS = "ReportBatchItemFailures"


@dataclass(slots=True)
class Trouble:
    """What is known about a mapping whose newest batch failed."""

    attempts: int = 0
    narrowed_to: int | None = None
    not_before: float = 0.0


class Streams:
    """Reads the tables' streams for all event source mappings."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._troubles: dict[Key, Trouble] = {}

    def poll(self) -> bool:
        """Give each mapping one batch; return whether any of them moved on."""
        moved = False
        for account, region, mapping in list(lambda_svc._iter_all_esms()):
            with request_scope(account, region):
                table = self._table(mapping) if mapping.get("Enabled", True) else None
                if table:
                    moved = self._advance((account, region, mapping["UUID"]), mapping, table) or moved
        return moved

    def _table(self, mapping: Json) -> str | None:
        """Return the name of the table whose current stream the mapping reads."""
        source = mapping.get("EventSourceArn", "")
        if ":dynamodb:" not in source:
            return None
        found = lambda_svc._dynamodb_stream_table_from_arn_spec(parse_arn(source))
        table = dynamodb._tables.get(found[0]) if found else None
        return str(found[0]) if table and table.get("LatestStreamArn") == source else None

    def _advance(self, key: Key, mapping: Json, table: str) -> bool:
        """Deliver the next batch; return whether the position moved."""
        trouble = self._troubles.get(key, Trouble())
        function, _ = lambda_svc._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        if function is None or self._clock() < trouble.not_before:
            return False
        position = self._position(mapping, table)
        batch = dynamodb.stream_records_since(table, position, trouble.narrowed_to or mapping.get("BatchSize", 100))
        wanted = lambda_svc._apply_filter_criteria(batch, mapping) if batch else []
        if not wanted:
            self._move(mapping, position + len(batch))
            return bool(batch)
        result = lambda_svc._execute_function(function, {"Records": wanted})
        failed = first_failure(result, batch, wanted, reports=REPORTS in mapping.get("FunctionResponseTypes", []))
        if failed is None:
            self._troubles.pop(key, None)
            self._move(mapping, position + len(batch))
            mapping["LastProcessingResult"] = f"OK - {len(wanted)} records"
            return True
        mapping["LastProcessingResult"] = "FAILED"
        if failed:
            # What is before the checkpoint is done, and the rest is a batch of its own.
            trouble = Trouble()
        trouble.attempts += 1
        rest = batch[failed:]
        given_up = self._give_up(trouble, mapping, rest)
        if given_up:
            dropped = lambda_svc._apply_filter_criteria(rest, mapping)
            lambda_svc._send_ddb_stream_failure_record(mapping, function, dropped, mapping["EventSourceArn"], result, given_up)
            self._troubles.pop(key, None)
            self._move(mapping, position + len(batch))
            return True
        if mapping.get("BisectBatchOnFunctionError") and len(rest) > 1:
            trouble.narrowed_to = (len(rest) + 1) // 2
        trouble.not_before = self._clock() + PAUSE_SECONDS
        self._troubles[key] = trouble
        self._move(mapping, position + failed)
        return failed > 0

    def _give_up(self, trouble: Trouble, mapping: Json, rest: list[Json]) -> str | None:
        """Return why the rest of a batch is not tried again, if so, in the words of the destination's record."""
        oldest = min(float(record["dynamodb"]["ApproximateCreationDateTime"]) for record in rest)
        age = int(mapping.get("MaximumRecordAgeInSeconds") or FOR_EVER)
        attempts = mapping.get("MaximumRetryAttempts")
        if age > 0 and self._clock() - oldest > age:
            return "MaxRecordAgeExceeded"
        splits = mapping.get("BisectBatchOnFunctionError") and len(rest) > 1
        if attempts is not None and int(attempts) >= 0 and trouble.attempts > int(attempts) and not splits:
            return "RetryAttemptsExhausted"
        return None

    def _position(self, mapping: Json, table: str) -> int:
        """Return where the mapping goes on; the first time that is where its `StartingPosition` says."""
        horizon: int = dynamodb.stream_start_position(table)
        with lambda_svc._dynamodb_stream_positions_lock:
            positions = lambda_svc._dynamodb_stream_positions
            if mapping["UUID"] not in positions:
                latest = mapping.get("StartingPosition", "LATEST") != "TRIM_HORIZON"
                positions[mapping["UUID"]] = dynamodb.stream_end_position(table) if latest else horizon
            return max(int(positions[mapping["UUID"]]), horizon)

    def _move(self, mapping: Json, position: int) -> None:
        with lambda_svc._dynamodb_stream_positions_lock:
            lambda_svc._dynamodb_stream_positions[mapping["UUID"]] = position


def first_failure(result: Json, batch: list[Json], wanted: list[Json], *, reports: bool) -> int | None:
    """Return the place in the batch of the first record that has to be tried again; `None` when all is done.

    A raised error, and an answer that names a record that was not sent, are failures of the whole batch.
    """
    if result.get("error"):
        return 0
    body = result.get("body")
    failures = body.get("batchItemFailures") if reports and isinstance(body, dict) else None
    if not failures:
        return None
    named = {str(failure.get("itemIdentifier")) for failure in failures}
    sent = {str(record["dynamodb"]["SequenceNumber"]) for record in wanted}
    if not named <= sent:
        return 0
    return next(place for place, record in enumerate(batch) if str(record["dynamodb"]["SequenceNumber"]) in named)


def apply(patcher: Patcher) -> None:
    """Read the streams with retries."""
    patcher.attribute(lambda_svc, "_poll_dynamodb_streams", Streams().poll)
