"""Sentences that state something and ask for something: "I moved to Lisbon, can you name a gym?".

Who writes to an assistant often says in one breath what is so and what is wanted. Such a sentence is cut where the asking begins
or ends: what is stated is kept, and only the asking is skipped. Where that place is not sure the sentence stays whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from backend.extraction.lexicon import REPORTS, SUBORDINATORS
from backend.extraction.modality import asks, asks_by_order, asks_politely, asks_unsigned, demands, is_asked
from backend.extraction.model import Span
from backend.extraction.structure import trim
from backend.extraction.words import plain, quotes_in

_YOU_MAY = r"(?:can|could|would|will) (?:you|u|someone|anyone|somebody|anybody)\b"
_MAY_ASK = re.compile(
    rf"\?|\b(?:{_YOU_MAY}|please|pls|(?:help|tell|show|give|send|explain|let) (?:me|us)|wonder(?:ing|ed)?|curious"
    r"|(?:would|['\u2019]?d) (?:\w+ ){0,2}(?:like|love|appreciate)|(?:want|need)(?:ed)? to (?:know|ask)"
    r"|(?:what|how|why|who|whose|where|when|which)(?:['\u2019]s)? )",
    re.IGNORECASE,
)
"""What every asking has one of: most sentences have none."""

_GAP = r"(?<!\s)\s"
"""Where a gap begins: tried from each of its blanks, a text of nothing but blanks would take the square of its length."""

_SIGN = rf"{_GAP}*(?<![,;:\u2014\u2013])[,;:\u2014\u2013]+\s*|{_GAP}+-+\s+|{_GAP}*(?:(?<!\.)\.{{2,}}|\u2026)\s*"
_BORDER = re.compile(
    rf"(?P<sign>{_SIGN})(?:(?:and|but|so|or|then|now)\s+)?|{_GAP}+(?:and|but|so)\s+|{_GAP}+(?={_YOU_MAY})",
    re.IGNORECASE,
)
_CONDITION = (
    rf"(?:(?:and|but|so|also)\s+)?(?:{'|'.join(sorted(SUBORDINATORS))}|in case|(?:should|were|had) (?:i|you|he|she|it|we|they))\b"
)
_BEGINS_WITH_CONDITION = re.compile(_CONDITION, re.IGNORECASE)
_ENDS_WITH_CONDITION = re.compile(rf"(?:{_SIGN})(?={_CONDITION}[^,;]*$)", re.IGNORECASE)
_TAG = re.compile(
    r"(?:[a-z']+ (?:not )?(?:i|you|he|she|it|we|they|there|this|that)"
    r"|(?:can|would) you believe(?: it| that)?|right|ok(?:ay)?|no|yes|correct|true|huh)\W*"
)
"""A question of an auxiliary and a pronoun at the end of a sentence asks for all of it: ", don't I?"."""

_REASON = re.compile(
    r"(?:since|because|as|given(?: that)?|considering(?: that)?|now that|seeing (?:as|that))\s+(?=(?:i|we|my|our)\b)",
    re.IGNORECASE,
)
_ONLY_LEADS = re.compile(
    r"(?:\w+ )?i (?:am |was )?(?:\w+ly |just |also |still )*"
    r"(?:(?:wonder(?:ing|ed)?|curious|ask(?:ing)?)\b|(?:not sure|unsure|confused)$)"
    r"|i (?:just |also |still |really )*(?:have|had|got|have got) (?:a|one|another|some|two|a few)(?: \w+)? questions?\b"
    r"|i (?:would (?:like|love)|(?:just |also )?(?:want|need)(?:ed)?) to (?:know|ask)\b"
    r"|(?:i|you) (?:mean|guess|think|suppose|know|see|hope so|do not know)$"
    r"|(?:(?:and|but|oh|so) )?(?:one |another |an? |the )?(?:more|last|final|next|quick|small|other)"
    r" (?:thing|one|question|favou?r|request)$"
)
"""What only says that a question comes."""

_TELLS = re.compile(rf"\b(?:{'|'.join(sorted(REPORTS | {'ask', 'asks', 'asked'}))})(?: (?:me|us|him|her|them))?$")
_OWN = r"(?=(?:i|we|my|our)\b|(?:im|ive)\b)"
_STATES_ON = re.compile(
    rf"(?:{_SIGN})(?:(?:and|but|so|also|plus|(?P<reason>because|since|as|cause|cos|considering(?: that)?|given that))\s+)?{_OWN}"
    rf"|{_GAP}+(?P<plainly>because|since|considering(?: that)?|given that)\s+{_OWN}",
    re.IGNORECASE,
)
_WEIGHS = re.compile(
    r"\b(?:think|believe|feel|true|whether|if|say|guess|imagine|suppose|assume|pretend|mean|sure|when|while|until|after|before|once"
    r"|or)\b"
)
"""Words of a question behind which a clause may be part of what is asked: "Do you think I should go, I'm too late?"."""

_FORM = 100
"""Characters in which it shows whether something asks."""

_ENDS = " \t\n?!.,;:-\u2014\u2013\u2026"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a sentence, which asks or which may state something."""

    span: Span
    asks: bool


