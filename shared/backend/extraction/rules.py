"""Extraction by rules: the same text always gives the same statements, without a network and in a millisecond or two."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from backend.extraction import categories
from backend.extraction.chunking import chunks
from backend.extraction.claims import claim_of
from backend.extraction.clauses import Clause, clauses, subject_of
from backend.extraction.modality import is_hedged, refusal, reported_by
from backend.extraction.model import LONGEST_UTTERANCE, Category, Refusal, Span, Statement
from backend.extraction.structure import Kind, blocks, sentences_of, trim
from backend.extraction.times import event_time
from backend.extraction.words import is_english, plain

MACHINE_ROLES = frozenset({"assistant", "system", "tool", "function", "developer"})
MACHINES_SAY = 0.7
"""At most: what a machine says of a person is inferred."""


@dataclass(frozen=True, slots=True)
class _Read:
    """One sentence, as the rules read it; without statements when they do not understand it."""

    span: Span
    refusal: Refusal | None = None
    statements: tuple[Statement, ...] = ()


def statements_in(text: str, said_at: datetime, role: str | None = None) -> list[Statement]:
    """Return what is said, in its order; what is not worth keeping is there with the rule that refused it.

    `said_at` has a time zone; relative times are read by its calendar. Every sentence is in a statement: those that no rule
    understands stand together, whole, as they were said.
    """
    words = plain(text)
    if len(text) > LONGEST_UTTERANCE:
        whole = _whole(text, said_at)
        return [replace(whole, chunks=_chunks(text, whole))]
    if not is_english(words):
        found = [_whole(text, said_at)] if text.strip() else []
        return found if refusal(words) is None else [replace(each, refusal=refusal(words)) for each in found]
    read = [each for block in blocks(text) for each in _sentences(text, block.kind, sentences_of(text, block), said_at)]
    statements: list[Statement] = []
    unread: list[Span] = []
    for each in read:
        if each.refusal is None and not each.statements:
            unread.append(each.span)
            continue
        statements += _together(text, unread, said_at)
        unread = []
        if each.refusal:
            start, end = each.span
            statements.append(Statement(text[start:end], each.span, refusal=each.refusal))
        statements += each.statements
    statements += _together(text, unread, said_at)
    return [_of_a_machine(each) for each in statements] if role in MACHINE_ROLES else statements


def word_for_word(text: str, said_at: datetime) -> Statement:
    """Return the whole text as one statement: for a caller who wants nothing extracted. That it was said is certain."""
    whole = _whole(text, said_at)
    return replace(whole, text=text, span=(0, len(text)), confidence=1.0, chunks=chunks(text))


def _sentences(text: str, kind: Kind, spans: list[Span], said_at: datetime) -> list[_Read]:
    if kind is Kind.CODE:
        return [_Read(span) for span in spans]
    return [_read(text, span, said_at, is_step=kind is Kind.ITEM and text[:1].isdigit()) for span in spans]


def _read(text: str, span: Span, said_at: datetime, *, is_step: bool) -> _Read:
    words = plain(text[span[0] : span[1]])
    if not is_english(words):
        return _Read(span)
    found = clauses(text, span, whole=True)
    main = words if found[0].span == span else plain(found[0].text)
    refused = refusal(words) or (None if main == words else refusal(main))
    if refused:
        return _Read(span, refused)
    teller = reported_by(main)
    if teller is not None:
        told, _ = _statement(found[0], said_at, teller=teller, is_step=is_step)
        return _Read(span, statements=(told,))
    parts = found if is_hedged(words) else clauses(text, span)
    stated = [_statement(each, said_at, teller=None, is_step=is_step) for each in parts]
    if len(stated) > 1 and not all(understood for _, understood in stated):
        # Where one part says nothing by itself, the sentence stays whole.
        stated = [_statement(found[0], said_at, teller=None, is_step=is_step)]
    return _Read(span, statements=tuple(statement for statement, understood in stated if understood))


def _statement(clause: Clause, said_at: datetime, *, teller: str | None, is_step: bool) -> tuple[Statement, bool]:
    """Return what a clause states, and whether the rules understand it."""
    words = plain(clause.text)
    tense = categories.tense_of(words)
    event = event_time(words, said_at, tense)
    category = categories.category_of(words, event, is_step=is_step)
    claimed = claim_of(words.rstrip(".! "))
    understood = claimed is not None or category is not Category.FACTUAL or categories.has_statement(words)
    confidence = categories.confidence_of(words, category, understood=understood, reported=teller is not None)
    if category is Category.FACTUAL and understood and categories.is_inferred_preference(words):
        category, confidence = Category.PREFERENCE, categories.INFERRED
    sure = teller is None and understood and not is_hedged(words)
    statement = Statement(
        text=clause.text,
        span=clause.span,
        category=category,
        confidence=confidence,
        subject=teller if teller is not None else subject_of(words),
        event=event,
        claimed=claimed if sure else None,
    )
    return statement, understood


def _together(text: str, spans: list[Span], said_at: datetime) -> list[Statement]:
    """Return what the rules do not understand as one statement, as it was said."""
    if not spans:
        return []
    span = spans[0][0], spans[-1][1]
    part = text[span[0] : span[1]]
    words = plain(part)
    return [Statement(part, span, confidence=categories.UNKNOWN, event=event_time(words, said_at, categories.tense_of(words)))]


def _whole(text: str, said_at: datetime) -> Statement:
    """Return the text as one statement, of the category of most of its sentences."""
    span = trim(text, (0, len(text)))
    said = text[span[0] : span[1]]
    words = plain(said[:LONGEST_UTTERANCE])
    is_short = len(said) <= LONGEST_UTTERANCE
    event = event_time(words, said_at, categories.tense_of(words)) if is_short else None
    category = categories.category_of(words, event, is_step=False) if is_short and is_english(words) else Category.FACTUAL
    return Statement(said, span, category=category, confidence=categories.UNKNOWN, event=event)


def _chunks(text: str, whole: Statement) -> tuple[Span, ...]:
    """Return the pieces of a document in its own statement's text."""
    start = whole.span[0]
    return tuple((first - start, last - start) for first, last in chunks(text))


def _of_a_machine(statement: Statement) -> Statement:
    return replace(statement, confidence=min(statement.confidence, MACHINES_SAY), claimed=None)
