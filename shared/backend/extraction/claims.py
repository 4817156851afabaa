"""What a clause claims of a subject that can be true of one value at a time, so that a later claim contradicts it.

Closed on purpose: two likes, two visits, two colours of the sky contradict nothing. A claim is only read where the attribute
is one of those below, and the subject is named.
"""

from __future__ import annotations

import re

from backend.extraction.model import Claimed
from backend.extraction.words import tokens

_WHO = r"(?P<who>i|we|he|she|they|(?:my|our|his|her|their|the) (?:[\w'-]+ ){0,2}[\w'-]+|[\w'-]+)"
_NOW = r"(?: (?:now|currently|still|just|recently|have|has|had|also|finally|already|actually|officially))*"
_END = (
    r"(?: (?:in|on|at|since|last|this|next|for|with|because|and|but|now|these days|again|from|after|before|as of|a few"
    r"|two|three|four|one) .*| now| again| today| yesterday)?[.! ]*$"
)
_VALUE = r"(?P<value>[^,.;!?]{1,80}?)"
_NOUNS = (
    r"(?:name|nickname|age|birthday|job|job title|title|role|position|employer|boss|manager|e-?mail(?: address)?"
    r"|phone(?: number)?|address|time ?zone"
    r"|native language|first language|mother tongue|blood type|marital status|husband|wife|spouse|partner|fiancee?"
    r"|star sign|nationality|citizenship"
    r"|deadline|due date|launch date|release date|start date|end date|budget|price|status|owner|lead|version|headquarters"
    r"|capital"
    r"|home ?town|salary|subscription|shoe size|height|weight|diet|major|school|university)"
)
_RULES: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "live in",
        re.compile(
            rf"^{_WHO}{_NOW} (?:live|lives|reside|resides|am based|is based|are based|am living|is living"
            rf"|are living) (?:in|at) {_VALUE}{_END}"
        ),
    ),
    (
        "live in",
        re.compile(
            rf"^{_WHO}{_NOW} (?:moved|relocated|am moving|is moving) (?:back |over |house |home "
            rf"|away )?(?:from [\w' -]{{1,40}}? )?to {_VALUE}{_END}"
        ),
    ),
    (
        "work at",
        re.compile(
            rf"^{_WHO}{_NOW} (?:work|works|am working|is working|am employed|is employed) (?:at|for"
            rf"|by) {_VALUE}{_END}"
        ),
    ),
    (
        "work at",
        re.compile(
            rf"^{_WHO}{_NOW} (?:joined|started (?:working )?at|started (?:a|my|her|his) (?:new )?job at"
            rf"|got (?:a|my|her|his) (?:new )?job at) {_VALUE}{_END}"
        ),
    ),
    ("work as", re.compile(rf"^{_WHO}{_NOW} (?:work|works|am working|is working) as (?:an? |the )?{_VALUE}{_END}")),
    ("be called", re.compile(rf"^{_WHO}{_NOW} (?:am called|is called|go by|goes by) {_VALUE}{_END}")),
    (
        "be married",
        re.compile(
            rf"^{_WHO}{_NOW} (?:am|is|are|got) (?P<value>married|single|divorced|engaged|widowed"
            rf"|separated)\b.*$"
        ),
    ),
    ("be years old", re.compile(rf"^{_WHO}{_NOW} (?:am|is|are|turned) (?P<value>\d{{1,3}})(?: years? old)?{_END}")),
)
_NAMED = (
    re.compile(
        rf"^(?P<whose>my|our|his|her|their|the|[\w'-]+(?:'s|s')) (?P<noun>(?:new "
        rf"|current )?(?:favou?rite [\w-]+(?: [\w-]+)?|{_NOUNS}))(?P<of> (?:of|for) (?:the |our |my )?[\w' -]{{1,40}}?)?"
        rf" (?:is|are|was changed to|was moved to|has changed to|has moved to|moved to|changed to|will be"
        rf"|has been (?:moved|changed|set) to|is set to|is now|are now) (?:now |at |on )?{_VALUE}[.! ]*$"
    ),
    re.compile(
        rf"^(?P<value>[\w' -]{{1,60}}?) (?:is|are) (?:now )?(?P<whose>my|our|his|her|their"
        rf"|the) (?P<noun>(?:favou?rite [\w-]+(?: [\w-]+)?|{_NOUNS}))(?P<of>)[.! ]*$"
    ),
    re.compile(rf"^(?P<noun>call) (?P<whose>me) {_VALUE}(?P<of>)[.! ]*$"),
)
_DENIED = re.compile(r"\b(?:not|never|no longer|n't|used to)\b|\bany ?more\b|\bno more\b")
_ARTICLES = re.compile(r"^(?:the|a|an|now|called|about|around) ")
_NO_SUBJECT = frozenset({"it", "this", "that", "there", "who", "which", "what", "and", "to"})
_OWNERS = {"my": "i", "our": "we", "me": "i"}


def claim_of(words: str) -> Claimed | None:
    """Return what a clause of plain words claims, None where nothing contradicts it."""
    if _DENIED.search(words):
        return None
    for attribute, pattern in _RULES:
        match = pattern.match(words)
        if match and match["who"] not in _NO_SUBJECT:
            return _claimed(match["who"], attribute, match["value"])
    for pattern in _NAMED:
        match = pattern.match(words)
        if match:
            noun = "name" if match["noun"] == "call" else match["noun"].removeprefix("new ").removeprefix("current ")
            owner = _OWNERS.get(match["whose"], match["whose"].removesuffix("'s").removesuffix("'"))
            of = " ".join((match["of"] or "").split()[1:])
            subject = of if of and owner == "the" else f"{owner} {of}".rstrip()
            return _claimed(subject, noun.replace("favourite", "favorite"), match["value"])
    return None


def _claimed(subject: str, attribute: str, value: str) -> Claimed | None:
    plain_value = _ARTICLES.sub("", " ".join(tokens(value)))
    return Claimed(" ".join(tokens(subject)), attribute, plain_value) if plain_value else None
