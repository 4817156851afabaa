"""What holds for every statement, whoever read it: what is worth nothing to remember, and what a machine may say of a person.

The rules refuse sentences as they read them. What a language model found is held here to the same rules, by its own words and by
those around what it quotes: it may not see that a statement stands in a question, a daydream or somebody else's mouth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from backend.extraction.categories import GUESSED, REPORTED, UNSURE
from backend.extraction.modality import is_hedged, refusal, reported_by
from backend.extraction.model import Guarded, Refusal, Span, Statement
from backend.extraction.rules import MACHINE_ROLES, MACHINES_SAY
from backend.extraction.structure import sentences
from backend.extraction.words import is_english, plain

HYPOTHETICAL = "hypothetical"
"""The rule that looks at a sentence as a whole: what hangs on an "if" is not said outright."""

QUOTED = Refusal(Guarded.LOW_SIGNAL, "quoted")
_QUOTES = re.compile('\u201c[^\u201c\u201d\\n]+\u201d|\u00ab[^\u00ab\u00bb\\n]+\u00bb|\u201e[^\u201e\u201c\\n]+\u201c|"[^"\\n]+"')
_PARTS = re.compile(r"(?:[,;]\s+|\s+[-\u2013\u2014]\s+|\s+(?:and|but|so)\s+)", re.IGNORECASE)
_TAG = 3
"""Words: a question of no more at the end of a sentence asks for all of it (", don't I?")."""

_OF_THE_SPEAKER = re.compile(r"\b(?:i|me|my|mine|myself|we|us|our|ours)\b")


def held_to_the_rules(source: str, statements: Sequence[Statement]) -> list[Statement]:
    """Return what a language model read, with what the rules would refuse refused, by the rule's name."""
    stand = sentences(source)
    quoted = [match.span() for match in _QUOTES.finditer(source)]
    return [each if each.refusal else _held(each, source, _around(each.span, stand), quoted) for each in statements]


def of_its_speaker(statements: Sequence[Statement], role: str | None) -> list[Statement]:
    """Return the statements as sure as their speaker can be: what a machine says of a person is inferred, and claims nothing."""
    if role not in MACHINE_ROLES:
        return list(statements)
    return [replace(each, confidence=min(each.confidence, MACHINES_SAY), claimed=None) for each in statements]


def sentences_around(source: str, span: Span) -> str:
    """Return the sentences of the source that a span touches."""
    found = _around(span, sentences(source))
    return source[found[0][0] : found[-1][1]] if found else source[slice(*span)]


def _around(span: Span, stand: Sequence[Span]) -> list[Span]:
    return [each for each in stand if each[0] < span[1] and span[0] < each[1]]


def _held(statement: Statement, source: str, around: Sequence[Span], quoted: Sequence[Span]) -> Statement:
    own = plain(statement.text)
    if _OF_THE_SPEAKER.search(own) and any(start < statement.span[0] and statement.span[1] < end for start, end in quoted):
        return replace(statement, refusal=QUOTED)
    in_sentences = [_refused_in(source, each, statement.span) for each in around]
    # One that states something is enough: the model may quote the question before it too.
    refused = _refused(own) or (in_sentences[0] if in_sentences and all(in_sentences) else None)
    if refused:
        return replace(statement, refusal=refused)
    words = [each for each in (plain(source[slice(*span)]) for span in around) if is_english(each)]
    told, doubted = any(reported_by(each) is not None for each in words), any(map(is_hedged, [own, *words]))
    if not (told or doubted):
        return statement
    most = GUESSED if told and doubted else REPORTED if told else UNSURE
    return replace(statement, confidence=min(statement.confidence, most), claimed=None)


def _refused(words: str) -> Refusal | None:
    return refusal(words) if is_english(words) else None


def _refused_in(source: str, sentence: Span, span: Span) -> Refusal | None:
    """Return why the part of a sentence that is quoted states nothing, None where it does."""
    start, end = sentence
    said = source[start:end]
    whole = _refused(plain(said))
    if whole is None or whole.rule == HYPOTHETICAL:
        return whole
    borders = [(match.start() + start, match.end() + start) for match in _PARTS.finditer(said)]
    last = source[borders[-1][1] : end] if borders else said
    if last.rstrip().endswith("?") and len(last.split()) <= _TAG:
        return whole
    first = max((after for _, after in borders if after <= span[0]), default=start)
    until = min((before for before, _ in borders if before >= span[1]), default=end)
    return _refused(plain(source[first:until]))
