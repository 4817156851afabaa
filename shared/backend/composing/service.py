"""Composing a prompt: what is recalled, cut to a budget of tokens that is never passed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from backend.composing.model import PLACE_OF_MEMORIES, PLACE_OF_QUERY, Asked, Composition, Dropped, Reason, Used
from backend.composing.ports import Tokenizer
from backend.composing.selection import distinct, ordered, said_at
from backend.composing.wrapping import NOTE, boundary, markers, safe
from backend.extraction.model import Span
from backend.index.text import query_stems
from backend.kit.errors import Fault, ValidationFailedError
from backend.retrieval.model import Answer
from backend.retrieval.spans import best_span

FEWEST_TOKENS = 16
"""Less of a text says nothing: then it is left out."""

SHARES = 3
"""One memory takes at most this part of the room, where there are others: a long text must not push all others out."""

SHORT = 128
"""Tokens. What is no longer goes in whole or not at all: half a sentence misleads, and the next memory may fit."""

BYTES_A_TOKEN = 4
_TRIES = 6


@dataclass(frozen=True, slots=True)
class _Entry:
    """A memory in the prompt. Its words as they stand there come without the citation, which the order decides."""

    answer: Answer
    span: Span
    line: str
    tokens: int


class Composer:
    """Puts prompts together."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    @property
    def tokenizer(self) -> str:
        """Which tokens are counted."""
        return self._tokenizer.name

    def measure(self, text: str) -> int:
        """Return how many tokens a text is."""
        return self._tokenizer.measure(text)

    def compose(self, asked: Asked, answers: Sequence[Answer], derived: Callable[[int], str]) -> Composition:
        """Return the prompt with as many of the answers (best first) as the budget holds.

        `derived` gives words that nobody can guess, see `wrapping.boundary`. Raises `ValidationFailedError` for a budget that
        does not even hold the prompt without a memory, `DependencyUnavailableError` without a vocabulary.
        """
        count = self._tokenizer.measure
        word = boundary((asked.query, asked.template, *(each.memory.text for each in answers)), derived)
        frame = count(_prompt(asked, word, []))
        if frame > asked.budget:
            cure = f"Send at least {frame}: so many tokens has the prompt without any memory. Or a shorter template or query."
            message = "The budget does not hold the prompt."
            raise ValidationFailedError(message, faults=(Fault("/token_budget", cure),), smallest_budget=frame)
        candidates, dropped = distinct(answers)
        entries = self._chosen(asked, candidates, asked.budget - frame)
        while True:
            placed = _placed(asked, entries)
            prompt = _prompt(asked, word, [line for _, _, line in placed])
            tokens = count(prompt)
            if tokens <= asked.budget:
                break
            # Tokens may come out differently where texts meet: then the least of them goes.
            entries = entries[:-1]
        used = tuple(
            Used(entry.answer.memory, entry.answer.weighed.score, entry.span, citation, count(line))
            for entry, citation, line in placed
        )
        taken = {each.memory.memory_id for each in used}
        rest = [Dropped(each.memory.memory_id, Reason.BUDGET) for each in candidates if each.memory.memory_id not in taken]
        return Composition(prompt, tokens, used, (*dropped, *rest))

    def _chosen(self, asked: Asked, candidates: Sequence[Answer], room: int) -> list[_Entry]:
        """Return the best that fit the room together, best first: whole where a text is no longer than its share."""
        words = frozenset(query_stems(asked.query))
        share = room // min(SHARES, len(candidates)) if candidates else 0
        # The longest citation that there will be.
        mark = f"[m{len(candidates)}] " if asked.cites else "- "
        entries: list[_Entry] = []
        for answer in candidates:
            if room < FEWEST_TOKENS:
                break
            entry = self._fitted(answer, words, mark, min(room, max(share, SHORT)))
            if entry:
                entries.append(entry)
                room -= entry.tokens
        return entries

    def _fitted(self, answer: Answer, words: frozenset[str], mark: str, most: int) -> _Entry | None:
        """Return the memory, or the best span of it, in at most so many tokens; None where that says nothing."""
        text = answer.memory.text
        span = best_span(text, words, 4 * most * BYTES_A_TOKEN, answer.piece)
        for _ in range(_TRIES):
            line = _line(answer, span)
            tokens = self._tokenizer.measure(f"{mark}{line}\n")
            if tokens <= most:
                return _Entry(answer, span, line, tokens) if line else None
            if span == (0, len(text)) and tokens <= SHORT:
                return None
            # A little less than its share of the size: sentences are not cut where there are several.
            size = int(len(text[slice(*span)].encode()) * most / tokens * 0.9)
            first, last = best_span(text[slice(*span)], words, max(size, BYTES_A_TOKEN), _within(answer.piece, span))
            span = span[0] + first, span[0] + last
        return None


def _within(piece: Span | None, span: Span) -> Span | None:
    """Return where the piece stands in the span, None where it is not all in it."""
    if piece is None or piece[0] < span[0] or piece[1] > span[1]:
        return None
    return piece[0] - span[0], piece[1] - span[0]


def _line(answer: Answer, span: Span) -> str:
    """Return a memory as it stands in a prompt, but for what cites it: its day, who said it, what was said."""
    memory = answer.memory
    said = safe(memory.text[slice(*span)])
    if span[0] > 0:
        said = f"… {said}"
    if span[1] < len(memory.text):
        said = f"{said} …"
    speaker = " ".join(safe(memory.speaker).split()) if memory.speaker else ""
    return f"({said_at(memory):%Y-%m-%d}) {speaker}: {said}" if speaker else f"({said_at(memory):%Y-%m-%d}) {said}"


def _placed(asked: Asked, entries: Sequence[_Entry]) -> list[tuple[_Entry, str | None, str]]:
    """Return the entries in the prompt's order, each with its citation and its line."""
    rows = ordered(entries, asked.order, [said_at(each.answer.memory) for each in entries])
    named = [(entry, f"m{number}" if asked.cites else None) for number, entry in enumerate(rows, 1)]
    return [(entry, name, f"[{name}] {entry.line}" if name else f"- {entry.line}") for entry, name in named]


def _prompt(asked: Asked, word: str, lines: Sequence[str]) -> str:
    body = "\n".join(lines)
    if asked.wraps:
        first, last = markers(word)
        body = "\n".join((NOTE, first, *lines, last))
    # In one pass: what was recalled may hold the words of a place itself.
    before, _, after = asked.template.partition(PLACE_OF_MEMORIES)
    return f"{before.replace(PLACE_OF_QUERY, asked.query)}{body}{after.replace(PLACE_OF_QUERY, asked.query)}"
