"""Extraction by rules: the same text always gives the same statements, without a network and in a millisecond or two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from backend.extraction import categories
from backend.extraction.asking import Part, parts
from backend.extraction.chunking import chunks
from backend.extraction.claims import claim_of
from backend.extraction.clauses import Clause, clauses, main_clause, subject_of
from backend.extraction.fragments import can_take, is_fragment, may_be_guarded, with_following, with_preceding
from backend.extraction.modality import is_hedged, refusal, reported_by, says_too_little
from backend.extraction.model import LONGEST_UTTERANCE, Category, Guarded, Refusal, Span, Statement
from backend.extraction.structure import Block, Kind, blocks, sentences_of, trim
from backend.extraction.times import event_time
from backend.extraction.words import is_english, plain

MACHINE_ROLES = frozenset({"assistant", "system", "tool", "function", "developer"})
MACHINES_SAY = 0.7
"""At most: what a machine says of a person is inferred."""

_TOO_SHORT = Refusal(Guarded.LOW_SIGNAL, "too_short")
_QUESTION = Refusal(Guarded.LOW_SIGNAL, "question")


@dataclass(frozen=True, slots=True)
class _Read:
    """One sentence of a block, as the rules read it; without statements when they do not understand it."""

    span: Span
    block: Block
    refusal: Refusal | None = None
    statements: tuple[Statement, ...] = ()
    is_fragment: bool = False
    introduces: bool = False
    """It ends with a colon: what stands below it is what it speaks of."""

    @property
    def is_stated(self) -> bool:
        """Tell whether it says something by itself, and what."""
        return bool(self.statements) and not self.is_fragment

    def leans_on(self, other: _Read) -> bool:
        """Tell whether this may belong to the other sentence: a fragment beside it, or code and items below what introduces them.

        Else the items of a list are each for themselves.
        """
        if other.introduces and self.block.kind in {Kind.CODE, Kind.ITEM}:
            return not self.statements
        both = self.block.kind is other.block.kind is Kind.PARAGRAPH
        return self.is_fragment and (both or self.block == other.block)


def statements_in(text: str, said_at: datetime, role: str | None = None) -> list[Statement]:
    """Return what is said, in its order; what is not worth keeping is there with the rule that refused it.

    `said_at` has a time zone; relative times are read by its calendar. Every sentence is in a statement: those that no rule
    understands stand together, whole, as they were said.
    """
    if len(text) > LONGEST_UTTERANCE or not is_english(plain(text)):
        if not text.strip():
            return []
        whole = _whole(text, said_at)
        return [replace(whole, chunks=_chunks(text, whole), refusal=_refusal_of_all(text))]
    read = [each for block in blocks(text) for each in _sentences(text, block, said_at)]
    statements = _stated(text, read, said_at)
    return [_of_a_machine(each) for each in statements] if role in MACHINE_ROLES else statements


def word_for_word(text: str, said_at: datetime) -> Statement:
    """Return the whole text as one statement: for a caller who wants nothing extracted. That it was said is certain."""
    whole = _whole(text, said_at)
    return replace(whole, text=text, span=(0, len(text)), confidence=1.0, chunks=chunks(text))


def _refusal_of_all(text: str) -> Refusal | None:
    """Return why none of a text's sentences is worth keeping, None as soon as one of them is: then the text stays whole.

    A sentence of more than 1,200 characters is not looked at, and kept.
    """
    if says_too_little(text):
        return _TOO_SHORT
    found: Refusal | None = None
    for block in blocks(text):
        if block.kind is Kind.CODE:
            return None
        for start, end in sentences_of(text, block):
            refused = refusal(plain(text[start:end])) if end - start <= LONGEST_UTTERANCE else None
            if refused is None:
                return None
            found = found or refused
    return found


def _stated(text: str, read: Sequence[_Read], said_at: datetime) -> list[Statement]:
    """Return what the sentences state: a fragment with the sentence before it, or with the one after where there is none.

    Without either it stands with the other sentences that say nothing to the rules, or alone.
    """
    statements: list[Statement] = []
    waiting: list[_Read] = []
    host: _Read | None = None
    for each in read:
        if each.refusal:
            start, end = each.span
            statements += [*_together(text, waiting, said_at), Statement(text[start:end], each.span, refusal=each.refusal)]
            host, waiting = None, []
        elif each.is_stated:
            first, *others = each.statements
            if waiting and _leads(text, waiting, host, each):
                first = with_preceding(text, first, (waiting[0].span[0], waiting[-1].span[1]))
            else:
                statements += _together(text, waiting, said_at)
            statements += [first, *others]
            host, waiting = each, []
        elif (
            host
            and not waiting
            and each.leans_on(host)
            and can_take(statements[-1])
            and not may_be_guarded(text[slice(*each.span)])
        ):
            statements[-1] = with_following(text, statements[-1], each.span)
        else:
            waiting.append(each)
    return [*statements, *_together(text, waiting, said_at)]


def _leads(text: str, waiting: Sequence[_Read], host: _Read | None, after: _Read) -> bool:
    """Tell whether the fragments before a sentence belong to it: they do not if one before them could have had them.

    What stands on a line of its own above it is a title, or one of several things.
    """
    on_its_line = "\n" not in text[waiting[0].span[0] : after.span[0]]
    has_other = host is not None and waiting[0].leans_on(host)
    return on_its_line and not has_other and all(each.leans_on(after) for each in waiting) and can_take(after.statements[0])


def _sentences(text: str, block: Block, said_at: datetime) -> list[_Read]:
    spans = sentences_of(text, block)
    if block.kind is Kind.CODE:
        return [_Read(span, block) for span in spans]
    return [each for span in spans for each in _sentence(text, span, block, said_at)]


def _sentence(text: str, span: Span, block: Block, said_at: datetime) -> list[_Read]:
    """Return the sentence, or what it states and what it asks where it surely does both."""
    found = parts(text, span)
    read = [_part(text, each, block, said_at) for each in found]
    stated = [each.is_stated for each in read]
    if len(found) == 1 or (any(stated) and (found[0].asks or stated[0])):
        return read
    return [_read(text, span, block, said_at)]


def _part(text: str, part: Part, block: Block, said_at: datetime) -> _Read:
    """Return what a part of a sentence states; what states nothing belongs to the asking."""
    read = None if part.asks else _read(text, part.span, block, said_at)
    if read and read.is_stated:
        return read
    refused = refusal(plain(text[part.span[0] : part.span[1]]))
    return _Read(part.span, block, refused or _QUESTION)


def _read(text: str, span: Span, block: Block, said_at: datetime) -> _Read:
    words = plain(text[span[0] : span[1]])
    if not is_english(words):
        return _Read(span, block)
    is_step = block.kind is Kind.ITEM and _is_numbered(text[block.span[0] : block.content[0]])
    whole = main_clause(text, span)
    main = words if whole.span == span else plain(whole.text)
    refused = refusal(words) or (None if main == words else refusal(main))
    if refused:
        return _Read(span, block, refused)
    teller = reported_by(main)
    if teller is not None:
        told, _ = _statement(whole, main, said_at, teller=teller, is_step=is_step)
        return _Read(span, block, statements=(told,))
    parts = [whole] if is_hedged(words) else clauses(whole)
    stated = []
    for each in parts if len(parts) > 1 else ():
        part = plain(each.text)
        stated.append(_statement(each, part, said_at, teller=reported_by(part), is_step=is_step))
    if not all(understood for _, understood in stated) or not stated:
        # Where one part says nothing by itself, the sentence stays whole.
        stated = [_statement(whole, main, said_at, teller=None, is_step=is_step)]
    statements = tuple(statement for statement, understood in stated if understood)
    leans = len(stated) == 1 and block.kind is not Kind.HEADING and is_fragment(text[span[0] : span[1]], stated[0][0])
    introduces = text[span[1] - 1] == ":"
    return _Read(span, block, statements=statements, is_fragment=leans, introduces=introduces)


def _is_numbered(mark: str) -> bool:
    """Tell whether the mark of a list's item gives it a place in an order: `1.`, `(a)`, not `-`."""
    return mark.strip().lstrip("(")[:1].isalnum()