def parts(text: str, span: Span) -> list[Part]:
    """Return what the sentence at the span states and what it asks, in its order; nothing where it may be only one of both.

    One part is a sentence that asks only, though no sign says so.
    """
    start, end = trim(text, span)
    sentence = text[start:end]
    if not _MAY_ASK.search(sentence):
        return []
    signed = is_asked(sentence)
    found = _asking_last(sentence, signed=signed)
    words = plain(sentence)
    if not found and (demands(words) or (asks_by_order(words) if signed else asks(words))):
        found = _asking_first(sentence, 0)
    return [Part((start + part.span[0], start + part.span[1]), part.asks) for part in found]


def _asking_last(sentence: str, *, signed: bool) -> list[Part]:
    """Return the parts of a sentence that states before it asks."""
    asking = _asking_from(sentence, signed=signed)
    if asking is None:
        return []
    until, begin = asking
    reason = _REASON.match(sentence)
    first = reason.end() if reason else 0
    before = plain(sentence[first:until])
    if _TELLS.search(before) or (signed and _TAG.fullmatch(plain(sentence[begin:]))):
        return []
    if _BEGINS_WITH_CONDITION.match(sentence, first) or _ONLY_LEADS.match(before):
        return [Part((0, len(sentence)), asks=True)]
    return [Part((first, until), asks=False), *(_asking_first(sentence, begin) or [Part((begin, len(sentence)), asks=True)])]


def _asking_from(sentence: str, *, signed: bool) -> Span | None:
    """Return where the part before an asking ends and where that begins: a condition belongs to what it is a condition of."""
    found: re.Match[str] | None = None
    for border in _outside_quotes(_BORDER, sentence):
        words = plain(sentence[border.end() : border.end() + _FORM])
        by_order = asks_by_order(words) if signed else asks_unsigned(words)
        if by_order or asks_politely(words) or (border["sign"] and demands(words)):
            found = border
            break
        # At the end of a question "which is better" asks; before more it may go on about what was named.
        found = border if signed and asks(words.rstrip("?")) else None
    condition = _ENDS_WITH_CONDITION.search(sentence, 0, found.start()) if found else None
    return (condition or found).span() if found else None


def _asking_first(sentence: str, begin: int) -> list[Part]:
    """Return the parts of a sentence that asks from there on: what is stated behind is the speaker's own."""
    end = len(sentence.rstrip(_ENDS))
    for border in _outside_quotes(_STATES_ON, sentence, begin):
        is_reason = border["reason"] or border["plainly"]
        if not is_reason and _WEIGHS.search(plain(sentence[begin : border.start()])):
            return []
        if border.end() < end and not _ONLY_LEADS.match(plain(sentence[border.end() : end])):
            return [Part((begin, border.start()), asks=True), Part((border.end(), end), asks=False)]
    return []


def _outside_quotes(pattern: re.Pattern[str], sentence: str, begin: int = 0) -> Iterator[re.Match[str]]:
    quoted = quotes_in(sentence)
    for found in pattern.finditer(sentence, begin):
        if found.start() > begin and not any(first <= found.start() < last for first, last in quoted):
            yield found
