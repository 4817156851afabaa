"""Lives of memories whose changes reach the index repeated, shuffled and late; for every index that keeps the port."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from hypothesis import strategies as some

from backend.index.fake import FakeIndex
from backend.index.model import IndexFilter, IndexQuery
from backend.index.ports import MemoryIndex
from backend.index.text import query_stems
from backend.memories.documents import changes_for
from backend.memories.model import Changes, Said, State
from tests.contract.index.test_index_convergence import alike
from tests.integration.faults.deployment import Deployment
from tests.unit.memories.samples import ACME, NEIGHBOUR

DIMENSION = 8
MODEL = f"fake-bag-of-words/{DIMENSION}"
SCOPES = (ACME, NEIGHBOUR)
TEXTS = ("The ferry leaves at nine.", "The bakery closes on Mondays.", "Paul plays the oboe.")
NEVER_ASKED = Random(0)  # noqa: S311 - no choice is made with it
Image = tuple[str, Changes]

steps = some.tuples(
    some.sampled_from(["say", "say", "say silently", "say for an hour", "forget", "repair", "hours", "deliver", "deliver"]),
    some.sampled_from(SCOPES),
    some.sampled_from(TEXTS),
    some.randoms(use_true_random=False),
)
lives = some.lists(steps, min_size=3, max_size=16)


class Life:
    """A deployment that memories are added to and forgotten in, and everything that its stream ever said.

    A slow projector reads a row, and writes what it read long after others have written newer versions: `images` holds what
    each version of each row would have been written as.
    """

    def __init__(self, index: MemoryIndex) -> None:
        self.deployment = Deployment(index, dimension=DIMENSION)
        self.records: list[dict[str, Any]] = []
        self.images: list[Image] = []

    def live(self, life: list[tuple[str, Any, str, Random]]) -> None:
        """Do the steps, and in the end deliver every record one to three times, and what slow projectors write.

        In the beginning there are memories of two versions each: without a vector, and with it.
        """
        for scope in SCOPES:
            for text in TEXTS[:2]:
                self._step("say silently", scope, text, NEVER_ASKED)
        self._note()
        self._step("repair", ACME, "", NEVER_ASKED)
        self._note()
        for what, scope, text, random in life:
            self._step(what, scope, text, random)
            self._note()
        self.deliver(Random(len(life)), at_least=1)  # noqa: S311 - an order is no secret

    def deliver(self, random: Random, at_least: int = 0) -> None:
        """Deliver what there is so often, up to three times, in any order; slow projectors write beside it."""
        records = [record for record in self.records for _ in range(random.randint(at_least, 3))]
        images = [image for image in self.images for _ in range(random.randint(0, 3))]
        both: list[Callable[[], None]] = [lambda each=each: self.deployment.project([each]) for each in records]  # type: ignore[misc] # its default is its value
        both += [lambda each=each: self.deployment.index.write(*each) for each in images]  # type: ignore[misc] # as above
        random.shuffle(both)
        for each in both:
            each()

    def _step(self, what: str, scope: Any, text: str, random: Random) -> None:
        memories = self.deployment.container.memories
        held = [row for row in self.deployment.rows() if row.scope_key == scope.home and row.state is State.ACTIVE]
        if what.startswith("say"):
            self.deployment.embedder.down = what == "say silently"
            memories.add(scope, Said(text, ttl_minutes=60 if what == "say for an hour" else None))
            self.deployment.embedder.down = False
        elif what == "forget" and held:
            memory = random.choice(sorted(held, key=lambda row: row.memory_id))
            if memory.is_live(self.deployment.clock.now()):
                memories.forget(scope, memory.memory_id)
        elif what == "repair":
            self.deployment.repair()
        elif what == "hours":
            self.deployment.clock.advance(hours=random.randint(1, 30))
        elif what == "deliver":
            self.deliver(random)

    def _note(self) -> None:
        self.records += self.deployment.taken()
        changes = [(row.tenant_id, changes_for(row)) for row in self.deployment.rows()]
        self.images += [image for image in changes if image not in self.images]


def holds_what_the_rows_say(life: Life) -> None:
    """Assert that the index answers as one that was given each row once, as it is now."""
    plain = FakeIndex()
    rows = life.deployment.rows()
    for row in rows:
        plain.write(row.tenant_id, changes_for(row))
    ids = [row.memory_id for row in rows]
    for scope in SCOPES:
        assert life.deployment.index.versions(scope, ids) == plain.versions(scope, ids)
        for row in rows:
            question = IndexQuery(row.vector, MODEL if row.vector else None, query_stems(row.text), IndexFilter())
            alike(life.deployment.index.search(scope, question), plain.search(scope, question))


def nothing_is_revived(life: Life) -> None:
    """Assert that no index search and no question of a user shows what is forgotten."""
    forgotten = {row.memory_id for row in life.deployment.rows() if row.state is State.FORGOTTEN}
    for scope in SCOPES:
        for text in TEXTS:
            found = life.deployment.index.search(scope, IndexQuery(None, None, query_stems(text), IndexFilter()))
            assert {hit.memory_id for hit in found.hits}.isdisjoint(forgotten)
