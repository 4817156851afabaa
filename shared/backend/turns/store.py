"""What became of turns, in the table of conversations and states.

| item | pk | sk | holds |
|---|---|---|---|
| turn | `R#scope key` | turn id | the session's id, places, ids of memories and outcomes; never text |

It stands in the index `due` as expired states do, and is removed by the same sweep.
"""

from __future__ import annotations

from datetime import datetime

from backend.kit.clock import from_rfc3339, to_rfc3339
from backend.kit.dynamodb import Item, Table
from backend.kit.schema_versions import known
from backend.memories.items import DUE_SHARDS, due_pk, shard_of
from backend.memories.outcomes import CandidateOutcome, Outcome
from backend.state.store import DUE
from backend.turns.model import MessageOutcome, Turn

SCHEMA_VERSION = 1


class DynamoTurnStore:
    """`TurnStore` on DynamoDB."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def put(self, tenant_id: str, scope_key: str, turn: Turn) -> None:
        """Store the item."""
        expires_at = to_rfc3339(turn.expires_at)
        outcomes = [
            [each.message, each.outcome.candidate, each.outcome.outcome.value, each.outcome.memory_id, each.outcome.rule]
            for each in turn.outcomes
        ]
        self._table.put(
            {
                "pk": turns_pk(scope_key),
                "sk": turn.turn_id,
                "schema_version": SCHEMA_VERSION,
                "session_id": turn.session_id,
                "first": turn.first,
                "last": turn.last,
                "outcomes": outcomes,
                "counts": dict(turn.counts),
                "created_at": to_rfc3339(turn.created_at),
                "expires_at": expires_at,
                "due_pk": due_pk(DUE, shard_of(turn.turn_id, DUE_SHARDS)),
                "due_sk": f"{expires_at}#{tenant_id}#{turn.turn_id}",
            }
        )

    def get(self, scope_key: str, turn_id: str, now: datetime) -> Turn | None:
        """Return the turn of the item."""
        item = self._table.get(turns_pk(scope_key), turn_id)
        turn = _turn(item) if item else None
        return turn if turn and now < turn.expires_at else None


def turns_pk(scope_key: str) -> str:
    """Return the partition of an end user's turns."""
    return f"R#{scope_key}"


def _turn(item: Item) -> Turn:
    """Return the turn. Raises `NewerReleaseError`."""
    known(item, SCHEMA_VERSION)
    return Turn(
        turn_id=item["sk"],
        session_id=item["session_id"],
        first=item["first"],
        last=item["last"],
        outcomes=tuple(
            MessageOutcome(message, CandidateOutcome(candidate, Outcome(outcome), memory_id, rule))
            for message, candidate, outcome, memory_id, rule in item["outcomes"]
        ),
        counts=item["counts"],
        created_at=from_rfc3339(item["created_at"]),
    )
