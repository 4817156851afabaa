"""People who use a deployment: they ask, and write down what they were answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from backend.index.model import IndexFilter
from backend.kit.clock import epoch_ms
from backend.kit.errors import DependencyUnavailableError, InternalError, MemorySyncError
from backend.memories.items import row_pk
from backend.memories.model import (
    Memory,
    Said,
    State,
)
from backend.memories.outcomes import (
    Request,
)
from backend.retrieval.model import Question
from tests.integration.faults.deployment import Deployment
from tests.integration.faults.history import Add, Ask, Asked, End, Event, Forget, Get, History, ListAll, Place, Told, Work
from tests.support.faults import DiedError, Fault

MOST_ANSWERS = 50
Answer = tuple[tuple[Told, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes wrong in one attempt: faults by the number of the call, and one for all other calls."""

    faults: Mapping[int, Fault] = field(default_factory=dict)
    lasting: Fault = Fault.NONE


@dataclass(slots=True)
class Clients:
    """All clients of one deployment, and the history of what they saw."""

    deployment: Deployment
    history: History = field(default_factory=History)

    def attempt(self, asked: Asked, plan: Plan | None = None, work: Callable[[], object] | None = None) -> Event:
        """Ask once under a plan of faults, and write down what came of it. `work` is what a `Work` does."""
        clock, gate = self.deployment.clock, self.deployment.gate
        began = clock.now()
        plan = plan or Plan()
        gate.expect(plan.faults, plan.lasting)
        told: tuple[Told, ...] = ()
        degraded: tuple[str, ...] = ()
        end, why = End.DONE, ""
        try:
            if work is None:
                told, degraded = self._answered(asked)
            else:
                work()
        except (DependencyUnavailableError, DiedError) as error:
            end, why = End.UNKNOWN, type(error).__name__
        except InternalError as error:
            end, why = End.BROKEN, type(error).__name__
        except MemorySyncError as error:
            end, why = End.REFUSED, type(error).__name__
        except Exception as error:  # noqa: BLE001 - whatever it is, the checker hears of it
            end, why = End.BROKEN, repr(error)
        self.history.faults += gate.struck
        gate.expect({})
        event = Event(asked, began, clock.now(), end, told, degraded, why)
        self.history.events.append(event)
        return event

    def work(self, name: str, work: Callable[[], object], plan: Plan | None = None) -> Event:
        """Let something happen that no user asked for."""
        return self.attempt(Work(name), plan, work)

    def _answered(self, asked: Asked) -> Answer:
        container = self.deployment.container
        if isinstance(asked, Add):
            added = container.memories.add(asked.scope, _said(asked), _request(asked))
            return tuple(_told(memory) for memory in added.memories), ()
        if isinstance(asked, Forget):
            container.memories.forget(asked.scope, asked.memory_id, _request(asked))
            return (), ()
        if isinstance(asked, Get):
            return (_told(container.memories.get(asked.scope, asked.memory_id)),), ()
        if isinstance(asked, ListAll):
            return self._listed(asked)
        if isinstance(asked, Ask):
            now = epoch_ms(self.deployment.clock.now())
            found = container.retrieval.query(asked.scope, Question(asked.text, MOST_ANSWERS, IndexFilter(now=now)))
            return tuple(_told(answer.memory) for answer in found.answers), found.degraded
        raise ValueError(asked)

    def _listed(self, asked: ListAll) -> Answer:
        lagging = ("list_lag",) if self.deployment.service.lags else ()
        told: list[Told] = []
        position: str | None = None
        while True:
            page = self.deployment.container.memories.page(asked.scope, asked.limit, position)
            told += [_told(memory) for memory in page.memories]
            position = page.next_position
            if position is None:
                return tuple(told), lagging


def _said(asked: Add) -> Said:
    # Tag and source tell which add stored a memory, and which ones left evidence.
    name = f"add {asked.number}"
    text = "\n".join(asked.lines)
    return Said(text, source=name, tags=(name,), deduplicate=asked.deduplicate, ttl_minutes=asked.ttl_minutes)


def _request(asked: Add | Forget) -> Request | None:
    return Request(f"{asked.number:064x}", "ab" * 32) if asked.keyed else None


def _told(memory: Memory) -> Told:
    return Told(memory.memory_id, memory.scope_key, memory.text, memory.expires_at)


def settled_rows(deployment: Deployment, without: set[Place]) -> list[Any]:
    """Return what the rows say in the end, and whose evidence they have; without those of some places.

    A memory that was forgotten before the repair came to it never gets its vector, and needs none.
    """
    sources: defaultdict[str, set[str]] = defaultdict(set)
    for item in deployment.items():
        if item["sk"].startswith("EV#"):
            sources[item["pk"]].add(item["source"])
    return sorted(
        (
            *(row.scope_key, row.text, row.state.value, row.tags, row.revision),
            *(row.vector if row.state is State.ACTIVE else None, row.model if row.state is State.ACTIVE else None),
            sorted(sources[row_pk(row.tenant_id, row.memory_id)]),
        )
        for row in deployment.rows()
        if (row.scope_key, row.text) not in without
    )
