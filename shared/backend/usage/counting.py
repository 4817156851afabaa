"""From what queries said they returned to one update for each memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, wait
from contextvars import copy_context
from datetime import datetime

from backend.kit import deadline, observability
from backend.kit.clock import Clock
from backend.kit.errors import ConflictError, DependencyUnavailableError, NewerReleaseError
from backend.usage.messages import access_of
from backend.usage.model import COUNTED_FOR, Access, Mark, Tally, Target, folded
from backend.usage.ports import UsageStore

MOST_ROUNDS = 8
"""So often a tally is read again that somebody else changed meanwhile; then its messages come again."""

TARGETS_A_ROUND = 100
SPARE_SECONDS = 5.0


class Counting:
    """Messages may come more than once, late, in any order and in any batches: each access counts once.

    That holds as long as not more than `REMEMBERED` other accesses of the same memory are counted between two deliveries.
    """

    def __init__(self, *, store: UsageStore, clock: Clock, executor: Executor) -> None:
        self._store = store
        self._clock = clock
        self._executor = executor

    def count(self, messages: Mapping[str, str]) -> list[str]:
        """Count what messages, by their ids, say; return the ids of those that have to come again.

        These are the ones that cannot be read, and those of which a memory could not be counted: what was counted of them
        is recognised when they come again.
        """
        accesses: dict[str, Access] = {}
        for name, body in messages.items():
            try:
                accesses[name] = access_of(body)
            except ValueError as error:
                observability.count("accesses_unreadable")
                observability.log_failure("a message could not be read", error)
        oldest = self._clock.now() - COUNTED_FOR
        left = self._left([each for each in accesses.values() if each.at > oldest])
        done = {
            name
            for name, access in accesses.items()
            if access.at <= oldest or not any((access.tenant_id, each) in left for each in access.memory_ids)
        }
        observability.count("accesses_too_late", sum(each.at <= oldest for each in accesses.values()))
        return [name for name in messages if name not in done]

    def _left(self, accesses: Sequence[Access]) -> set[Target]:
        """Count these accesses, and return the memories of which they could not be counted in the time that there is."""
        due = folded(accesses)
        targets = list(due)
        left: set[Target] = set()
        for start in range(0, len(targets), TARGETS_A_ROUND):
            some = targets[start : start + TARGETS_A_ROUND]
            try:
                left |= self._not_read_or_taken({target: due[target] for target in some})
            except DependencyUnavailableError as error:
                observability.note(left_to_queue=type(error).__name__)
                left.update(targets[start:])
                break
        return left

    def _not_read_or_taken(self, due: Mapping[Target, Mapping[Mark, datetime]]) -> set[Target]:
        """Count as `_not_taken` does; a tally of a newer release is left, and keeps no other from being counted."""
        try:
            return self._not_taken(due)
        except NewerReleaseError as error:
            if len(due) == 1:
                observability.log_failure("a tally could not be read", error)
                return set(due)
        return {target for each, marks in due.items() for target in self._not_read_or_taken({each: marks})}

    def _not_taken(self, due: Mapping[Target, Mapping[Mark, datetime]]) -> set[Target]:
        """Count until nobody else is in the way. Raises `DependencyUnavailableError`: any of it may be counted by then."""
        left = set(due)
        for _ in range(MOST_ROUNDS):
            if not left or deadline.remaining() <= SPARE_SECONDS:
                break
            tallies = self._store.tallies([target for target in due if target in left])
            writing = [
                (target, self._executor.submit(copy_context().run, self._is_taken, target, tally, due[target]))
                for target, tally in tallies.items()
            ]
            # Nothing may go on behind the answer: by the time the rest came back another process would be at it.
            wait([work for _, work in writing])
            left -= {target for target, work in writing if work.result()}
        return left

    def _is_taken(self, target: Target, tally: Tally, accesses: Mapping[Mark, datetime]) -> bool:
        counted = tally.counting(accesses)
        if counted is tally:
            observability.count("accesses_of_forgotten" if tally.is_gone else "accesses_repeated", len(accesses))
            return True
        try:
            self._store.put(target, counted)
        except ConflictError:
            return False
        observability.count("accesses_counted", counted.usage.access_count - tally.usage.access_count)
        return True
