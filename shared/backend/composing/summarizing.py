"""The use case behind `POST /memory/summarize`: what several memories say together, and where it comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from backend.composing import model_answers
from backend.composing.model import Asked, Method, Order, Part, Sentence, Summary, SummaryWanted
from backend.composing.ranking import central, chosen
from backend.composing.selection import said_at
from backend.composing.sentences import matrix_of, sentences_of, words_of
from backend.composing.service import Composer
from backend.embedding.documents import document_vectors
from backend.embedding.ports import Embedder
from backend.extraction.model import Method as Extraction
from backend.extraction.model import Reading
from backend.extraction.ports import LanguageModel, LanguageModelUnavailableError
from backend.kit import observability
from backend.kit.clock import Clock
from backend.kit.errors import EmbeddingUnavailableError, GoneError, MemoryNotFoundError
from backend.kit.ids import Ids
from backend.memories.adding import GONE, Adding
from backend.memories.model import Memory, OnConflict, Said
from backend.memories.once import Once
from backend.memories.outcomes import Claim, Done, Request
from backend.memories.policy import MemoryPolicy
from backend.memories.policy_ports import PolicySource
from backend.memories.ports import Extractor, MemoryStore, RequestLog
from backend.retrieval.model import Answer
from backend.tenancy.scope import Scope

SOURCE = "summary"
MOST_READ = 256
"""Sentences that are compared, a second of one processor: of more each memory gives its first ones, in turns."""

READ_OF_EACH = 32_000
"""Characters of each memory: more than so many sentences have."""

LONGEST_SUMMARY = 16 * 1024
TOKENS_FOR_THE_MODEL = 16_000
PROMPT = "{memories}"


class Summarizer:
    """Summarises memories, and keeps what it made where that is wanted."""

    def __init__(  # noqa: PLR0913 - one word for each thing it stands on
        self,
        *,
        store: MemoryStore,
        requests: RequestLog,
        extractor: Extractor,
        embedder: Embedder,
        policies: PolicySource,
        composer: Composer,
        model: Callable[[], LanguageModel | None],
        clock: Clock,
        ids: Ids,
    ) -> None:
        """`model` gives the language model of this installation, None where there is none."""
        self._store = store
        self._extractor = extractor
        self._embedder = embedder
        self._policies = policies
        self._composer = composer
        self._model = model
        self._clock = clock
        self._once = Once(requests=requests, clock=clock, ids=ids)
        self._adding = Adding(store=store, embedder=embedder, clock=clock, ids=ids)

    def summarize(
        self, scope: Scope, wanted: SummaryWanted, request: Request | None, actor: str | None, derived: Callable[[int], str]
    ) -> tuple[Summary, bool]:
        """Return the summary, and whether it is that of an earlier request. `derived` as in `Composer.compose`.

        Raises `MemoryNotFoundError` when none of the memories can be read; with a request what `Once.done` raises, and
        `GoneError` when the summary that it stored is gone.
        """
        if not wanted.keeps:
            return self._made(scope, wanted, derived), False

        def work(claim: Claim) -> tuple[Summary, Done]:
            made = self._kept(scope, self._made(scope, wanted, derived), claim, actor)
            return made, Done(made.outcomes, (made.stored.memory_id,) if made.stored else ())

        return self._once.done(scope.tenant_id, request, work, lambda done: self._replayed(scope, wanted, done))

    def _made(self, scope: Scope, wanted: SummaryWanted, derived: Callable[[int], str]) -> Summary:
        asked = tuple(dict.fromkeys(wanted.memory_ids))
        now = self._clock.now()
        rows = self._store.get_many(scope.tenant_id, asked)
        found = {name: rows[name] for name in asked if name in rows and rows[name].readable_by(scope, now)}
        told = sorted(
            (each for each in found.values() if each.unreadable is None), key=lambda each: (said_at(each), each.memory_id)
        )
        if not told:
            raise MemoryNotFoundError(asked[0])
        policy = self._policies.of(scope.tenant_id)
        made = self._written(policy, told, wanted.most, derived) or self._extracted(told, wanted.most)
        used = {each.memory.memory_id for each in made.sentences}
        return replace(made, parts=tuple((name, _part(found.get(name), used)) for name in asked))

    def _written(self, policy: MemoryPolicy, told: Sequence[Memory], most: int, derived: Callable[[int], str]) -> Summary | None:
        """Return the language model's summary; None where the tenant wants none."""
        if policy.extraction.method is not Extraction.MODEL:
            return None
        asked = Asked("", budget=TOKENS_FOR_THE_MODEL, template=PROMPT, order=Order.CHRONOLOGICAL)
        composed = self._composer.compose(asked, [Answer(each, 1.0, None, 0.0) for each in told], derived)
        try:
            written = model_answers.summary(self._model(), composed.prompt, composed.used)
        except LanguageModelUnavailableError as error:
            observability.count("llm_fallback")
            observability.note(llm_fallback_reason=error.reason)
            observability.count("llm_input_tokens", error.input_tokens)
            observability.count("llm_output_tokens", error.output_tokens)
            return replace(self._extracted(told, most), fallback=error.reason)
        observability.count("llm_input_tokens", written.input_tokens)
        observability.count("llm_output_tokens", written.output_tokens)
        return Summary(written.text or "", (), tuple(each.sentence for each in written.cited), Method.MODEL)

    def _extracted(self, told: Sequence[Memory], most: int) -> Summary:
        """Return the most central sentences in the order in which they were said."""
        sentences = _in_turns([sentences_of(each, (0, min(len(each.text), READ_OF_EACH))) for each in told])
        texts = [each.text for each in sentences]
        try:
            vectors, is_lexical = matrix_of(document_vectors(self._embedder, texts)), False
        except EmbeddingUnavailableError:
            vectors, is_lexical = words_of(texts), True
        places = chosen(central(vectors), vectors, most)
        taken: list[Sentence] = []
        for place in sorted(places):
            if sum(len(each.text.encode()) + 1 for each in [*taken, sentences[place]]) <= LONGEST_SUMMARY:
                taken.append(sentences[place])
        return Summary("\n".join(_said(each) for each in taken), (), tuple(taken), is_lexical=is_lexical)

    def _kept(self, scope: Scope, made: Summary, claim: Claim, actor: str | None) -> Summary:
        """Store the summary as a memory that says what it derives from; the guards look at it as at anything that is said."""
        policy = self._policies.of(scope.tenant_id)
        sources = tuple(name for name, part in made.parts if part is Part.USED)
        said = Said(
            made.text,
            source=SOURCE,
            # Who asks twice wants two: what merged into a memory of the same words would not say where it comes from.
            deduplicate=False,
            infer=False,
            on_conflict=OnConflict.KEEP_BOTH,
            derived_from=sources,
        )
        reading = self._extractor.read(said.utterance(self._clock.now()), policy.extraction)
        # It repeats claims and times and makes none: its sources hold them, and "on Monday" is another day now.
        reading = Reading(tuple(replace(each, claimed=None, event=None) for each in reading.candidates), reading.method)
        (vectors,) = self._adding.vectors([reading])
        kept = self._adding.stored(scope, said, reading, vectors, claim_id=claim.claim_id, policy=policy, actor=actor)
        self._store.record_evidence(scope.tenant_id, kept.evidence)
        added = kept.added
        return replace(made, stored=added.memories[0] if added.memories else None, outcomes=added.outcomes)

    def _replayed(self, scope: Scope, wanted: SummaryWanted, done: Done) -> Summary:
        rows = self._store.get_many(scope.tenant_id, done.memory_ids)
        now = self._clock.now()
        if any(name not in rows or rows[name].is_gone(now) for name in done.memory_ids):
            raise GoneError(GONE, memory_ids=list(done.memory_ids))
        stored = rows[done.memory_ids[0]] if done.memory_ids else None
        used = stored.derived_from if stored else ()
        parts = tuple((name, Part.USED if name in used else Part.LEFT_OUT) for name in dict.fromkeys(wanted.memory_ids))
        return Summary(stored.text if stored else "", parts, stored=stored, outcomes=done.outcomes)


def _part(memory: Memory | None, used: set[str]) -> Part:
    if memory is None:
        return Part.NOT_FOUND
    if memory.unreadable is not None:
        return Part.UNREADABLE
    return Part.USED if memory.memory_id in used else Part.LEFT_OUT


def _in_turns(of_each: Sequence[Sequence[Sentence]]) -> list[Sentence]:
    """Return the sentences, or of too many the first of each memory, then the second of each, in the order of the texts."""
    turns = [
        (turn, number)
        for turn in range(max(map(len, of_each), default=0))
        for number, row in enumerate(of_each)
        if turn < len(row)
    ]
    return [of_each[number][turn] for turn, number in sorted(turns[:MOST_READ], key=lambda each: (each[1], each[0]))]


def _said(sentence: Sentence) -> str:
    words = " ".join(sentence.text.split())
    speaker = sentence.memory.speaker
    return f"{speaker}: {words}" if speaker else words
