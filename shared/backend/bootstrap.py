"""The composition root: together with `adapters.py` the one place that knows every adapter.

Use cases are imported when they are first needed, so a cold start pays only for what its function uses. Tests hand in
a container of their own.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING

from backend.adapters import Adapters
from backend.kit.config import aws_endpoint, region, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from backend.composing.service import Composer
    from backend.composing.summarizing import Summarizer
    from backend.composing.synthesizing import Synthesizer
    from backend.jobs.ports import Worker
    from backend.jobs.reencrypt import Reencrypting
    from backend.jobs.refresh import Refreshing
    from backend.jobs.rotation import Rotation
    from backend.jobs.service import Jobs
    from backend.memories.editing import Editing
    from backend.memories.expiry import Expiry
    from backend.memories.failures import DecryptionFailures
    from backend.memories.projection import Projection
    from backend.memories.reviewing import Reviewing
    from backend.memories.service import MemoryService
    from backend.retrieval.diagnosis import ScopeDoctor
    from backend.retrieval.recognising import Recognising
    from backend.retrieval.routing import Routing
    from backend.retrieval.service import RetrievalService
    from backend.retrieval.why_not import Explaining
    from backend.state.service import States
    from backend.tenancy.access import Access
    from backend.tenancy.service import Tenancy
    from backend.transcripts.service import Transcripts
    from backend.turns.service import Turns
    from backend.usage.counting import Counting
    from backend.usage.ports import Recording

# ruff: noqa: PLC0415 - local imports are the point of this file


class Container(Adapters):
    """One of everything, built on first use."""

    @cached_property
    def memories(self) -> MemoryService:
        """Adding, reading, listing, forgetting."""
        from backend.memories.service import MemoryService

        return MemoryService(
            store=self.memory_store,
            requests=self.request_log,
            extractor=self.extractor,
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            ids=self.ids,
            executor=self.executor,
        )

    @cached_property
    def editing(self) -> Editing:
        """Changing what is remembered, and telling how it came to be."""
        from backend.memories.editing import Editing

        return Editing(
            store=self.memory_store,
            requests=self.request_log,
            extractor=self.extractor,
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def reviewing(self) -> Reviewing:
        """Deciding what waits."""
        from backend.memories.reviewing import Reviewing

        return Reviewing(
            store=self.memory_store,
            requests=self.request_log,
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def retrieval(self) -> RetrievalService:
        """Asking."""
        from backend.index.in_memory import InMemoryIndex
        from backend.retrieval.service import RetrievalService

        return RetrievalService(
            rows=self.memory_store,
            index=self.index,
            recent=InMemoryIndex,
            embedder=self.embedder,
            policies=self.policies,
            clock=self.clock,
            executor=self.executor,
        )

    @cached_property
    def scope_doctor(self) -> ScopeDoctor:
        """Saying why a question found nothing."""
        from backend.retrieval.diagnosis import ScopeDoctor

        return ScopeDoctor(rows=self.memory_store, index=self.index, embedder=self.embedder)

    @cached_property
    def explaining(self) -> Explaining:
        """Saying why a memory does not answer."""
        from backend.retrieval.why_not import Explaining

        return Explaining(
            store=self.memory_store,
            index=self.index,
            retrieval=self.retrieval,
            embedder=self.embedder,
            clock=self.clock,
        )

    @cached_property
    def recognising(self) -> Recognising:
        """Finding what says a text."""
        from backend.retrieval.recognising import Recognising

        return Recognising(
            store=self.memory_store,
            retrieval=self.retrieval,
            extractor=self.extractor,
            policies=self.policies,
            clock=self.clock,
        )

    @cached_property
    def routing(self) -> Routing:
        """Answering by what kind of question it is."""
        from backend.retrieval.routing import Routing

        return Routing(retrieval=self.retrieval, store=self.memory_store, clock=self.clock)

    @cached_property
    def composer(self) -> Composer:
        """Putting prompts together."""
        from backend.composing.service import Composer

        return Composer(self.tokenizer)

    @cached_property
    def synthesizer(self) -> Synthesizer:
        """Answering from memory."""
        from backend.composing.synthesizing import Synthesizer

        return Synthesizer(
            embedder=self.embedder, composer=self.composer, policies=self.policies, model=lambda: self.language_model
        )

    @cached_property
    def summarizer(self) -> Summarizer:
        """Saying what several memories say together."""
        from backend.composing.summarizing import Summarizer

        return Summarizer(
            store=self.memory_store,
            requests=self.request_log,
            extractor=self.extractor,
            embedder=self.embedder,
            policies=self.policies,
            composer=self.composer,
            model=lambda: self.language_model,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def transcripts(self) -> Transcripts:
        """Keeping what was said."""
        from backend.transcripts.service import Transcripts

        return Transcripts(store=self.transcript_store, requests=self.request_log, clock=self.clock, ids=self.ids)

    @cached_property
    def turns(self) -> Turns:
        """Keeping what was said, and remembering it."""
        from backend.turns.service import Turns

        return Turns(
            store=self.turn_store,
            transcripts=self.transcript_store,
            memories=self.memories,
            index_state=self.memory_store,
            requests=self.request_log,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def states(self) -> States:
        """Keeping what applications keep."""
        from backend.state.service import States

        return States(store=self.state_store, requests=self.request_log, clock=self.clock, ids=self.ids)

    @cached_property
    def projection(self) -> Projection:
        """Keeping the index true."""
        from backend.memories.projection import Projection

        return Projection(
            store=self.memory_store, index=self.index, embedder=self.embedder, parking=self.parking, clock=self.clock
        )

    @cached_property
    def expiry(self) -> Expiry:
        """Forgetting what has expired."""
        from backend.memories.expiry import Expiry

        return Expiry(store=self.memory_store, clock=self.clock)

    @cached_property
    def counting(self) -> Counting:
        """Counting what queries returned."""
        from backend.usage.counting import Counting

        return Counting(store=self.usage_store, clock=self.clock, executor=self.executor)

    @cached_property
    def recording(self) -> Recording:
        """Where queries say what they returned."""
        from backend.usage.counting import Counting
        from backend.usage.recording import SqsRecording

        # It runs in one of the common threads: of these none may wait for another.
        counting = Counting(store=self.usage_store, clock=self.clock, executor=self.table_threads)
        return SqsRecording(self.settings.access_queue, self.ids, region(), aws_endpoint(), count=counting.count)

    @cached_property
    def jobs(self) -> Jobs:
        """What takes longer than a request."""
        from backend.jobs.model import Kind
        from backend.jobs.service import Jobs

        workers: dict[Kind, Callable[[], Worker]] = {
            Kind.REFRESH: lambda: self.refreshing,
            Kind.REENCRYPT: lambda: self.reencrypting,
        }
        return Jobs(store=self.job_store, requests=self.request_log, workers=workers, clock=self.clock, ids=self.ids)

    @cached_property
    def refreshing(self) -> Refreshing:
        """Reading memories anew."""
        from backend.jobs.refresh import Refreshing

        return Refreshing(store=self.memory_store, extractor=self.extractor, embedder=self.embedder, clock=self.clock)

    @cached_property
    def reencrypting(self) -> Reencrypting:
        """Sealing everything under the newest key."""
        from backend.jobs.reencrypt import Reencrypting
        from backend.jobs.sealed_items import DynamoSealedItems, DynamoSealedValues, SealedEverywhere

        sealed = SealedEverywhere(DynamoSealedItems(self.memories_table), DynamoSealedValues(self.state_table))
        return Reencrypting(sealed=sealed, store=self.memory_store, keys=self.sealer, versions=self.key_store, clock=self.clock)

    @cached_property
    def rotation(self) -> Rotation:
        """A tenant's data keys."""
        from backend.jobs.rotation import Rotation

        return Rotation(
            store=self.job_store,
            requests=self.request_log,
            keys=self.sealer,
            versions=self.key_store,
            audit=self.audit,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def access(self) -> Access:
        """Who may come in."""
        from backend.tenancy.access import Access

        return Access(
            store=self.tenancy_store,
            secrets=self.secrets,
            tokens=self.tokens,
            audit=self.audit,
            clock=self.clock,
            ids=self.ids,
        )

    @cached_property
    def tenancy(self) -> Tenancy:
        """What operators do."""
        from secrets import token_bytes

        from backend.memories.policy_schema import PolicyForm
        from backend.tenancy.model import MEMORY_SETTING
        from backend.tenancy.service import Tenancy

        return Tenancy(
            store=self.tenancy_store,
            secrets=self.secrets,
            tokens=self.tokens,
            audit=self.audit,
            clock=self.clock,
            ids=self.ids,
            random_bytes=token_bytes,
            settings={MEMORY_SETTING: PolicyForm()},
            loopback_http=self.is_local,
        )

    @cached_property
    def decryption_failures(self) -> DecryptionFailures:
        """Telling of what cannot be opened."""
        from backend.memories.failures import DecryptionFailures

        return DecryptionFailures(audit=self.audit, clock=self.clock, ids=self.ids)


@cache
def container() -> Container:
    """Return this process's container."""
    return Container(settings())