def _statement(clause: Clause, words: str, said_at: datetime, *, teller: str | None, is_step: bool) -> tuple[Statement, bool]:
    """Return what a clause of these plain words states, and whether the rules understand it."""
    tense = categories.tense_of(words)
    event = event_time(words, said_at, tense)
    category = categories.category_of(words, event, tense, is_step=is_step)
    claimed = claim_of(words.rstrip(".! "), clause.text)
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


def _together(text: str, read: Sequence[_Read], said_at: datetime) -> list[Statement]:
    """Return what says nothing by itself as one statement, as it was said."""
    if not read:
        return []
    if len(read) == 1 and read[0].statements:
        return [*read[0].statements]
    span = read[0].span[0], read[-1].span[1]
    part = text[span[0] : span[1]]
    words = plain(part)
    if says_too_little(part) and read[0].block.kind is not Kind.ITEM:
        return [Statement(part, span, refusal=_TOO_SHORT)]
    return [Statement(part, span, confidence=categories.UNKNOWN, event=event_time(words, said_at, categories.tense_of(words)))]


def _whole(text: str, said_at: datetime) -> Statement:
    """Return the text as one statement, of the category of most of its sentences."""
    span = trim(text, (0, len(text)))
    said = text[span[0] : span[1]]
    words = plain(said[:LONGEST_UTTERANCE])
    is_short = len(said) <= LONGEST_UTTERANCE
    tense = categories.tense_of(words) if is_short else 0
    event = event_time(words, said_at, tense) if is_short else None
    is_read = is_short and is_english(words)
    category = categories.category_of(words, event, tense, is_step=False) if is_read else Category.FACTUAL
    return Statement(said, span, category=category, confidence=categories.UNKNOWN, event=event)


def _chunks(text: str, whole: Statement) -> tuple[Span, ...]:
    """Return the pieces of a document in its own statement's text, none of a text that is one piece."""
    start = whole.span[0]
    return tuple((first - start, last - start) for first, last in chunks(text))


def _of_a_machine(statement: Statement) -> Statement:
    return replace(statement, confidence=min(statement.confidence, MACHINES_SAY), claimed=None)
